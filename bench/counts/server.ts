// A worker that answers every request it is sent with one small document, in one write: whatever a server does more
// could divide an answer differently from run to run. It reads no request, so that each has to come in one piece.
import { createServer } from "node:net"
import { parentPort } from "node:worker_threads"

const body = JSON.stringify({ id: "ch_1", amount: 450, currency: "USD", status: "succeeded" })
const answer = Buffer.from(
  `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`
)

const server = createServer({ noDelay: true }, (socket) => {
  socket.on("data", () => socket.write(answer))
  socket.on("error", () => socket.destroy())
})
server.listen(0, "127.0.0.1", () => {
  const address = server.address()
  if (address !== null && typeof address === "object") parentPort?.postMessage(`http://127.0.0.1:${address.port}`, [])
})
