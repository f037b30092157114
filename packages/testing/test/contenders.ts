/** What our defaults are compared with: ways of making calls that others have documented, each with its own defaults. */
import * as Deadline from "@switchboard/core/Deadline"
import * as Outcome from "@switchboard/core/Outcome"
import * as Policy from "@switchboard/core/Policy"
import * as Bulkhead from "@switchboard/core/policy/Bulkhead"
import * as CircuitBreaker from "@switchboard/core/policy/CircuitBreaker"
import * as Retry from "@switchboard/core/policy/Retry"
import * as Timeout from "@switchboard/core/policy/Timeout"
import * as Stores from "@switchboard/core/Stores"
import * as OutageStrategy from "@switchboard/testing/OutageStrategy"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Layer from "effect/Layer"
import * as EffectCircuitBreaker from "effect/persistence/CircuitBreaker"
import * as RateLimiter from "effect/persistence/RateLimiter"
import * as Predicate from "effect/Predicate"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"

export const defaults = OutageStrategy.fromSettings("Switchboard, defaults")

/** The client as it is. */
export const noPolicy = OutageStrategy.fromClient("no policy", Effect.succeed)

const exponential = Schedule.exponential("200 millis").pipe(Schedule.jittered)

/** Three retries with an attempt timeout of 10 seconds: no budget, no circuit. */
export const retryOnly = OutageStrategy.fromClient("retry only", (client) =>
  Effect.succeed(client.pipe(
    HttpClient.transformResponse(Effect.timeout("10 seconds")),
    HttpClient.retryTransient({ times: 3, schedule: exponential })
  )))

/**
 * Effect 4.1: the order that the documentation of `HttpClient.withCircuitBreaker` recommends, with the limit and the
 * `times` of its example, the breaker of `CircuitBreaker.make`'s (5 in a row, 30 seconds), and the same timeouts as ours.
 */
export const effect = OutageStrategy.fromClient("Effect, documented order", (client) =>
  Effect.gen(function*() {
    const breaker = yield* EffectCircuitBreaker.make({
      tripPolicy: EffectCircuitBreaker.consecutive(5),
      openDuration: "30 seconds"
    })
    const limiter = yield* RateLimiter.RateLimiter
    return client.pipe(
      HttpClient.transformResponse(Effect.timeout("10 seconds")),
      HttpClient.withRateLimiter({ limiter, key: "remote", limit: 100, window: "1 second", times: 3 }),
      HttpClient.retryTransient({ times: 3, schedule: exponential }),
      HttpClient.withCircuitBreaker({ breaker }),
      HttpClient.transformResponse(Effect.timeout("30 seconds"))
    )
  }).pipe(
    Effect.provide([
      EffectCircuitBreaker.layerStoreMemory(),
      RateLimiter.layer.pipe(Layer.provide(RateLimiter.layerStoreMemory))
    ])
  ))

/**
 * .NET's `AddStandardResilienceHandler` (Polly 8), modelled with our policies. Order and defaults are those of
 * https://learn.microsoft.com/dotnet/core/resilience/http-resilience: at most 1,000 at once without a queue, 30 seconds in
 * total, 3 retries from 2 seconds with jitter, a circuit that opens for 5 seconds at 10 % failures of at least 100 calls in
 * 30 seconds, 10 seconds per attempt. 408, 429, 5xx, broken connections and timeouts are handled; an open circuit is not.
 */
export const polly = OutageStrategy.fromClient(".NET standard handler (Polly)", (client) =>
  Effect.gen(function*() {
    const name = "polly"
    const limiter = yield* Bulkhead.make({ maxConcurrent: 1000, maxQueue: 0 })
    const total = yield* Timeout.make({ timeout: "30 seconds" })
    const retry = yield* Retry.make({
      name,
      classify: handled((retryAfter) => retryAfter),
      maxRetries: 3,
      schedule: decorrelated(2000),
      maxDelay: "1 day",
      maxRetryAfter: "1 day",
      budget: false,
      abortOn: (_, outcome) => outcome._tag === "Neutral"
    })
    const breaker = yield* CircuitBreaker.make({
      name,
      classify: handled(() => undefined),
      failureThreshold: false,
      failureRate: { threshold: 0.1, window: "30 seconds", minimumCalls: 100 },
      resetTimeout: "5 seconds",
      resetFactor: 1
    })
    const attempt = yield* Timeout.make({ timeout: "10 seconds" })
    // Polly's retries know nothing of the total: they wait, and are cut off by it.
    const unaware: Policy.Policy = Policy.named("detached", undefined, Deadline.detached)
    const standard = Policy.all(limiter.policy, total.policy, unaware, retry.policy, breaker.policy, attempt.policy)
    return HttpClient.transformResponse(client, standard)
  }).pipe(Effect.provide(Stores.layerMemory)))

/** What .NET's predicates handle; what `Retry-After` is to say depends on who asks. */
const handled = (wish: (retryAfter: number | undefined) => number | undefined): Outcome.Classifier => (exit) => {
  if (Exit.isFailure(exit) || !Predicate.hasProperty(exit.value, HttpClientResponse.TypeId)) return undefined
  const { headers, status } = exit.value as HttpClientResponse.HttpClientResponse
  if (status !== 408 && status !== 429 && status < 500) return Outcome.success
  const retryAfter = headers["retry-after"]
  return Outcome.failure({ retryAfter: wish(retryAfter === undefined ? undefined : Number(retryAfter) * 1000) })
}

/**
 * Polly's jittered exponential backoff: the differences of 2^t · tanh(√(4t)) at t = n + random, n from 0, scaled so that
 * the first is `median` in the middle.
 */
const decorrelated = (median: number): Schedule.Schedule<Duration.Duration> =>
  Schedule.fromStepWithMetadata(Effect.sync(() => {
    let before = 0
    return ({ attempt }: { readonly attempt: number }) =>
      Effect.map(Random.next, (random): [Duration.Duration, Duration.Duration] => {
        const t = attempt - 1 + random
        const reached = 2 ** t * Math.tanh(Math.sqrt(4 * t))
        const delay = Duration.millis((reached - before) * median / 1.4)
        before = reached
        return [delay, delay]
      })
  }))

export const contenders = [defaults, noPolicy, retryOnly, polly, effect]
