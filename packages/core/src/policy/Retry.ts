/**
 * Makes an attempt again where that may help, is safe, and does not add to the trouble of a remote that is down.
 *
 * Whether it may help is the outcome's word (`Outcome.classify`). How long to wait is a schedule, exponential with full
 * jitter by default, and at least what the remote asked for. Each retry is paid from a budget that grows with the number
 * of calls. A wait that does not fit the deadline ends the call at once. The error of the last attempt is returned as it is.
 *
 * @example
 * const retry = yield* Retry.make({ name: "coffee/Payments", maxRetries: 2 })
 * yield* charge.pipe(retry.policy)
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Schedule from "effect/Schedule"
import { exponential as backoff } from "../internal/retry/backoff.ts"
import * as RetryBudget from "../internal/retry/budget.ts"
import type { Decider } from "../internal/retry/decider.ts"
import { budgetOf, validate as check } from "../internal/retry/options.ts"
import { make as repeat } from "../internal/retry/repeating.ts"
import { type InvalidOptions, type Problem, refuse } from "../InvalidOptions.ts"
import type * as Outcome from "../Outcome.ts"
import type * as Policy from "../Policy.ts"
import type { Stores } from "../Stores.ts"

export type { Attempted, Decider, Decision, StopReason } from "../internal/retry/decider.ts"

/** Decides about further attempts. */
export interface Retry {
  /**
   * For any effect that may be repeated. Stays within `CurrentDeadline`; its failures are those of the last attempt, and
   * an `IntegrationError` is never retried, because the call it ends has had its retries.
   */
  readonly policy: Policy.Policy
  /** A call begins: its share goes to the budget. */
  readonly deposit: (now: number) => void
  /** Shared by all that repeat a call, under this name in the same `Stores`. */
  readonly budget: RetryBudget.Budget
  /** Begins to decide for one call, after its first attempt has failed. */
  readonly start: () => Decider
}

export interface Options extends Backoff {
  /** Attempts after the first, at least 0: default 3. */
  readonly maxRetries?: number | undefined
  /** The waits between attempts, in place of the exponential ones; it is given the error, and ends the retries when it ends. */
  readonly schedule?: Schedule.Schedule<unknown, unknown> | undefined
  /** Whether a wait is at least what the remote asked for (`Retry-After`): default true. */
  readonly retryAfter?: boolean | undefined
  /** If the remote asks for more than this, the call ends at once: default 1 minute. A nearer deadline decides before. */
  readonly maxRetryAfter?: Duration.Input | undefined
  /** How many retries all calls together may make; `false` for no limit. */
  readonly budget?: false | Budget | undefined
  /** Retries exactly these, in place of what the outcome says. Never an `IntegrationError` or an interruption. */
  readonly retryOn?: Predicate | undefined
  /** Never retries these, whatever `retryOn` says. */
  readonly abortOn?: Predicate | undefined
  /** Runs before the wait for each retry, which waits for it. If it dies, so does the call. */
  readonly onRetry?: ((retry: Upcoming) => Effect.Effect<void>) | undefined
}

/** Waits that grow: `baseDelay` × `factor` ^ (retry − 1), at most `maxDelay`. */
export interface Backoff {
  /** The first wait, not negative: default 200 milliseconds. */
  readonly baseDelay?: Duration.Input | undefined
  /** At least 1: default 2. */
  readonly factor?: number | undefined
  /**
   * The longest wait of our own, a schedule's included: default 10 seconds, or `baseDelay` if that is longer. It does not
   * shorten what the remote asks for.
   */
  readonly maxDelay?: Duration.Input | undefined
  /** `full`: anything up to the wait (default). `equal`: anything from half of it. `none`: exactly the wait. */
  readonly jitter?: "full" | "equal" | "none" | undefined
}

/** Retries of all calls together: a share of the calls of the last `ttl`, and some per second besides. */
export interface Budget {
  /** Retries per call, 0 to 10: default 0.2. */
  readonly ratio?: number | undefined
  /** Retries per second besides, 0 to 1,000,000: default 10. Unused ones are kept for one second. */
  readonly minPerSecond?: number | undefined
  /** How long a call counts, 1 second to 1 minute: default 10 seconds. */
  readonly ttl?: Duration.Input | undefined
}

/** `error` is what the attempt failed with, its defect, or its result if that was classified as a failure. */
export type Predicate = (error: unknown, outcome: Outcome.Outcome) => boolean

/** A retry that is about to happen. */
export interface Upcoming {
  /** The attempt that failed, from 1. */
  readonly attempt: number
  /** The wait before the next. */
  readonly delay: Duration.Duration
  readonly error: unknown
  readonly outcome: Outcome.Outcome
}

/** What is wrong with some options. */
export const validate: (options: Options) => ReadonlyArray<Problem> = check

/** The default waits: finite however many there are, random by Effect's `Random`. Its outputs are the waits. */
export const exponential: (options?: Backoff) => Schedule.Schedule<Duration.Duration> = backoff

/** Retries that share the budget of that name. `classify` decides the outcomes it knows, the default classifier the rest. */
export const make = Effect.fnUntraced(function*(
  options: Options & { readonly name: string; readonly classify?: Outcome.Classifier | undefined }
): Effect.fn.Return<Retry, InvalidOptions, Stores> {
  yield* refuse(validate(options))
  return repeat(options, yield* RetryBudget.named(options.name, budgetOf(options)))
})
