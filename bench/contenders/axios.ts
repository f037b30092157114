// axios with a keep-alive agent. A 503 is an answer, so that it can be told as one. It follows
// redirects, as it does by default; its README asks for `maxRedirects: 0` where a stream is sent.
import { create } from "axios"
import { Agent } from "node:http"
import { Readable } from "node:stream"
import { chunks, order } from "../bodies.ts"
import type { Call, Open } from "../contender.ts"

export const open: Open = (origin, connections) => {
  const httpAgent = new Agent({ keepAlive: true, maxSockets: connections, maxFreeSockets: connections })
  const client = create({ baseURL: origin, httpAgent, timeout: 10_000, validateStatus: null })
  const json = (path: string): Call => (done) => {
    client.get(path).then(({ data }) => data).then(done, done)
  }
  const count = async () => {
    const { data } = await client.get<Readable>("/v1/export", { responseType: "stream" })
    let bytes = 0
    for await (const chunk of data) bytes += chunk.byteLength
    return bytes
  }
  return {
    get: json("/v1/charges/ch_1"),
    getPage: json("/v1/charges"),
    getFlaky: json("/v1/flaky/ch_1"),
    post: (done) => {
      client.post("/v1/charges", order).then(({ data }) => data).then(done, done)
    },
    download: (done) => {
      count().then(done, done)
    },
    upload: (done) => {
      const headers = { "content-type": "application/octet-stream" }
      client.post("/v1/import", Readable.from(chunks), { headers, maxRedirects: 0 }).then(({ data }) => data).then(
        done,
        done
      )
    },
    close: async () => httpAgent.destroy()
  }
}
