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
   * was paid goes back. The effect is an `Exit` where it is known at once that there is none.
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
export const start = (settings: Settings, budget: Budget): Decider => new Deciding(settings, budget)

class Deciding implements Decider {
  private readonly settings: Settings
  private readonly budget: Budget
  private step: Step | undefined = undefined
  /** An attempt has been paid for that has not begun. */
  private owed = false

  constructor(settings: Settings, budget: Budget) {
    this.settings = settings
    this.budget = budget
  }

  next(outcome: Outcome.Outcome, attempted: Attempted): Effect.Effect<Decision> {
    return Effect.suspend(() => {
      const stopped = stopOf(this.settings, outcome, attempted)
      return stopped === undefined ? this.wait(outcome, attempted) : Effect.succeed(stopped)
    })
  }

  turn(outcome: Outcome.Outcome, attempted: Attempted, scheduled?: (again: Again) => void): Effect.Effect<Decision> {
    // What was paid before has begun since.
    this.owed = false
    const stopped = stopOf(this.settings, outcome, attempted)
    if (stopped !== undefined) return Exit.succeed(stopped)
    const decision = Effect.flatMap(this.wait(outcome, attempted), (decision): Effect.Effect<Decision> => {
      if (decision._tag === "Stop") return Effect.succeed(decision)
      scheduled?.(decision)
      return decision.delayMillis > 0
        ? Effect.as(Effect.sleep(decision.delayMillis), decision)
        : Effect.succeed(decision)
    })
    return Effect.onInterrupt(decision, () => this.giveBack())
  }

  private wait(outcome: Outcome.Outcome, attempted: Attempted): Effect.Effect<Decision> {
    const { budget, settings } = this
    const { attempt, error, remainingMillis, replayable } = attempted
    return Effect.flatMap(this.backoff(error), (delay) =>
      Effect.withFiber((fiber): Effect.Effect<Decision> => {
        if (delay === undefined) return Effect.succeed(stop.Exhausted)
        const own = Math.min(settings.maxDelay, delay)
        const wish = wishOf(settings, outcome)
        // All callers wait for the same circuit, so each comes back some time after it: there are few probes.
        const delayMillis = wish === undefined ? own : outcome._tag === "Neutral" ? wish + own : Math.max(own, wish)
        if (remainingMillis !== undefined && delayMillis >= remainingMillis) return Effect.succeed(stop.Deadline)
        if (replayable === false) return Effect.succeed(stop.NotReplayable)
        this.owed = budget.withdraw(monotonic.now(fiber))
        if (!this.owed) return Effect.succeed(stop.Budget)
        const again: Again = { _tag: "Again", delayMillis }
        const { onRetry } = settings
        if (onRetry === undefined) return Effect.succeed(again)
        const upcoming = { attempt, delay: Duration.millis(delayMillis), error, outcome }
        return Effect.as(Effect.onError(Effect.suspend(() => onRetry(upcoming)), () => this.giveBack()), again)
      }))
  }

  private giveBack(): Effect.Effect<void> {
    return Effect.withFiber((fiber) => {
      if (this.owed) this.budget.giveBack(monotonic.now(fiber))
      this.owed = false
      return Effect.void
    })
  }

  /** The next wait of the schedule in milliseconds, `undefined` after its end. Its elapsed time is monotonic. */
  private backoff(error: unknown): Effect.Effect<number | undefined> {
    const { step } = this
    if (step !== undefined) return delayOf(step, error)
    return Effect.flatMap(Schedule.toStep(this.settings.schedule), (step) => delayOf(this.step = step, error))
  }
}

type Step = (now: number, input: unknown) => Pull.Pull<[unknown, Duration.Duration], never, unknown>

const delayOf = (step: Step, error: unknown): Effect.Effect<number | undefined> =>
  Effect.withFiber((fiber) =>
    Effect.matchCauseEffect(step(monotonic.now(fiber), error), {
      onSuccess: ([, delay]) => Effect.succeed(Duration.toMillis(delay)),
      onFailure: (cause) => Pull.isDoneCause(cause) ? Effect.undefined : Effect.die(Cause.squash(cause))
    })
  )

/** Why there is no other attempt, where no schedule need be asked. */
const stopOf = (
  settings: Settings,
  outcome: Outcome.Outcome,
  { attempt, error, remainingMillis, safeToRepeat }: Attempted
): Stop | undefined => {
  if (!isRetryable(settings, outcome, error)) return stop.NotRetryable
  if (!safeToRepeat && mayHaveBeenSent(outcome)) return stop.NotSafe
  if (attempt > settings.maxRetries) return stop.Exhausted
  const wish = wishOf(settings, outcome)
  if (wish === undefined) return undefined
  if (remainingMillis !== undefined && wish >= remainingMillis) return stop.Deadline
  // A circuit that stays open for long is not waited for: its refusal is the answer.
  const patience = outcome._tag === "Neutral" ? settings.maxDelay : settings.maxRetryAfter
  return wish > patience ? stop.RetryAfter : undefined
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

const because = <Why extends StopReason>(why: Why): Stop => ({ _tag: "Stop", why })
const stop = {
  NotRetryable: because("NotRetryable"),
  NotSafe: because("NotSafe"),
  Exhausted: because("Exhausted"),
  Budget: because("Budget"),
  Deadline: because("Deadline"),
  RetryAfter: because("RetryAfter"),
  NotReplayable: because("NotReplayable")
}
