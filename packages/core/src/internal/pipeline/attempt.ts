/** One attempt: positions 7 to 11 of the pipeline, around whatever does the work. */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Tracer from "effect/Tracer"
import type * as Current from "../../Call.ts"
import { CurrentDeadline } from "../../Deadline.ts"
import { AttemptTimeout, DeadlineExceeded, type Reason } from "../../IntegrationError.ts"
import * as Outcome from "../../Outcome.ts"
import * as Policy from "../../Policy.ts"
import type * as Telemetry from "../../Telemetry.ts"
import type * as DeadlineLists from "../deadlineLists.ts"
import type * as Deadlines from "../deadlines.ts"
import { millis } from "../monotonic.ts"
import type { Begun } from "./begun.ts"
import type { Call } from "./call.ts"
import * as Spans from "./spans.ts"

/** What an attempt does. */
export interface Work {
  /** Begins it and tells the sink how it ended, once, unless it was cancelled. */
  readonly start: (attempt: Attempt, sink: Sink) => Running
}

/** What the work is told about the attempt it is part of. */
export interface Attempt {
  readonly call: Omit<Current.Call, "attempt">
  /** From 1. */
  readonly attempt: number
  readonly context: Context.Context<never>
  /** When the attempt must have ended, in milliseconds of the monotonic clock. */
  readonly at: number
  /** The span of the attempt, where a tracer is installed. */
  readonly span: Tracer.Span | undefined
}

/** Where the work reports to. */
export interface Sink {
  readonly end: (exit: Exit.Exit<unknown, unknown>, outcome: Outcome.Outcome, status: number | undefined) => void
  /**
   * The call has its answer, but the attempt goes on: what it has taken stays taken until `Held` is settled. `answer` makes
   * the answer.
   */
  readonly handOver: (
    answer: (held: Held) => unknown,
    outcome: Outcome.Outcome,
    status: number | undefined
  ) => void
}

/** What an attempt holds on to while its answer is being read. */
export interface Held {
  /** When the answer was handed over, in milliseconds of the monotonic clock. */
  readonly since: number
  readonly isSettled: boolean
  /** Gives it back, the first time. */
  readonly settle: (outcome: Outcome.Outcome) => void
}

/** Work on its way. */
export interface Running {
  /** False while it is proven that nothing has left. */
  readonly wasSent: boolean
  /** Stops it; the effect, if there is one, ends when everything it held is released. */
  readonly cancel: () => Effect.Effect<void> | void
}

/** What an attempt needs to know of what it is part of. */
export interface Surroundings {
  readonly call: Call
  readonly context: Context.Context<never>
  readonly gates: ReadonlyArray<Policy.Gate<Reason>>
  readonly deadlines: DeadlineLists.Lists
  readonly attemptTimeout: number
  /** When all attempts together began, and when they must have ended. */
  readonly begunAt: number
  readonly deadline: number
  readonly work: Work
}

/** How an attempt ended. */
export interface Ended extends Telemetry.AttemptInfo {
  readonly outcome: Outcome.Outcome
  /** Milliseconds of the monotonic clock. */
  readonly endedAt: number
}

/** Makes one attempt; never fails, because how it ended is an answer. */
export const run = (around: Surroundings, attempt: number): Effect.Effect<Ended> =>
  Effect.callback<Ended>((resume) => {
    const flight = begin(around, attempt, millis(around.call.clock), (ended) => resume(Effect.succeed(ended)))
    return Effect.suspend(() => flight.interrupt())
  })

/** The same without an effect, at this time: `done` is told how it ended, perhaps at once, unless it was interrupted. */
export const begin = (
  around: Surroundings,
  attempt: number,
  now: number,
  done: (ended: Ended) => void
): Begun => {
  const flight = new Flight(around, attempt, now, done)
  flight.admit(0, now)
  return flight
}

