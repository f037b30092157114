// axios, retried by axios-retry, behind opossum's breaker: the options of both READMEs. The breaker is outside, so that it
// judges calls and has their timeout; axios-retry's default waits for nothing.
import { type AxiosRequestConfig, create } from "axios"
import axiosRetry from "axios-retry"
import { Agent } from "node:http"
import CircuitBreaker from "opossum"
import { order } from "../bodies.ts"
import type { Open } from "../contender.ts"
import { awaiting } from "../promises.ts"

export const open: Open = (origin, connections) => {
  const httpAgent = new Agent({ keepAlive: true, maxSockets: connections, maxFreeSockets: connections })
  const client = create({ baseURL: origin, httpAgent, timeout: 10_000 })
  axiosRetry(client, { retries: 3 })
  const breaker = new CircuitBreaker((config: AxiosRequestConfig) => client.request(config), {
    timeout: 30_000,
    errorThresholdPercentage: 50,
    resetTimeout: 30_000
  })
  const json = async (config: AxiosRequestConfig): Promise<unknown> => (await breaker.fire(config)).data
  const calls = (config: AxiosRequestConfig) => awaiting(() => json(config))
  const charge = { url: "/v1/charges/ch_1" }
  return {
    get: calls(charge),
    getPage: calls({ url: "/v1/charges" }),
    getFlaky: calls({ url: "/v1/flaky/ch_1" }),
    post: calls({ method: "POST", url: "/v1/charges", data: order }),
    getRefused: awaiting(() =>
      json(charge).catch((error: { readonly code?: string }) => error.code === "EOPENBREAKER" ? "refused" : error)
    ),
    close: async () => {
      breaker.shutdown()
      httpAgent.destroy()
    }
  }
}
