// axios with a keep-alive agent. A 503 is an answer, so that it can be told as one. It follows
// redirects, as it does by default; its README asks for `maxRedirects: 0` where a stream is sent.
import { create } from "axios"
import { Agent } from "node:http"
import { Readable } from "node:stream"
import { chunks, order } from "../bodies.ts"
import type { Open } from "../contender.ts"
import { contenderOf } from "../promises.ts"

export const open: Open = (origin, connections) => {
  const httpAgent = new Agent({ keepAlive: true, maxSockets: connections, maxFreeSockets: connections })
  const client = create({ baseURL: origin, httpAgent, timeout: 10_000, validateStatus: null })
  return contenderOf({
    get: async (path) => (await client.get(path)).data,
    post: async (path) => (await client.post(path, order)).data,
    download: async (path) => (await client.get<Readable>(path, { responseType: "stream" })).data,
    upload: async (path) => {
      const headers = { "content-type": "application/octet-stream" }
      return (await client.post(path, Readable.from(chunks), { headers, maxRedirects: 0 })).data
    },
    close: async () => httpAgent.destroy()
  })
}
