/**
 * One logical call: positions 1, 4 and 5 of the pipeline; `layers.ts` has what lies between 1 and 4. A first attempt that
 * succeeds costs one callback; spans, waits and further attempts are the slow path.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type * as Tracer from "effect/Tracer"
import { CurrentDeadline, nearest } from "../../Deadline.ts"
import { DeadlineExceeded, IntegrationError, isReason, NotReplayable, type Reason } from "../../IntegrationError.ts"
import * as Outcome from "../../Outcome.ts"
import type * as Policy from "../../Policy.ts"
import type * as Hedge from "../../policy/Hedge.ts"
import type * as Retry from "../../policy/Retry.ts"
import type * as Provenance from "../../Provenance.ts"
import * as Telemetry from "../../Telemetry.ts"
import type * as Deadlines from "../deadlines.ts"
import { millis } from "../monotonic.ts"
import { stackless } from "../stackless.ts"
import * as Attempt from "./attempt.ts"
import type { InFlight } from "./inFlight.ts"

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
  /** In place of retries, where the call may be repeated. */
  readonly hedge: Hedge.Hedge | undefined
  readonly gates: ReadonlyArray<Policy.Gate<Reason>>
  readonly deadlines: (clock: Clock.Clock) => Deadlines.Deadlines
}

/** One call to make. */
export interface Invocation {
  readonly integration: string
  readonly operation: string
  readonly requestId: string
  readonly idempotencyKey: string | undefined
  readonly plan: Plan
  readonly observer: Telemetry.Observer
  /** The body is a stream that can be read only once. */
  readonly oneShot: boolean
  readonly start: Attempt.Start
  readonly inFlight: InFlight
}

/** Makes the call; fails with a declared error or with an `IntegrationError`. */
export const run = (invocation: Invocation): Effect.Effect<unknown, unknown> =>
  begin(invocation, (call) => call.first())

/** A call that cannot be made: told and failed as any other, with no attempt. */
export const refuse = (invocation: Invocation, reason: Reason): Effect.Effect<never, unknown> =>
  begin(invocation, (call) => call.refuse(reason))

/** Tells of a call, with a span around it where a tracer is installed; `go` has to end it. */
export const begin = <A>(
  invocation: Invocation,
  go: (call: Run) => Effect.Effect<A, unknown>
): Effect.Effect<A, unknown> =>
  Effect.withFiber<A, unknown>((fiber) => {
    const call = new Run(invocation, fiber)
    if (!call.traced) return go(call)
    const { name, options } = invocation.observer.callSpan(call)
    return Effect.useSpan(name, options, (span) => {
      call.span = span
      return Effect.withParentSpan(go(call), span, { captureStackTrace: false })
    })
  })

export class Run implements Attempt.Surroundings, Telemetry.CallInfo {
  readonly integration: string
  readonly operation: string
  readonly requestId: string
  readonly idempotencyKey: string | undefined
  readonly context: Context.Context<never>
  readonly clock: Clock.Clock
  readonly gates: ReadonlyArray<Policy.Gate<Reason>>
  readonly deadlines: Deadlines.Deadlines
  readonly attemptTimeout: number
  readonly totalTimeout: number
  readonly deadline: number
  readonly start: Attempt.Start
  readonly inFlight: InFlight
  private readonly invocation: Invocation
  private readonly begun: number
  readonly traced: boolean
  span: Tracer.Span | undefined = undefined
  attempts = 0
  /** What the last attempt came to. */
  outcome: Outcome.Outcome = Outcome.neutral
  /** An attempt before the current one may have reached the remote. */
  private sent = false
  private ended: boolean
  private decider: Retry.Decider | undefined = undefined

  /** `tells`: whether the end of the call is to be told; it is not where another call tells it. */
  constructor(invocation: Invocation, fiber: Fiber.Fiber<unknown, unknown>, tells = true) {
    const { plan } = invocation
    this.ended = !tells
    this.invocation = invocation
    this.integration = invocation.integration
    this.operation = invocation.operation
    this.requestId = invocation.requestId
    this.idempotencyKey = invocation.idempotencyKey
    this.start = invocation.start
    this.inFlight = invocation.inFlight
    if (tells) invocation.inFlight.enter()
    this.context = fiber.context
    this.traced = fiber.cache.tracer !== undefined && fiber.cache.tracerEnabled
    this.clock = fiber.getRef(Clock.Clock)
    this.begun = millis(this.clock)
    this.deadline = nearest(fiber.getRef(CurrentDeadline), this.begun + plan.totalTimeout)
    this.totalTimeout = Math.max(0, this.deadline - this.begun)
    this.attemptTimeout = plan.attemptTimeout
    this.gates = plan.gates
    this.deadlines = plan.deadlines(this.clock)
  }

  first(): Effect.Effect<unknown, unknown> {
    const { oneShot, plan: { hedge, repeatable, retry } } = this.invocation
    if (this.deadline <= this.begun) {
      const reason = new DeadlineExceeded({ timeout: Duration.zero, wasSent: false })
      this.outcome = Outcome.fromReason(reason)
      return this.finish(Exit.fail(reason))
    }
    retry.deposit(this.begun)
    const attempts = hedge !== undefined && repeatable && !oneShot
      ? Effect.flatMap(this.hedged(hedge), this.afterHedged)
      : Effect.flatMap(this.attempt(), this.afterAttempt)
    return Effect.onError(attempts, this.failed)
  }

  refuse(reason: Reason): Effect.Effect<never, unknown> {
    this.told(Exit.fail(reason))
    return Effect.fail(this.error(reason))
  }