/** An attempt on its way; how it ended, when it has. */
class Flight implements Attempt, Ended, Begun, Sink, Deadlines.Deadline, Policy.Waiter {
  readonly call: Surroundings["call"]
  readonly context: Context.Context<never>
  readonly attempt: number
  readonly span: Tracer.Span | undefined
  at = 0
  prev: Deadlines.Deadline | undefined = undefined
  next: Deadlines.Deadline | undefined = undefined
  exit: Exit.Exit<unknown, unknown> = Exit.void
  outcome: Outcome.Outcome = Outcome.neutral
  status: number | undefined = undefined
  started = false
  endedAt = 0
  private readonly around: Surroundings
  private readonly done: (ended: Ended) => void
  private readonly begunAt: number
  /** Of the gates that have let it through, in their order. */
  private readonly tickets: Array<number> = []
  /** Where it waits for a ticket, if it does. */
  private line: Policy.Line | undefined = undefined
  private admission: Fiber.Fiber<unknown, unknown> | undefined = undefined
  private running: Running | undefined = undefined
  private startedAt = 0
  private ended = false

  constructor(
    around: Surroundings,
    attempt: number,
    now: number,
    done: (ended: Ended) => void
  ) {
    this.call = around.call
    this.context = around.context
    this.attempt = attempt
    this.span = Spans.beginAttempt(around.call, attempt)
    this.around = around
    this.done = done
    this.begunAt = now
  }

  get duration(): number {
    return this.started ? this.endedAt - this.startedAt : 0
  }

  get waited(): number {
    return (this.started ? this.startedAt : this.endedAt) - this.begunAt
  }

  /** Asks the gates in their order, from the given one on, then starts. */
  admit(from: number, now: number): void {
    const { gates } = this.around
    for (let i = from; i < gates.length; i++) {
      const admission = gates[i]!.admit(now)
      if (typeof admission !== "number") return this.refuse(admission, i, now)
      this.tickets.push(admission)
    }
    this.begin(now)
  }

  /** A gate that refuses ends the attempt; one that makes us wait, or whose state lives elsewhere, is the slow path. */
  private refuse(admission: Exclude<Policy.Admission<Reason>, number>, index: number, now: number): void {
    const gate = this.around.gates[index]!
    if (admission._tag === "Refusal") {
      const reason = admission.reason()
      return this.end(Exit.fail(reason), Outcome.fromReason(reason), undefined)
    }
    this.at = this.patience(now)
    if (admission._tag === "Wait" && now + admission.millis >= this.at) {
      gate.settle(admission.ticket, Outcome.neutral, now)
      return this.end(Exit.fail(this.exceeded(false)), Outcome.neutral, undefined)
    }
    this.around.deadlines.waiting.add(this)
    if (admission._tag === "Line") {
      this.line = admission
      return admission.join(this)
    }
    // Interruption is off from first to last: a ticket that is there is an answer, also to one who has left.
    const fiber = Effect.runForkWith(Context.add(this.context, CurrentDeadline, this.at))(
      Policy.admitted(gate, admission),
      { uninterruptible: true }
    )
    this.admission = fiber
    fiber.addObserver((exit) => {
      this.admission = undefined
      this.around.deadlines.waiting.remove(this)
      const answer = Exit.isSuccess(exit) ? exit.value : undefined
      if (this.ended) {
        // The caller has left when the ticket was there already.
        if (typeof answer === "number") gate.settle(answer, Outcome.refused(undefined), millis(this.call.clock))
      } else if (answer === undefined) this.end(exit, Outcome.neutral, undefined)
      else if (typeof answer === "number") {
        this.tickets.push(answer)
        this.goOn()
      } else this.refuse(answer, index, now)
    })
  }

  onTurn(ticket: number): void {
    this.line = undefined
    this.around.deadlines.waiting.remove(this)
    this.tickets.push(ticket)
    this.call.dispatcher.scheduleTask(() => this.goOn(), 0)
  }

  /** Asks the gates behind those that have let it through by now. */
  private goOn(): void {
    if (!this.ended) this.admit(this.tickets.length, millis(this.call.clock))
  }

  /**
   * A wait leaves the attempt half of the time that it would have: what starts with less is given up before it is answered,
   * and costs a remote in trouble as much as any.
   */
  private patience(now: number): number {
    const { attemptTimeout, deadline } = this.around
    return deadline - Math.min(attemptTimeout, Math.max(0, deadline - now)) / 2
  }

