// Answers every request with one small document, but for those to `/silent`, which it never answers. A worker, or a process
// that ends with the one that started it.
import { createServer } from "node:net"
import { parentPort } from "node:worker_threads"

const body = JSON.stringify({ id: "ch_1", amount: 450 })
const answer = Buffer.from(
  `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`
)

const server = createServer({ noDelay: true }, (socket) => {
  socket.on("data", (request) => void (request.includes(" /silent ") || socket.write(answer)))
  socket.on("error", () => socket.destroy())
})
server.listen(0, "127.0.0.1", () => {
  const address = server.address()
  if (address === null || typeof address !== "object") return
  const origin = `http://127.0.0.1:${address.port}`
  if (parentPort === null) process.send?.(origin)
  else parentPort.postMessage(origin, [])
})
process.once("disconnect", () => process.exit())
