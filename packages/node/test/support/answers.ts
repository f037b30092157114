/** A real HTTP server that does what an `Answer` says. */
import type * as Answer from "@switchboard/testing/Answer"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { once } from "node:events"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { Socket } from "node:net"
import { buffer } from "node:stream/consumers"

export interface Request {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage["headers"]
  readonly body: Uint8Array
}

export interface AnswerServer {
  readonly origin: string
  readonly requests: Array<Request>
  /** Sockets that are open now. */
  readonly sockets: Set<Socket>
}

/** Until the scope closes. */
export const serveAnswers = (handler: (request: Request) => Answer.Answer) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const requests: Array<Request> = []
      const sockets = new Set<Socket>()
      const server = createServer((message, response) => {
        void buffer(message).then((body) => {
          const { headers, method = "GET", url = "/" } = message
          const request = { method, url, headers, body: new Uint8Array(body) }
          requests.push(request)
          give(response, handler(request))
        }, () => {})
      })
      server.on("connection", (socket) => {
        sockets.add(socket)
        socket.on("close", () => sockets.delete(socket))
      })
      server.listen(0, "127.0.0.1")
      await once(server, "listening")
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      return { server, origin: `http://127.0.0.1:${port}`, requests, sockets }
    }),
    ({ server }) =>
      Effect.sync(() => {
        server.closeAllConnections()
        server.close()
      })
  )

const give = (response: ServerResponse, answer: Answer.Answer): void => {
  switch (answer._tag) {
    case "Silence":
      return
    case "Break":
      response.socket?.resetAndDestroy()
      return
    case "Delayed": {
      const timer = setTimeout(() => give(response, answer.answer), Duration.toMillis(answer.duration))
      response.on("close", () => clearTimeout(timer))
      return
    }
    case "Respond":
      return respond(response, answer)
  }
}

const respond = (response: ServerResponse, { body, end, headers, status }: Answer.Respond): void => {
  const { socket } = response
  const finish = () => {
    if (end === "complete") response.end()
    else if (end === "reset") socket?.resetAndDestroy()
    else if (end === "truncated") socket?.destroy()
  }
  response.statusCode = status
  for (const [name, value] of Object.entries(headers)) if (value !== undefined) response.setHeader(name, value)
  if (body instanceof Uint8Array) {
    response.write(body, finish)
    return
  }
  const fiber = Effect.runFork(Effect.andThen(
    Stream.runForEach(
      body,
      (chunk) => Effect.callback<void>((resume) => void response.write(chunk, () => resume(Effect.void)))
    ),
    Effect.sync(finish)
  ))
  response.on("close", () => Effect.runFork(Fiber.interrupt(fiber)))
}
