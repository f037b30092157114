// The baseline: undici.request() and body.json(), over a pool of as many connections as calls at a time.
import { Readable } from "node:stream"
import { Pool } from "undici"
import { chunks, order } from "../bodies.ts"
import type { Open } from "../contender.ts"
import { contenderOf } from "../promises.ts"

export const open: Open = (origin, connections) => {
  const pool = new Pool(origin, { connections })
  return contenderOf({
    get: (path) => pool.request({ method: "GET", path }).then(({ body }) => body.json()),
    post: (path) => {
      const headers = { "content-type": "application/json" }
      return pool.request({ method: "POST", path, headers, body: JSON.stringify(order) }).then(({ body }) =>
        body.json()
      )
    },
    download: async (path) => (await pool.request({ method: "GET", path })).body,
    upload: (path) =>
      pool.request({ method: "POST", path, body: Readable.from(chunks) }).then(({ body }) => body.json()),
    close: () => pool.close()
  })
}
