/** Servers that answer with exactly the bytes a test wants, and count what happens to their sockets. */
import * as Effect from "effect/Effect"
import { once } from "node:events"
import * as net from "node:net"
import * as tls from "node:tls"

export interface RawServer {
  readonly origin: string
  readonly port: number
  /** Sockets that are open now. */
  readonly sockets: Set<net.Socket>
  /** Sockets that were ever opened. */
  opened: number
  /** Everything that was received. */
  received: string
}

/** Calls `onRequest` with each chunk that a client sends. */
export const serve = (
  onRequest: (socket: net.Socket, text: string, server: RawServer) => void,
  secure?: { readonly key: string; readonly cert: string }
) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const onSocket = (socket: net.Socket) => {
        state.opened++
        state.sockets.add(socket)
        socket.on("close", () => state.sockets.delete(socket))
        socket.on("error", () => {})
        socket.on("data", (chunk) => {
          const text = chunk.toString("latin1")
          state.received = (state.received + text).slice(-1_000_000)
          onRequest(socket, text, state)
        })
      }
      const server = secure === undefined ? net.createServer(onSocket) : tls.createServer(secure, onSocket)
      server.listen(0, "127.0.0.1")
      await once(server, "listening")
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      const scheme = secure === undefined ? "http" : "https"
      const state: RawServer & { readonly server: net.Server } = {
        origin: `${scheme}://localhost:${port}`,
        port,
        sockets: new Set(),
        opened: 0,
        received: "",
        server
      }
      return state
    }),
    (state) =>
      Effect.sync(() => {
        for (const socket of state.sockets) socket.destroy()
        state.server.close()
      })
  )

/** An answer with a body, or only its head if `length` says more. */
export const answer = (body = "ok", headers = "", length = Buffer.byteLength(body)): string =>
  `HTTP/1.1 200 OK\r\ncontent-length: ${length}\r\n${headers}\r\n${body}`

/** A server that answers each request, and one that never does. */
export const echo = serve((socket) => socket.write(answer()))
export const silent = serve(() => {})

/** Waits until it is so; no clock is involved, only turns of the event loop. */
export const until = (condition: () => boolean): Effect.Effect<void> =>
  Effect.promise(async () => {
    while (!condition()) await new Promise((resolve) => setImmediate(resolve))
  })