  private readonly afterAttempt = (ended: Attempt.Ended): Effect.Effect<unknown, unknown> => this.after(ended)

  private readonly afterHedged = (ended: Attempt.Ended): Effect.Effect<unknown, unknown> => this.decide(ended)

  /** The attempt that answered first; or how the first one ended, if none did. */
  private hedged(hedge: Hedge.Hedge): Effect.Effect<Attempt.Ended> {
    const { observer } = this.invocation
    const attempt = (number: number) =>
      Effect.suspend(() => {
        if (number > 1) observer.hedged(this, number)
        return Effect.map(this.attempt(), (ended) => {
          observer.attemptEnded(this, ended)
          this.noteSent(ended)
          return ended
        })
      })
    return hedge.attempts(attempt, verdictOf)
  }

  /** However it ends, it is told: an interruption, and a defect of what decides about retries, are told here. */
  readonly failed = (cause: Cause.Cause<unknown>): Effect.Effect<void> =>
    Effect.sync(() => this.told(Exit.failCause(cause)))

  readonly fallbackFailed = (fallback: string, cause: Cause.Cause<unknown>): void =>
    this.invocation.observer.fallbackFailed(this, fallback, cause)

  private attempt(): Effect.Effect<Attempt.Ended> {
    const attempt = ++this.attempts
    if (!this.traced) return Attempt.run(this, attempt, undefined)
    const { name, options } = this.invocation.observer.attemptSpan(this, attempt)
    let ended: Attempt.Ended | undefined
    const attempted = Effect.useSpan(
      name,
      options,
      (span) =>
        Effect.flatMap(Attempt.run(this, attempt, span), (how) => {
          ended = how
          if (how.status !== undefined) span.attribute("http.response.status_code", how.status)
          if (Exit.isFailure(how.exit)) span.attribute("error.type", Telemetry.tagOf(how.exit))
          return how.exit
        })
    )
    // The span ends as the attempt did; how it ended is an answer here. Without one the attempt was interrupted.
    return Effect.flatMap(Effect.exit(attempted), () => ended === undefined ? Effect.interrupt : Effect.succeed(ended))
  }

  private after(ended: Attempt.Ended): Effect.Effect<unknown, unknown> {
    this.invocation.observer.attemptEnded(this, ended)
    return this.decide(ended)
  }

  private decide(ended: Attempt.Ended): Effect.Effect<unknown, unknown> {
    this.outcome = ended.outcome
    return ended.outcome._tag === "Success" && Exit.isSuccess(ended.exit) ? this.finish(ended.exit) : this.again(ended)
  }

  private again(ended: Attempt.Ended): Effect.Effect<unknown, unknown> {
    const { observer, oneShot, plan } = this.invocation
    const decider = this.decider ??= plan.retry.start()
    const decision = decider.turn(ended.outcome, {
      attempt: this.attempts,
      safeToRepeat: plan.repeatable,
      replayable: !(oneShot && ended.outcome._tag === "Failure" && ended.outcome.sent),
      remainingMillis: this.deadline - millis(this.clock),
      error: Exit.isSuccess(ended.exit) ? ended.exit.value : Cause.squash(ended.exit.cause)
    }, ({ delayMillis }) => {
      observer.retryScheduled(this, ended, delayMillis)
      this.noteSent(ended)
    })
    return Effect.flatMap(decision, (decision) => {
      if (decision._tag === "Again") return Effect.flatMap(this.attempt(), this.afterAttempt)
      if (decision.why !== "NotRetryable") observer.retryStopped(this, this.attempts, decision.why)
      return this.finish(
        decision.why === "NotReplayable"
          ? Exit.fail(new NotReplayable({ cause: Telemetry.tagOf(ended.exit) }))
          : ended.exit
      )
    })
  }

  private noteSent({ outcome }: Attempt.Ended): void {
    this.sent ||= outcome._tag !== "Neutral" && (outcome._tag === "Success" || outcome.sent)
  }

  private finish(exit: Exit.Exit<unknown, unknown>): Effect.Effect<unknown, unknown> {
    this.told(exit)
    if (Exit.isSuccess(exit)) return exit
    const error = Cause.findErrorOption(exit.cause)
    return error._tag === "None" || !isReason(error.value) ? exit : Effect.fail(this.error(error.value))
  }

  error(reason: Reason): IntegrationError {
    const { attempts, integration, operation } = this
    const sentBefore = this.sent ? { sentBefore: true } : undefined
    return stackless(() => new IntegrationError({ integration, operation, attempts, reason, ...sentBefore }))
  }

  /** `provenance`: absent where the remote answered, or nobody did. */
  told(exit: Exit.Exit<unknown, unknown>, provenance?: Provenance.Provenance): void {
    if (this.ended) return
    this.ended = true
    this.inFlight.leave()
    this.span?.attribute("switchboard.attempts", this.attempts)
    if (Exit.isFailure(exit)) this.span?.attribute("error.type", Telemetry.tagOf(exit))
    this.invocation.observer.callEnded(this, exit, this.attempts, millis(this.clock) - this.begun, provenance)
  }
}

/** For a race of attempts, none of which fails: how it ended is what it answers. */
const verdictOf = (exit: Exit.Exit<Attempt.Ended>): Hedge.Verdict =>
  Exit.isSuccess(exit)
    ? { outcome: exit.value.outcome, timedOut: Telemetry.tagOf(exit.value.exit) === "AttemptTimeout" }
    : { outcome: Outcome.neutral, timedOut: false }
