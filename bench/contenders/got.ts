// got with a keep-alive agent, timeouts, and its own retries. Streams go without retries, as its README advises.
import got from "got"
import { Agent } from "node:http"
import { Readable } from "node:stream"
import { chunks, order } from "../bodies.ts"
import type { Open } from "../contender.ts"
import { contenderOf } from "../promises.ts"

export const open: Open = (origin, connections) => {
  const http = new Agent({ keepAlive: true, maxSockets: connections, maxFreeSockets: connections })
  const client = got.extend({
    prefixUrl: origin,
    agent: { http },
    timeout: { request: 30_000 },
    retry: { limit: 3, calculateDelay: () => 1 }
  })
  // The prefix ends with a slash.
  const within = (path: string) => path.slice(1)
  return contenderOf({
    get: (path) => client.get(within(path)).json(),
    post: (path) => client.post(within(path), { json: order }).json(),
    download: async (path) => client.stream(within(path), { retry: { limit: 0 } }),
    upload: (path) => client.post(within(path), { body: Readable.from(chunks), retry: { limit: 0 } }).json(),
    close: async () => http.destroy()
  })
}
