/**
 * Makes another attempt when the first has not answered in time, and takes whichever answer comes first, so that a slow
 * replica or a lost packet does not make a call slow.
 *
 * When is a delay, or a percentile of what answers took lately, so that a share of all calls is hedged whatever the
 * remote's speed. An attempt that fails does not wait for the delay: the next begins at once, unless the remote asked
 * for time, or the failure is one that another attempt would not mend; then none begins any more, and those that run
 * decide. Each attempt after the first is paid from a budget, and where that is empty there is none.
 *
 * The attempts that lose are interrupted, and have released what they held before the call ends. If all fail, the call
 * ends as its first attempt did. Only for what may be done twice: a read, or a write with an idempotency key.
 *
 * @example
 * const hedge = yield* Hedge.make({ name: "coffee/Menu", delay: { percentile: 0.95 } })
 * yield* menu.pipe(hedge.policy)
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { isIntegrationError, isReason } from "../IntegrationError.ts"
import { atLeast, millis, positive, problems, unless } from "../internal/checks.ts"
import * as Latencies from "../internal/hedge/latencies.ts"
import { race, type Settings, type Upcoming, type Verdict } from "../internal/hedge/race.ts"
import * as monotonic from "../internal/monotonic.ts"
import * as RetryBudget from "../internal/retry/budget.ts"
import { budgetOf } from "../internal/retry/options.ts"
import { type InvalidOptions, type Problem, refuse } from "../InvalidOptions.ts"
import * as Outcome from "../Outcome.ts"
import * as Policy from "../Policy.ts"
import { Stores } from "../Stores.ts"

export type { Upcoming, Verdict } from "../internal/hedge/race.ts"
export type { Payer } from "../internal/retry/budget.ts"

/** Hedged attempts. */
export interface Hedge {
  /**
   * For any effect that may be repeated. Where there is a `CurrentCall`, each attempt has its own number in it; where
   * there is a scope, what a losing attempt added to it is released with the attempt.
   */
  readonly policy: Policy.Policy
  /** The same for attempts made one by one from their number, from 1. `judge` says what each came to. */
  readonly attempts: <A, E, R>(
    attempt: (attempt: number) => Effect.Effect<A, E, R>,
    judge?: (exit: Exit.Exit<A, E>) => Verdict
  ) => Effect.Effect<A, E, R>
  /** How long a call that begins now waits before its second attempt; `undefined` while it would make none. */
  readonly delay: Effect.Effect<Duration.Duration | undefined>
}

export interface Options {
  /**
   * How long an attempt runs before the next one begins: not negative. Zero: all begin at once. Infinite: one begins
   * only when the one before has failed. Or a percentile of what answers took lately. Default: the 95th percentile.
   */
  readonly delay?: Duration.Input | Percentile | undefined
  /** Attempts besides the first, at least 1: default 1. */
  readonly maxHedges?: number | undefined
}

/**
 * The delay that this share of recent attempts did not exceed, at least 1 millisecond, exact to 9 % and never too
 * short. An attempt counts that answered, that timed out, or that was overtaken after the delay; one that failed fast
 * does not.
 */
export interface Percentile {
  /** A share: more than 0, at most 1. */
  readonly percentile: number
  /** As long as fewer attempts count there are no hedges: at least 1, default 20. */
  readonly minimumCalls?: number | undefined
  /** How long an attempt counts at least, and half of how long it counts at most: positive, default 1 minute. */
  readonly window?: Duration.Input | undefined
}

/** What is wrong with some options. */
export const validate = ({ delay, maxHedges }: Options): ReadonlyArray<Problem> => [
  ...problems(atLeast(1, "maxHedges", maxHedges)),
  ...(isPercentile(delay)
    ? problems(
      unless(
        delay.percentile > 0 && delay.percentile <= 1,
        "delay.percentile",
        `must be more than 0 and at most 1, got ${delay.percentile}`
      ),
      atLeast(1, "delay.minimumCalls", delay.minimumCalls),
      positive("delay.window", delay.window)
    )
    : problems(unless(delay === undefined || millis(delay) >= 0, "delay", "must be a duration that is not negative")))
]

/**
 * Hedges of calls that have a name in common: they share what is known of latencies, and, unless told otherwise, the
 * budget that retries of that name have in the same `Stores`, with its defaults. `classify` decides the outcomes it
 * knows, the default classifier the rest. `onHedge` is told before each attempt after the first; if it throws, that is
 * ignored.
 */
export const make = Effect.fnUntraced(function*(
  options: Options & {
    readonly name: string
    /** Pays for hedges, such as the `budget` of a `Retry`; whoever made it tells it of calls. `false`: no limit. */
    readonly budget?: RetryBudget.Payer | false | undefined
    readonly classify?: Outcome.Classifier | undefined
    readonly onHedge?: ((upcoming: Upcoming) => void) | undefined
  }
): Effect.fn.Return<Hedge, InvalidOptions, Stores> {
  yield* refuse(validate(options))
  const { maxHedges, name, onHedge } = options
  const { delay, record } = yield* timing(name, options.delay ?? { percentile: 0.95 })
  const own = options.budget === undefined ? yield* RetryBudget.named(name, budgetOf({})) : RetryBudget.unlimited
  const settings: Settings = {
    maxHedges: maxHedges ?? 1,
    delay,
    record,
    payer: options.budget || own,
    onHedge
  }
  const classify = Outcome.classifyWith(options.classify)
  const verdict = (exit: Exit.Exit<unknown, unknown>): Verdict => ({
    outcome: classify(exit),
    timedOut: isTimeout(exit)
  })

  const attempts: Hedge["attempts"] = (attempt, judge = verdict) =>
    Effect.withFiber((fiber) => {
      own.deposit(monotonic.now(fiber))
      return race(settings, attempt, judge)
    })

  return {
    policy: Policy.named("Hedge", options, (self) => attempts(() => self)),
    attempts,
    delay: Effect.withFiber((fiber) => {
      const wait = delay(monotonic.now(fiber))
      return Effect.succeed(wait === undefined ? undefined : Duration.millis(wait))
    })
  }
})

const isPercentile = (delay: Options["delay"]): delay is Percentile =>
  typeof delay === "object" && "percentile" in delay

const timing = Effect.fnUntraced(function*(
  name: string,
  delay: Duration.Input | Percentile
): Effect.fn.Return<Pick<Settings, "delay" | "record">, never, Stores> {
  if (!isPercentile(delay)) {
    const fixed = millis(delay)
    return { delay: () => fixed, record: () => {} }
  }
  const { minimumCalls = 20, percentile, window = "1 minute" } = delay
  const span = millis(window)
  const stores = yield* Stores
  const cell = (yield* stores.state(`hedge/${name}`, Latencies.empty)).ref
  return {
    delay: (now) => Latencies.percentile(cell.current, percentile, minimumCalls, span, now),
    record: (latency, now) => Latencies.record(cell.current, latency, span, now)
  }
})

const isTimeout = (exit: Exit.Exit<unknown, unknown>): boolean => {
  if (Exit.isSuccess(exit)) return false
  const error = Cause.squash(exit.cause)
  const reason = isIntegrationError(error) ? error.reason : error
  return Cause.isTimeoutError(reason) ||
    (isReason(reason) && (reason._tag === "AttemptTimeout" || reason._tag === "DeadlineExceeded"))
}
