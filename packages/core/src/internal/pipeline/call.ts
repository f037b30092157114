/** Position 1: one logical call, told by a span, metrics and events, whatever answers it; in flight until it has ended. */
import * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type * as Scheduler from "effect/Scheduler"
import type * as Tracer from "effect/Tracer"
import { CurrentDeadline, nearest } from "../../Deadline.ts"
import { IntegrationError, type Reason } from "../../IntegrationError.ts"
import type * as Provenance from "../../Provenance.ts"
import type * as Telemetry from "../../Telemetry.ts"
import { millis } from "../monotonic.ts"
import { stackless } from "../stackless.ts"
import type { Begun, Resume } from "./begun.ts"
import type { InFlight } from "./inFlight.ts"
import * as Spans from "./spans.ts"

/** What all calls of an operation have in common. */
export interface Subject {
  readonly integration: string
  readonly operation: string
  readonly observer: Telemetry.Observer
  readonly inFlight: InFlight
}

/** Begins what answers a call, and ends the call with it. */
export type Go = (call: Call, resume: Resume) => Begun | undefined

/** `totalTimeout` in milliseconds. */
export const begin = (
  subject: Subject,
  requestId: string,
  totalTimeout: number,
  fiber: Fiber.Fiber<unknown, unknown>,
  go: Go
): Effect.Effect<unknown, unknown> => {
  const call = new Call(subject, requestId, totalTimeout, fiber)
  return call.tracer === undefined ? told(call, go) : spanned(call, go)
}

/** Before the first step nothing has been taken; from then on it is told, however it ends. */
const told = (call: Call, go: Go): Effect.Effect<unknown, unknown> =>
  Effect.onExitPrimitive(
    Effect.callback((resume) => {
      call.enter()
      call.begun = go(call, call.span === undefined ? resume : within(call.span, resume))
    }),
    (exit) => call.exited(exit)
  )

/** Told before the span has ended. */
const spanned = (call: Call, go: Go): Effect.Effect<unknown, unknown> => {
  const { name, options } = call.observer.callSpan(call)
  return Effect.useSpan(name, options, (span) => {
    call.span = span
    return told(call, go)
  })
}

/** What is still to be done is done inside the span. */
const within = (span: Tracer.Span, resume: Resume): Resume => (rest) =>
  resume(Exit.isExit(rest) ? rest : Effect.withParentSpan(rest, span, { captureStackTrace: false }))

export class Call implements Telemetry.CallInfo {
  readonly integration: string
  readonly operation: string
  readonly requestId: string
  /** Known when the request is: the same on every attempt. */
  idempotencyKey: string | undefined = undefined
  readonly context: Context.Context<never>
  readonly clock: Clock.Clock
  readonly observer: Telemetry.Observer
  readonly inFlight: InFlight
  /** Milliseconds of the monotonic clock. */
  readonly begunAt: number
  readonly deadline: number
  /** Where one is installed. */
  readonly tracer: Tracer.Tracer | undefined
  /** What answers it, where that is no effect. */
  begun: Begun | undefined = undefined
  span: Tracer.Span | undefined = undefined
  attempts = 0
  private readonly fiber: Fiber.Fiber<unknown, unknown>
  private isOpen = false

  constructor(subject: Subject, requestId: string, totalTimeout: number, fiber: Fiber.Fiber<unknown, unknown>) {
    this.integration = subject.integration
    this.operation = subject.operation
    this.observer = subject.observer
    this.inFlight = subject.inFlight
    this.requestId = requestId
    this.fiber = fiber
    this.context = fiber.context
    this.tracer = fiber.cache.tracerEnabled ? fiber.cache.tracer : undefined
    this.clock = fiber.getRef(Clock.Clock)
    this.begunAt = millis(this.clock)
    this.deadline = nearest(fiber.getRef(CurrentDeadline), this.begunAt + totalTimeout)
  }

  /** Where what it does is put off to. */
  get dispatcher(): Scheduler.SchedulerDispatcher {
    return this.fiber.currentDispatcher
  }

  enter(): void {
    this.isOpen = true
    this.inFlight.enter()
  }

  /**
   * Ends it, the first time. `provenance`: where the answer came from, where that was not the remote. `now`: milliseconds of
   * the monotonic clock, where they are known.
   */
  end(
    exit: Exit.Exit<unknown, unknown>,
    provenance: Provenance.Provenance | undefined = undefined,
    now: number = millis(this.clock)
  ): Exit.Exit<unknown, unknown> {
    if (!this.isOpen) return exit
    this.isOpen = false
    this.inFlight.leave()
    if (this.span !== undefined) Spans.endCall(this.span, this.attempts, exit)
    this.observer.callEnded(this, exit, this.attempts, now - this.begunAt, provenance)
    return exit
  }

  /** An interruption, and a defect of what decides about it, end it here. */
  exited(exit: Exit.Exit<unknown, unknown>): Effect.Effect<void> | undefined {
    if (!this.isOpen) return undefined
    const stopped = Effect.suspend(() => this.begun?.interrupt() ?? Effect.void)
    return Effect.ensuring(stopped, Effect.sync(() => void this.end(exit)))
  }

  /** It cannot be made. */
  refuse(reason: Reason): Effect.Effect<never, unknown> {
    const error = this.error(reason, false)
    this.end(Exit.fail(error))
    return Effect.fail(error)
  }

  /** `sentBefore`: an attempt before the last one may have reached the remote. */
  error(reason: Reason, sentBefore: boolean): IntegrationError {
    const { attempts, integration, operation } = this
    const sent = sentBefore ? { sentBefore } : undefined
    return stackless(() => new IntegrationError({ integration, operation, attempts, reason, ...sent }))
  }
}
