/**
 * Positions 4 and 5 of the pipeline: the attempts of one call, or of what several calls share. A first attempt that succeeds
 * costs one callback; further attempts are the slow path.
 */
import type * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { DeadlineExceeded, isReason, NotReplayable, type Reason } from "../../IntegrationError.ts"
import * as Outcome from "../../Outcome.ts"
import type * as Policy from "../../Policy.ts"
import type * as Hedge from "../../policy/Hedge.ts"
import type * as Retry from "../../policy/Retry.ts"
import * as Telemetry from "../../Telemetry.ts"
import type * as DeadlineLists from "../deadlineLists.ts"
import { errorOf, failOf } from "../failure.ts"
import { millis } from "../monotonic.ts"
import { settled } from "../settled.ts"
import * as Attempt from "./attempt.ts"
import { type Begun, type Resume, toEffect } from "./begun.ts"
import type { Call } from "./call.ts"

/** What is decided before a call is made: when the layer is built, and again for options given at a call site. */
export interface Plan {
  /** Milliseconds. */
  readonly attemptTimeout: number
  /** Milliseconds. */
  readonly totalTimeout: number
  /** Milliseconds that a stream may go without a chunk. */
  readonly idleTimeout: number
  /** Milliseconds that a stream may go on; `undefined` where that does not matter. */
  readonly streamTimeout: number | undefined
  /** Safe, idempotent or keyed: may be sent more than once. */
  readonly repeatable: boolean
  /** The header of a key of ours, where one is sent. */
  readonly keyHeader: string | undefined
  readonly classify: Outcome.Classifier | undefined
  /** Bytes. */
  readonly maxRequestBytes: number
  /** Bytes. */
  readonly maxResponseBytes: number
  readonly retry: Retry.Retry
  /** In place of retries, where the call may be repeated and its body, too. */
  readonly hedge: Hedge.Hedge | undefined
  readonly gates: ReadonlyArray<Policy.Gate<Reason>>
  readonly deadlines: (clock: Clock.Clock) => DeadlineLists.Lists
}

/** What is to be done. */
export interface Work extends Attempt.Work {
  /** The body is a stream that can be read only once. */
  readonly oneShot: boolean
}

/** Where it is done, and how long it may take: a call of its own, or what calls share. */
export interface Within {
  readonly context: Context.Context<never>
  /** Milliseconds of the monotonic clock. */
  readonly begunAt: number
  readonly deadline: number
}

/**
 * Makes of how the attempts ended what comes of them. A reason has become an `IntegrationError` before. `now`: when that
 * was, in milliseconds of the monotonic clock, where it is known.
 */
export type End = (
  call: Call,
  exit: Exit.Exit<unknown, unknown>,
  outcome: Outcome.Outcome,
  now: number | undefined
) => Effect.Effect<unknown, unknown>

/** Makes the attempts, as an effect. */
export const run = (call: Call, plan: Plan, work: Work, end: End, within: Within = call) =>
  toEffect((resume) => new Run(call, plan, work, end, within).first(resume))

/** Makes the attempts. By default they end the call. */
export const begin = (call: Call, plan: Plan, work: Work, resume: Resume, end = ended): Begun | undefined =>
  new Run(call, plan, work, end, call).first(resume)

const ended: End = (call, exit, _, now) => call.end(exit, undefined, now)

class Run implements Attempt.Surroundings {
  readonly call: Call
  readonly context: Context.Context<never>
  readonly gates: ReadonlyArray<Policy.Gate<Reason>>
  readonly deadlines: DeadlineLists.Lists
  readonly attemptTimeout: number
  readonly begunAt: number
  readonly deadline: number
  readonly work: Work
  private readonly plan: Plan
  private readonly end: End
  private attempts = 0
  /** An attempt before the current one may have reached the remote. */
  private sent = false
  private decider: Retry.Decider | undefined = undefined

  constructor(call: Call, plan: Plan, work: Work, end: End, within: Within) {
    this.call = call
    this.plan = plan
    this.work = work
    this.end = end
    this.context = within.context
    this.begunAt = within.begunAt
    this.deadline = within.deadline
    this.attemptTimeout = plan.attemptTimeout
    this.gates = plan.gates
    this.deadlines = plan.deadlines(call.clock)
  }