  private begin(now: number): void {
    const { attemptTimeout, deadline, deadlines } = this.around
    const left = deadline - now
    this.at = now + (attemptTimeout < left ? attemptTimeout : left)
    if (left <= 0) return this.end(Exit.fail(this.exceeded(false)), Outcome.neutral, undefined)
    this.started = true
    this.startedAt = now
    deadlines.add(this)
    try {
      this.running = this.around.work.start(this, this)
    } catch (defect) {
      this.end(Exit.die(defect), Outcome.neutral, undefined)
    }
  }

  end(exit: Exit.Exit<unknown, unknown>, outcome: Outcome.Outcome, status: number | undefined): void {
    if (this.ended) return
    this.tell(exit, outcome, status, this.settle(outcome))
  }

  handOver(answer: (held: Held) => unknown, outcome: Outcome.Outcome, status: number | undefined): void {
    if (this.ended) return
    const { around: { deadlines }, call: { clock, inFlight } } = this
    this.ended = true
    deadlines.remove(this)
    const since = millis(clock)
    const elapsed = since - this.startedAt
    const release = (outcome: Outcome.Outcome) => {
      this.giveBack(outcome, millis(clock), elapsed)
      inFlight.leave()
    }
    let isSettled = false
    const held: Held = {
      since,
      get isSettled() {
        return isSettled
      },
      settle: (outcome) => {
        if (isSettled) return
        isSettled = true
        release(outcome)
      }
    }
    inFlight.enter()
    this.tell(Exit.succeed(answer(held)), outcome, status, since)
  }

  onDeadline(): void {
    if (this.ended) return
    const wasSent = this.running?.wasSent ?? false
    const reason = !this.started || this.at >= this.around.deadline
      ? this.exceeded(wasSent)
      : new AttemptTimeout({ timeout: Duration.millis(this.around.attemptTimeout), wasSent })
    // Less than half of the time that an attempt has says nothing about the remote: the caller was in a hurry.
    const fair = this.started && this.at - this.startedAt >= this.around.attemptTimeout / 2
    const outcome = fair ? Outcome.fromReason(reason) : Outcome.neutral
    const now = this.settle(outcome)
    // The caller hears of it on time, even if the work is slow to stop: what it yields from now on is dropped.
    try {
      this.admission?.interruptUnsafe()
      const stopped = this.running?.cancel()
      if (stopped !== undefined) Effect.runForkWith(this.context)(stopped)
    } finally {
      this.tell(Exit.fail(reason), outcome, undefined, now)
    }
  }

  interrupt(): Effect.Effect<void> {
    if (this.ended) return Effect.void
    this.settle(Outcome.neutral)
    const { admission, span } = this
    const stopped = Effect.suspend(() =>
      admission === undefined ? this.running?.cancel() ?? Effect.void : Fiber.interrupt(admission)
    )
    return span === undefined
      ? stopped
      : Effect.ensuring(stopped, Effect.sync(() => Spans.endAttempt(span, this.call, Exit.interrupt(), undefined)))
  }

  private tell(
    exit: Exit.Exit<unknown, unknown>,
    outcome: Outcome.Outcome,
    status: number | undefined,
    now: number
  ): void {
    this.exit = exit
    this.outcome = outcome
    this.status = status
    this.endedAt = now
    if (this.span !== undefined) Spans.endAttempt(this.span, this.call, exit, status)
    this.done(this)
  }

  /** Gives back all that was taken, the innermost first; no more is heard of the work. */
  private settle(outcome: Outcome.Outcome): number {
    this.ended = true
    const { deadlines } = this.around
    if (this.started) deadlines.remove(this)
    else deadlines.waiting.remove(this)
    this.line?.leave(this)
    this.line = undefined
    const now = millis(this.call.clock)
    this.giveBack(outcome, now, this.started ? now - this.startedAt : undefined)
    return now
  }

  private giveBack(outcome: Outcome.Outcome, now: number, elapsed: number | undefined): void {
    const { gates } = this.around
    for (let i = this.tickets.length - 1; i >= 0; i--) gates[i]!.settle(this.tickets[i]!, outcome, now, elapsed)
  }

  private exceeded(wasSent: boolean): DeadlineExceeded {
    return new DeadlineExceeded({ timeout: Duration.millis(Math.max(0, this.at - this.around.begunAt)), wasSent })
  }
}
