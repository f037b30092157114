// Node's own fetch. It keeps connections alive by itself; the dispatcher bounds their number, and lets them be closed.
import { Agent, setGlobalDispatcher } from "undici"
import { order, webStream } from "../bodies.ts"
import type { Call, Open } from "../contender.ts"

export const open: Open = (origin, connections) => {
  const agent = new Agent({ connections })
  setGlobalDispatcher(agent)
  const json = (path: string): Call => (done) => {
    fetch(origin + path).then((response) => response.json()).then(done, done)
  }
  const count = async () => {
    const { body } = await fetch(`${origin}/v1/export`)
    let bytes = 0
    for await (const chunk of body!) bytes += chunk.byteLength
    return bytes
  }
  return {
    get: json("/v1/charges/ch_1"),
    getPage: json("/v1/charges"),
    getFlaky: json("/v1/flaky/ch_1"),
    post: (done) => {
      const headers = { "content-type": "application/json" }
      fetch(`${origin}/v1/charges`, { method: "POST", headers, body: JSON.stringify(order) })
        .then((response) => response.json()).then(done, done)
    },
    download: (done) => {
      count().then(done, done)
    },
    upload: (done) => {
      // The standard asks for `duplex`; the types of the DOM do not know it.
      const init: RequestInit & { readonly duplex: "half" } = { method: "POST", body: webStream(), duplex: "half" }
      fetch(`${origin}/v1/import`, init).then((response) => response.json()).then(done, done)
    },
    close: () => agent.close()
  }
}