  first(resume: Resume): Begun | undefined {
    const { hedge, repeatable, retry } = this.plan
    if (this.deadline <= this.begunAt) {
      const reason = new DeadlineExceeded({ timeout: Duration.zero, wasSent: false })
      resume(this.finish(Exit.fail(reason), Outcome.fromReason(reason)))
      return undefined
    }
    retry.deposit(this.begunAt)
    if (hedge !== undefined && repeatable && !this.work.oneShot) {
      resume(Effect.flatMap(this.hedged(hedge), ({ exit, outcome }) => this.finish(exit, outcome)))
      return undefined
    }
    this.call.attempts = this.attempts = 1
    // Encoding the request may have taken its time.
    return Attempt.begin(this, 1, millis(this.call.clock), (ended) => resume(this.afterFirst(ended)))
  }

  /** Outside of any fiber: what is thrown there is a defect of the call. */
  private afterFirst(ended: Attempt.Ended): Effect.Effect<unknown, unknown> {
    try {
      return this.afterAttempt(ended)
    } catch (defect) {
      return Exit.die(defect)
    }
  }

  private next(): Effect.Effect<unknown, unknown> {
    return Effect.flatMap(this.attempt(), (ended) => this.afterAttempt(ended))
  }

  private afterAttempt(ended: Attempt.Ended): Effect.Effect<unknown, unknown> {
    const { endedAt, exit, outcome } = ended
    this.call.observer.attemptEnded(this.call, ended)
    return outcome._tag === "Success" && Exit.isSuccess(exit)
      ? this.end(this.call, exit, outcome, endedAt)
      : this.again(ended)
  }

  /** The attempt that answered first; or how the first one ended, if none did. */
  private hedged(hedge: Hedge.Hedge): Effect.Effect<Attempt.Ended> {
    const { observer } = this.call
    const attempt = (number: number) =>
      Effect.suspend(() => {
        if (number > 1) observer.hedged(this.call, number)
        return Effect.map(this.attempt(), (ended) => {
          observer.attemptEnded(this.call, ended)
          this.noteSent(ended)
          return ended
        })
      })
    return hedge.attempts(attempt, verdictOf)
  }

  private attempt(): Effect.Effect<Attempt.Ended> {
    const attempt = ++this.attempts
    this.call.attempts = attempt
    return Attempt.run(this, attempt)
  }

  private again(ended: Attempt.Ended): Effect.Effect<unknown, unknown> {
    const { call, plan, work: { oneShot } } = this
    const { exit, outcome } = ended
    const decider = this.decider ??= plan.retry.start()
    const decision = decider.turn(outcome, {
      attempt: this.attempts,
      safeToRepeat: plan.repeatable,
      replayable: !(oneShot && outcome._tag === "Failure" && outcome.sent),
      remainingMillis: this.deadline - ended.endedAt,
      error: errorOf(exit)
    }, ({ delayMillis }) => {
      call.observer.retryScheduled(call, ended, delayMillis)
      this.noteSent(ended)
    })
    const known = settled(decision)
    return known !== undefined && Exit.isSuccess(known)
      ? this.decided(known.value, ended, ended.endedAt)
      : Effect.flatMap(decision, (decision) => this.decided(decision, ended))
  }

  /** `now`: in milliseconds of the monotonic clock, where it is known. */
  private decided(
    decision: Retry.Decision,
    { exit, outcome }: Attempt.Ended,
    now?: number
  ): Effect.Effect<unknown, unknown> {
    const { call } = this
    if (decision._tag === "Again") return this.next()
    if (decision.why !== "NotRetryable") call.observer.retryStopped(call, this.attempts, decision.why)
    return decision.why === "NotReplayable"
      ? this.finish(Exit.fail(new NotReplayable({ cause: Telemetry.tagOf(exit) })), outcome)
      : this.finish(exit, outcome, now)
  }

  private noteSent({ outcome }: Attempt.Ended): void {
    this.sent ||= outcome._tag !== "Neutral" && (outcome._tag === "Success" || outcome.sent)
  }

  private finish(
    exit: Exit.Exit<unknown, unknown>,
    outcome: Outcome.Outcome,
    now?: number
  ): Effect.Effect<unknown, unknown> {
    const error = Exit.isSuccess(exit) ? undefined : failOf(exit.cause)?.error
    const told = isReason(error) ? Exit.fail(this.call.error(error, this.sent)) : exit
    return this.end(this.call, told, outcome, now)
  }
}

/** For a race of attempts, none of which fails: how it ended is what it answers. */
const verdictOf = (exit: Exit.Exit<Attempt.Ended>): Hedge.Verdict =>
  Exit.isSuccess(exit)
    ? { outcome: exit.value.outcome, timedOut: Telemetry.tagOf(exit.value.exit) === "AttemptTimeout" }
    : { outcome: Outcome.neutral, timedOut: false }
