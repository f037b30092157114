// The remote: answers every request with one small JSON document, and prints its origin when it listens.
import { createServer } from "node:http"

const body = JSON.stringify({
  id: "ch_1",
  amount: 450,
  currency: "USD",
  status: "succeeded",
  description: "two flat whites"
})
const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) }

const server = createServer((_, response) => response.writeHead(200, headers).end(body))
server.listen(0, "127.0.0.1", () => {
  const address = server.address()
  if (address !== null && typeof address === "object") console.log(`http://127.0.0.1:${address.port}`)
})
process.once("disconnect", () => process.exit())
