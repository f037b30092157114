// Node's own fetch. It keeps connections alive by itself; the dispatcher bounds their number, and lets them be closed.
import { Agent, setGlobalDispatcher } from "undici"
import { order, webStream } from "../bodies.ts"
import type { Open } from "../contender.ts"
import { contenderOf } from "../promises.ts"

export const open: Open = (origin, connections) => {
  const agent = new Agent({ connections })
  setGlobalDispatcher(agent)
  return contenderOf({
    get: async (path) => (await fetch(origin + path)).json(),
    post: async (path) => {
      const headers = { "content-type": "application/json" }
      return (await fetch(origin + path, { method: "POST", headers, body: JSON.stringify(order) })).json()
    },
    download: async (path) => (await fetch(origin + path)).body!,
    upload: async (path) => {
      // The standard asks for `duplex`; the types of the DOM do not know it.
      const init: RequestInit & { readonly duplex: "half" } = { method: "POST", body: webStream(), duplex: "half" }
      return (await fetch(origin + path, init)).json()
    },
    close: () => agent.close()
  })
}
