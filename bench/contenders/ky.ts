// ky over Node's own fetch, with its timeout and retries; the dispatcher bounds the connections, and lets them be closed.
import ky from "ky"
import { Agent, setGlobalDispatcher } from "undici"
import { order, webStream } from "../bodies.ts"
import type { Open } from "../contender.ts"
import { contenderOf } from "../promises.ts"

export const open: Open = (origin, connections) => {
  const agent = new Agent({ connections })
  setGlobalDispatcher(agent)
  const client = ky.create({ baseUrl: origin, timeout: 10_000, retry: { limit: 3, delay: () => 1 } })
  return contenderOf({
    get: (path) => client.get(path).json(),
    post: (path) => client.post(path, { json: order }).json(),
    download: async (path) => (await client.get(path)).body!,
    // A stream is sent once.
    upload: (path) => client.post(path, { body: webStream(), retry: 0 }).json(),
    close: () => agent.close()
  })
}
