/** What the tests of the rate limiter share. */
import { Clock, Duration, Effect } from "effect"
import { RateLimited } from "../../src/IntegrationError.ts"
import * as RateLimit from "../../src/policy/RateLimit.ts"
import { begin } from "./fixtures.ts"

export const make = (options: RateLimit.Options & { readonly name?: string }) =>
  RateLimit.make({ name: "test", ...options })

export const nowMillis = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos) / 1e6)

/** Begins so many calls, which log when they start. */
export const starts = (limiter: RateLimit.RateLimit, n: number, log: Array<number> = []) =>
  Effect.as(
    Effect.replicateEffect(begin(limiter.policy(Effect.map(nowMillis, (at) => void log.push(at)))), n),
    log
  )

export const refused = (millis: number) => new RateLimited({ by: "local", retryAfter: Duration.millis(millis) })

/** Until all that may start now has started. */
export const settled = Effect.repeat(Effect.yieldNow, { times: 50 })

/** mulberry32: small, seeded, good enough to make schedules. */
export const random = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296
}
