// The baseline: undici.request() and body.json().
import { Pool } from "undici"
import type { Open } from "../contender.ts"

export const open: Open = (origin, connections) => {
  const pool = new Pool(origin, { connections })
  return {
    call: (done) => {
      pool.request({ method: "GET", path: "/charge" }).then(({ body }) => body.json()).then(done, done)
    },
    close: () => pool.close()
  }
}
