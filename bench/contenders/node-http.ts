// node:http with an agent that keeps connections alive, and the body collected by hand.
import { Agent, type IncomingMessage, request, type RequestOptions } from "node:http"
import { pipeline, Readable } from "node:stream"
import { chunks, order } from "../bodies.ts"
import { type Done, inTurn } from "../callbacks.ts"
import type { Open } from "../contender.ts"

const decode = (done: Done) => (response: IncomingMessage): void => {
  const parts: Array<Buffer> = []
  response.on("data", (part: Buffer) => parts.push(part))
  response.on("end", () => done(JSON.parse(Buffer.concat(parts).toString())))
  response.on("error", done)
}

const count = (done: Done) => (response: IncomingMessage): void => {
  let bytes = 0
  response.on("data", (part: Buffer) => {
    bytes += part.byteLength
  })
  response.on("end", () => done(bytes))
  response.on("error", done)
}

export const open: Open = (origin, connections) => {
  const agent = new Agent({ keepAlive: true, maxSockets: connections, maxFreeSockets: connections })
  const { hostname, port } = new URL(origin)
  const send = (options: RequestOptions, read: (response: IncomingMessage) => void, done: Done) =>
    request({ hostname, port, agent, ...options }, read).on("error", done)
  const get = (path: string, read: typeof decode) => inTurn((done) => send({ path }, read(done), done).end())
  return {
    get: get("/v1/charges/ch_1", decode),
    getPage: get("/v1/charges", decode),
    getFlaky: get("/v1/flaky/ch_1", decode),
    download: get("/v1/export", count),
    post: inTurn((done) => {
      const body = JSON.stringify(order)
      const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) }
      send({ method: "POST", path: "/v1/charges", headers }, decode(done), done).end(body)
    }),
    upload: inTurn((done) => {
      pipeline(Readable.from(chunks), send({ method: "POST", path: "/v1/import" }, decode(done), done), (error) => {
        if (error) done(error)
      })
    }),
    close: async () => agent.destroy()
  }
}
