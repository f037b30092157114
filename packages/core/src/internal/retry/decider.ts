/** Whether an attempt that failed is made again, and when: the same answer for every way of making calls. */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Pull from "effect/Pull"
import * as Schedule from "effect/Schedule"
import { isIntegrationError } from "../../IntegrationError.ts"
import type * as Outcome from "../../Outcome.ts"
import type { Predicate, Upcoming } from "../../policy/Retry.ts"
import * as monotonic from "../monotonic.ts"
import type { Budget } from "./budget.ts"

/** Options with every default in place; times in milliseconds. */
export interface Settings {
  readonly maxRetries: number
  readonly schedule: Schedule.Schedule<unknown, unknown>
  readonly maxDelay: number
  /** Whether the remote's wish counts. */
  readonly retryAfter: boolean
  readonly maxRetryAfter: number
  readonly retryOn: Predicate | undefined
  readonly abortOn: Predicate | undefined
  readonly onRetry: ((retry: Upcoming) => Effect.Effect<void>) | undefined
}

/** Decides for one call. It counts nothing but the steps of its schedule. */
export interface Decider {
  /** Decides after a failed attempt. `Again` has been paid for, and `onRetry` has run. */
  readonly next: (outcome: Outcome.Outcome, attempted: Attempted) => Effect.Effect<Decision>
  /**
   * The same, and waits for the turn of another attempt, of which `scheduled` is told before. Interrupted at any point, what
   * was paid goes back.
   */
  readonly turn: (
    outcome: Outcome.Outcome,
    attempted: Attempted,
    scheduled?: (again: Again) => void
  ) => Effect.Effect<Decision>
}

/** An attempt that failed. */
export interface Attempted {
  /** Attempts so far, this one included. */
  readonly attempt: number
  /** The remote may process it twice: idempotent by its method, or keyed. */
  readonly safeToRepeat: boolean
  /** Until the deadline, in milliseconds; `undefined` where there is none. */
  readonly remainingMillis: number | undefined
  /** What it failed with, for the predicates, the schedule and the hook. */
  readonly error?: unknown
  /** False where it was sent with a body that can be read only once. */
  readonly replayable?: boolean | undefined
}

export type Decision = Again | Stop
/** Make another attempt, after so many milliseconds. */
export interface Again {
  readonly _tag: "Again"
  readonly delayMillis: number
}
/** The last error stands. */
export interface Stop {
  readonly _tag: "Stop"
  readonly why: StopReason
}

/**
 * Another attempt would not help; the remote may have done it already; as many as allowed were made; the budget is empty;
 * the wait does not fit the deadline; the remote asks for a wait longer than `maxRetryAfter`; the body cannot be sent again.
 */
export type StopReason =
  | "NotRetryable"
  | "NotSafe"
  | "Exhausted"
  | "Budget"
  | "Deadline"
  | "RetryAfter"
  | "NotReplayable"

/** Begins with the first wait of the schedule. */
export const start = (settings: Settings, budget: Budget): Decider => {
  const backoff = nextDelay(settings.schedule)
  /** An attempt has been paid for that has not begun. */
  let owed = false

  const next = Effect.fnUntraced(function*(
    outcome: Outcome.Outcome,
    { attempt, error, remainingMillis, replayable, safeToRepeat }: Attempted
  ): Effect.fn.Return<Decision> {
    if (!isRetryable(settings, outcome, error)) return stop("NotRetryable")
    if (!safeToRepeat && mayHaveBeenSent(outcome)) return stop("NotSafe")
    if (attempt > settings.maxRetries) return stop("Exhausted")
    const delay = yield* backoff(error)
    if (delay === undefined) return stop("Exhausted")
    const own = Math.min(settings.maxDelay, delay)
    const wish = wishOf(settings, outcome)
    // All callers wait for the same circuit, so each comes back some time after it: there are few probes.
    const delayMillis = wish === undefined ? own : outcome._tag === "Neutral" ? wish + own : Math.max(own, wish)
    if (remainingMillis !== undefined && delayMillis >= remainingMillis) return stop("Deadline")
    // A circuit that stays open for long is not waited for: its refusal is the answer.
    const patience = outcome._tag === "Neutral" ? settings.maxDelay : settings.maxRetryAfter
    if (wish !== undefined && wish > patience) return stop("RetryAfter")
    if (replayable === false) return stop("NotReplayable")
    const paid = yield* Effect.withFiber((fiber) => {
      owed = budget.withdraw(monotonic.now(fiber))
      return Effect.succeed(owed)
    })
    if (!paid) return stop("Budget")
    if (settings.onRetry !== undefined) {
      const upcoming = { attempt, delay: Duration.millis(delayMillis), error, outcome }
      yield* Effect.onError(Effect.suspend(() => settings.onRetry?.(upcoming) ?? Effect.void), () => giveBack)
    }
    return { _tag: "Again", delayMillis }
  })

  const giveBack: Effect.Effect<void> = Effect.withFiber((fiber) => {
    if (owed) budget.giveBack(monotonic.now(fiber))
    owed = false
    return Effect.void
  })

  const turn: Decider["turn"] = (outcome, attempted, scheduled) => {
    // What was paid before has begun since.
    owed = false
    const decision = Effect.flatMap(next(outcome, attempted), (decision): Effect.Effect<Decision> => {
      if (decision._tag === "Stop") return Effect.succeed(decision)
      scheduled?.(decision)
      return decision.delayMillis > 0
        ? Effect.as(Effect.sleep(decision.delayMillis), decision)
        : Effect.succeed(decision)
    })
    return Effect.onInterrupt(decision, () => giveBack)
  }

  return { next, turn }
}

const isRetryable = (settings: Settings, outcome: Outcome.Outcome, error: unknown): boolean => {
  if (settings.abortOn?.(error, outcome)) return false
  const unheard = outcome._tag === "Neutral" || isIntegrationError(error)
  if (settings.retryOn !== undefined && !unheard) return settings.retryOn(error, outcome)
  return outcome._tag !== "Success" && outcome.retryable
}

const mayHaveBeenSent = (outcome: Outcome.Outcome): boolean =>
  outcome._tag === "Success" || (outcome._tag === "Failure" && outcome.sent)

// How long one of our own policies refuses is no wish but a fact, so `retryAfter: false` does not apply to it.
const wishOf = (settings: Settings, outcome: Outcome.Outcome): number | undefined =>
  outcome._tag === "Neutral" || (outcome._tag === "Failure" && settings.retryAfter)
    ? outcome.retryAfter
    : undefined

const stop = (why: StopReason): Stop => ({ _tag: "Stop", why })

/** The waits of a schedule in milliseconds, `undefined` after its end. Its elapsed time is monotonic. */
const nextDelay = (schedule: Schedule.Schedule<unknown, unknown>) => {
  let step: ((now: number, input: unknown) => Pull.Pull<[unknown, Duration.Duration], never, unknown>) | undefined
  return Effect.fnUntraced(function*(error: unknown): Effect.fn.Return<number | undefined> {
    step ??= yield* Schedule.toStep(schedule)
    const now = yield* Effect.withFiber((fiber) => Effect.succeed(monotonic.now(fiber)))
    const exit = yield* Effect.exit(step(now, error))
    if (Exit.isSuccess(exit)) return Duration.toMillis(exit.value[1])
    if (Pull.isDoneCause(exit.cause)) return undefined
    return yield* Effect.die(Cause.squash(exit.cause))
  })
}
