/** An HTTP server that does with each request what fate has in store for it. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import type { Fates } from "./Fate.ts"

export interface Request {
  readonly headers: IncomingMessage["headers"]
  readonly body: any
}

export interface Answer {
  readonly status: number
  readonly body: unknown
}

export interface Server {
  readonly baseUrl: string
  readonly requests: () => number
}

export interface Options {
  /** Method and path, such as `POST /api/v1/payment`. */
  readonly route: string
  readonly fates: Fates
  /** Does the work. A second request of the same key is its business. */
  readonly handle: (request: Request) => Answer
}

/** Listens on a port of 127.0.0.1 that the system chooses. */
export const serve = async ({ fates, handle, route }: Options): Promise<Server> => {
  let requests = 0
  const server = createServer(async (request, response) => {
    requests++
    const chunks = await request.toArray().catch(() => undefined)
    if (chunks === undefined) return
    const body = Buffer.concat(chunks).toString()
    if (`${request.method} ${request.url}` !== route) {
      return send(response, { status: 404, body: { error: "no such path" } })
    }
    const fate = fates.next()
    switch (fate._tag) {
      case "Hang":
        return
      case "Reset":
        return request.socket.resetAndDestroy()
      case "TooMany":
        return send(response, { status: 429, body: { error: "slow down" } }, { "retry-after": "1" })
      case "Unavailable":
        return later(fate.delay, () => send(response, { status: 503, body: { error: "unavailable" } }))
      case "ResetInBody": {
        const answer = handle({ headers: request.headers, body: JSON.parse(body) })
        return later(fate.delay, () => breakOff(response, answer))
      }
      case "Answer": {
        // The work is done at once: who gives up waiting for the answer has its effect all the same.
        const answer = handle({ headers: request.headers, body: JSON.parse(body) })
        return later(fate.delay, () => send(response, answer))
      }
    }
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as AddressInfo
  return { baseUrl: `http://127.0.0.1:${port}/api/v1`, requests: () => requests }
}

const later = (millis: number, then: () => void): void => void setTimeout(then, millis)

const send = (response: ServerResponse, { body, status }: Answer, headers: Record<string, string> = {}): void => {
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body))
}

const breakOff = (response: ServerResponse, { body, status }: Answer): void => {
  const text = JSON.stringify(body)
  response.writeHead(status, { "content-type": "application/json", "content-length": text.length })
  response.write(text.slice(0, text.length / 2), () => response.socket?.resetAndDestroy())
}
