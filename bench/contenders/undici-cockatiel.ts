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
import type { Open } from "../contender.ts"
import { awaiting } from "../promises.ts"

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
  const get = (path: string) => policy.execute(({ signal }) => request({ method: "GET", path, signal }))
  const post = { method: "POST", path: "/v1/charges", headers: { "content-type": "application/json" } } as const
  return {
    get: awaiting(() => get("/v1/charges/ch_1")),
    getPage: awaiting(() => get("/v1/charges")),
    getFlaky: awaiting(() => get("/v1/flaky/ch_1")),
    post: awaiting(() => policy.execute(({ signal }) => request({ ...post, body: JSON.stringify(order), signal }))),
    getRefused: awaiting(() =>
      get("/v1/charges/ch_1").catch((error) => error instanceof BrokenCircuitError ? "refused" : error)
    ),
    close: () => pool.close()
  }
}
