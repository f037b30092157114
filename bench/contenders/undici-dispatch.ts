// What undici can do at best: dispatch with a handler that buffers the body and parses it.
import { Pool } from "undici"
import type { Open } from "../contender.ts"

export const open: Open = (origin, connections) => {
  const pool = new Pool(origin, { connections })
  return {
    call: (done) => {
      const chunks: Array<Buffer> = []
      pool.dispatch({ method: "GET", path: "/charge" }, {
        onRequestStart() {},
        onResponseStart() {},
        onResponseData(_, chunk) {
          chunks.push(chunk)
        },
        onResponseEnd() {
          done(JSON.parse((chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)).toString()))
        },
        onResponseError(_, error) {
          done(error)
        }
      })
    },
    close: () => pool.close()
  }
}
