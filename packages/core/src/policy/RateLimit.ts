/**
 * Starts no more calls than a remote allows, and obeys what the remote says about its limit.
 *
 * - Sliding window: never more than `limit` in any window, whichever way the remote counts.
 * - Fixed window: `limit` in each window; up to twice that around the end of one.
 * - Token bucket: up to `burst` at once, then one every `window / limit`; so at most `limit + burst - 1` in any window.
 *
 * A call that has to wait does so in a queue, first come first served. One whose turn is later than `maxWait`, or than
 * `CurrentDeadline`, is refused at once, also when that comes to light while it waits. A waiter that is interrupted takes
 * nothing, and those behind it move up. A call that a policy inside refused before it was sent gives back what it took, if
 * no other has started since.
 *
 * Where it is `adaptive`, a call that the remote throttles (429) slows the limiter down to 0.7 of the rate that was measured,
 * whatever the limit allows; from then on the rate grows by a tenth of that in each window, taken to be at least a second and
 * at most a minute. It never falls below one call in a window of that kind. Until the first throttle it changes nothing.
 *
 * Where `Stores` has a shared store, all processes with a limiter of that name keep to one limit together, on the store's
 * clock. Each call then asks the store for its turn; calls that wait ask together, and keep their order within a process.
 * While the store cannot be reached, each process keeps to the limit by itself, or refuses, as the store says.
 *
 * @example
 * const limiter = yield* RateLimit.make({ name: "coffee/Payments", limit: 100, window: "1 minute" })
 * yield* charge.pipe(limiter.policy) // waits up to 30 seconds, or fails with `RateLimited`
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { RateLimited } from "../IntegrationError.ts"
import * as monotonic from "../internal/monotonic.ts"
import type { Counter } from "../internal/rateLimit/counter.ts"
import { Desk } from "../internal/rateLimit/desk.ts"
import * as Hints from "../internal/rateLimit/hints.ts"
import { Limiter, shown } from "../internal/rateLimit/limiter.ts"
import { limitsOf, settingsOf, validate as check, validateShared } from "../internal/rateLimit/options.ts"
import * as Pacing from "../internal/rateLimit/pacing.ts"
import { keyOf } from "../internal/rateLimit/pacingText.ts"
import * as Queue from "../internal/rateLimit/queue.ts"
import type { Unit } from "../internal/rateLimit/resetTime.ts"
import { SharedLimiter } from "../internal/rateLimit/sharedLimiter.ts"
import { type InvalidOptions, type Problem, refuse } from "../InvalidOptions.ts"
import type * as Outcome from "../Outcome.ts"
import * as Policy from "../Policy.ts"
import { Stores } from "../Stores.ts"

export type { HeaderFields, Hint } from "../internal/rateLimit/hints.ts"

/** A limiter. Its pace, its queue and its limit are shared by all limiters of that name in the same `Stores`. */
export interface RateLimit {
  readonly name: string
  readonly gate: Policy.Gate<RateLimited>
  readonly policy: Policy.Policy<RateLimited>
  /** What the headers of an answer say of the remote's limit. `wallNow` in milliseconds since 1970. */
  readonly hintOf: (headers: Hints.HeaderFields, wallNow: number) => Hints.Hint | undefined
  /**
   * Obeys a hint with `remaining` and `resetMillis`: no more calls than that start until then. `now` in milliseconds of the
   * monotonic clock. It never allows more than the limit does. A throttled outcome that is settled with a `retryAfter` needs
   * no hint: nothing starts for so long.
   */
  readonly hint: (hint: Hints.Hint, now: number) => void
  /**
   * Another limit from now on; what is left out stays. Calls that have started count, and who waits is told. Where it is
   * shared, it is the limit of all processes, until one of them is given another.
   */
  readonly update: (limit: Partial<Limit>) => Effect.Effect<void, InvalidOptions>
  readonly state: Effect.Effect<State>
}

/** How many calls in how long. */
export interface Limit {
  /** Calls in a window, at least 1; at most 100,000 for a sliding window, 1,000 where it is shared. */
  readonly limit: number
  /** Positive and finite. */
  readonly window: Duration.Input
  /** Calls that the token bucket lets start at once after a pause, at least 1. Default `limit`. */
  readonly burst?: number | undefined
}

