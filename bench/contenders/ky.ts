// ky over Node's own fetch, with its timeout and retries; the dispatcher bounds the connections, and lets them be closed.
import ky from "ky"
import { Agent, setGlobalDispatcher } from "undici"
import { order, webStream } from "../bodies.ts"
import type { Call, Open } from "../contender.ts"

export const open: Open = (origin, connections) => {
  const agent = new Agent({ connections })
  setGlobalDispatcher(agent)
  const client = ky.create({ baseUrl: origin, timeout: 10_000, retry: { limit: 3, delay: () => 1 } })
  const json = (path: string): Call => (done) => {
    client.get(path).json().then(done, done)
  }
  const count = async () => {
    const { body } = await client.get("/v1/export")
    let bytes = 0
    for await (const chunk of body!) bytes += chunk.byteLength
    return bytes
  }
  return {
    get: json("/v1/charges/ch_1"),
    getPage: json("/v1/charges"),
    getFlaky: json("/v1/flaky/ch_1"),
    post: (done) => {
      client.post("/v1/charges", { json: order }).json().then(done, done)
    },
    download: (done) => {
      count().then(done, done)
    },
    upload: (done) => {
      // A stream is sent once.
      client.post("/v1/import", { body: webStream(), retry: 0 }).json().then(done, done)
    },
    close: () => agent.close()
  }
}
