// The baseline: undici.request() and body.json(), over a pool of as many connections as calls at a time.
import { Readable } from "node:stream"
import { Pool } from "undici"
import { chunks, order } from "../bodies.ts"
import type { Call, Open } from "../contender.ts"

export const open: Open = (origin, connections) => {
  const pool = new Pool(origin, { connections })
  const json = (path: string): Call => (done) => {
    pool.request({ method: "GET", path }).then(({ body }) => body.json()).then(done, done)
  }
  const count = async () => {
    const { body } = await pool.request({ method: "GET", path: "/v1/export" })
    let bytes = 0
    for await (const chunk of body) bytes += chunk.byteLength
    return bytes
  }
  return {
    get: json("/v1/charges/ch_1"),
    getPage: json("/v1/charges"),
    getFlaky: json("/v1/flaky/ch_1"),
    post: (done) => {
      const headers = { "content-type": "application/json" }
      pool.request({ method: "POST", path: "/v1/charges", headers, body: JSON.stringify(order) })
        .then(({ body }) => body.json()).then(done, done)
    },
    download: (done) => {
      count().then(done, done)
    },
    upload: (done) => {
      pool.request({ method: "POST", path: "/v1/import", body: Readable.from(chunks) })
        .then(({ body }) => body.json()).then(done, done)
    },
    close: () => pool.close()
  }
}
