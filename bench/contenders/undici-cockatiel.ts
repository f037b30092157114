// undici.request() with cockatiel's policies, wrapped as its README does: retry, breaker, timeout; and a bulkhead between
// the latter two. Its retry does not try again what the breaker refused, and the timeout is cooperative, by the signal.
import {
  BrokenCircuitError,
  bulkhead,
  circuitBreaker,
  ConsecutiveBreaker,
  ExponentialBackoff,
  handleAll,
  handleWhen,
  retry,
  timeout,
  TimeoutStrategy,
  wrap
} from "cockatiel"
import { Pool } from "undici"
import { order } from "../bodies.ts"
import type { Call, Open } from "../contender.ts"

export const open: Open = (origin, connections) => {
  const pool = new Pool(origin, { connections })
  const policy = wrap(
    retry(handleWhen((error) => !(error instanceof BrokenCircuitError)), {
      maxAttempts: 3,
      backoff: new ExponentialBackoff({ initialDelay: 1, maxDelay: 1 })
    }),
    circuitBreaker(handleAll, { halfOpenAfter: 30_000, breaker: new ConsecutiveBreaker(5) }),
    bulkhead(connections, 1000),
    timeout(10_000, TimeoutStrategy.Cooperative)
  )
  const request = async (options: Parameters<Pool["request"]>[0]) => {
    const { body, statusCode } = await pool.request(options)
    if (statusCode < 500) return body.json()
    await body.dump()
    throw new Error(`status ${statusCode}`)
  }
  const json = (path: string): Call => (done) => {
    policy.execute(({ signal }) => request({ method: "GET", path, signal })).then(done, done)
  }
  const get = json("/v1/charges/ch_1")
  return {
    get,
    getPage: json("/v1/charges"),
    getFlaky: json("/v1/flaky/ch_1"),
    post: (done) => {
      const options = { method: "POST", path: "/v1/charges", headers: { "content-type": "application/json" } } as const
      policy.execute(({ signal }) => request({ ...options, body: JSON.stringify(order), signal })).then(done, done)
    },
    getRefused: (done) => get((result) => done(result instanceof BrokenCircuitError ? "refused" : result)),
    close: () => pool.close()
  }
}
