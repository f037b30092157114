// Stripe's own SDK, with the same server in the place of Stripe: its node:http client with a keep-alive agent. It sends forms.
// Reports about its own requests are off, and so are retries, whose waits of half a second and more cannot be set.
import { Agent } from "node:http"
import { Stripe } from "stripe"
import { order } from "../bodies.ts"
import type { Open } from "../contender.ts"
import { awaiting } from "../promises.ts"

export const open: Open = (origin, connections) => {
  const httpAgent = new Agent({ keepAlive: true, maxSockets: connections, maxFreeSockets: connections })
  const { hostname, port } = new URL(origin)
  const stripe = new Stripe("sk_test_bench", {
    host: hostname,
    port,
    protocol: "http",
    httpAgent,
    telemetry: false,
    maxNetworkRetries: 0
  })
  return {
    get: awaiting(() => stripe.charges.retrieve("ch_1")),
    getPage: awaiting(() => stripe.charges.list()),
    post: awaiting(() => stripe.charges.create(order)),
    close: async () => httpAgent.destroy()
  }
}
