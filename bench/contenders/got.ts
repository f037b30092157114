// got with a keep-alive agent, timeouts, and its own retries. Streams go without retries, as its README advises.
import got from "got"
import { Agent } from "node:http"
import { Readable } from "node:stream"
import { chunks, order } from "../bodies.ts"
import type { Call, Open } from "../contender.ts"

export const open: Open = (origin, connections) => {
  const http = new Agent({ keepAlive: true, maxSockets: connections, maxFreeSockets: connections })
  const client = got.extend({
    prefixUrl: origin,
    agent: { http },
    timeout: { request: 30_000 },
    retry: { limit: 3, calculateDelay: () => 1 }
  })
  const json = (path: string): Call => (done) => {
    client.get(path).json().then(done, done)
  }
  const count = async () => {
    let bytes = 0
    for await (const chunk of client.stream("v1/export", { retry: { limit: 0 } })) bytes += chunk.byteLength
    return bytes
  }
  return {
    get: json("v1/charges/ch_1"),
    getPage: json("v1/charges"),
    getFlaky: json("v1/flaky/ch_1"),
    post: (done) => {
      client.post("v1/charges", { json: order }).json().then(done, done)
    },
    download: (done) => {
      count().then(done, done)
    },
    upload: (done) => {
      client.post("v1/import", { body: Readable.from(chunks), retry: { limit: 0 } }).json().then(done, done)
    },
    close: async () => http.destroy()
  }
}