export interface Options extends Limit {
  /** Default `token-bucket` where `burst` is given, or else `sliding-window`. */
  readonly algorithm?: Algorithm | undefined
  /** Whether it slows down where the remote throttles: default false. The limit is the ceiling. */
  readonly adaptive?: boolean | undefined
  /** How late a turn may be, not negative: default 30 seconds. Zero: calls never wait. */
  readonly maxWait?: Duration.Input | undefined
  /** How many may wait, at least 0: default 1,000. */
  readonly maxQueue?: number | undefined
  /** How long the remote's word counts at most, not negative: default 1 minute. Zero: it is ignored. */
  readonly maxHintDelay?: Duration.Input | undefined
  /** Headers of a vendor's own. Absent: the customary ones alone. */
  readonly hintHeaders?: HintHeaders | undefined
}

export type Algorithm = Counter["_tag"]

/** Names of headers; they are read before the customary ones. Those with `X-` are customary, and need no names. */
export interface HintHeaders {
  /** Calls from one reset to the next. */
  readonly limit?: string | undefined
  /** Calls that are left. */
  readonly remaining?: string | undefined
  /**
   * When the limit is reset. From 10^11 on a number is a time in milliseconds since 1970, from 10^9 on a time in seconds,
   * below that a span. Spans such as `6m0s`, HTTP dates and RFC 3339 dates are understood as well.
   */
  readonly reset?: string | undefined
  /** How a span that is a mere number is counted: default `seconds`. */
  readonly resetUnit?: Unit | undefined
}

/** What a limiter would do now. */
export interface State {
  readonly limit: number
  readonly window: Duration.Duration
  /** Calls that could start at once. */
  readonly available: number
  readonly waiting: number
  /** When one more call would have its turn. */
  readonly retryAfter: Duration.Duration
}

/** What is wrong with some options. */
export const validate: (options: Partial<Options>) => ReadonlyArray<Problem> = check

/**
 * A limiter of that name. If there is one already, its limit becomes this one, and what it has counted stays; another
 * algorithm counts anew. `classify` decides for its policy the outcomes it knows.
 */
export const make = Effect.fnUntraced(function*(
  options: Options & { readonly name: string; readonly classify?: Outcome.Classifier | undefined }
): Effect.fn.Return<RateLimit, InvalidOptions, Stores> {
  yield* refuse(validate(options))
  const { name } = options
  const stores = yield* Stores
  const { shared } = stores
  const limits = limitsOf(options)
  if (shared !== undefined) yield* refuse(validateShared(limits))
  const key = `rate-limit/${name}`
  const cell = (yield* stores.state(key, () => Pacing.initial(limits))).ref
  const queue = (yield* stores.state(`${key}/queue`, Queue.make)).ref.current
  const settings = settingsOf(options)
  const local = new Limiter(cell, queue, settings)
  const context = yield* Effect.context<never>()
  const limiter = shared === undefined ? local : new SharedLimiter(
    local,
    (yield* stores.state(`${key}/desk`, () => new Desk(shared, keyOf(name), cell, context))).ref.current,
    settings
  )
  yield* atNow((now) => limiter.adapt(limits, now))
  return {
    name,
    gate: limiter,
    policy: Policy.named("RateLimit", options, Policy.fromGate(limiter, options)),
    hintOf: (headers, wallNow) => Hints.hintOf(headers, settings.names, wallNow),
    hint: (hint, now) => limiter.hint(hint, now),
    update: Effect.fnUntraced(function*(limit) {
      const { adaptive, algorithm, burst, limit: calls, window } = cell.current.limits
      const next = {
        adaptive,
        algorithm,
        limit: limit.limit ?? calls,
        window: limit.window ?? window,
        burst: limit.burst ?? burst
      }
      yield* refuse(validate(next))
      if (shared !== undefined) yield* refuse(validateShared(limitsOf(next)))
      yield* atNow((now) => limiter.adapt(limitsOf(next), now))
    }),
    state: Effect.map(limiter.seen, shown)
  }
})

const atNow = <A>(f: (now: number) => A): Effect.Effect<A> =>
  Effect.withFiber((fiber) => Effect.succeed(f(monotonic.now(fiber))))
