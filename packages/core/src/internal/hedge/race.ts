/**
 * Attempts at the same thing, begun one after the other, of which the first answer counts. It is over when every
 * attempt has ended: those that lost are interrupted, and have released what they held.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import { CurrentCall } from "../../Call.ts"
import type * as Outcome from "../../Outcome.ts"
import { millis } from "../monotonic.ts"
import type { Payer } from "../retry/budget.ts"

/** Times in milliseconds, of the monotonic clock. */
export interface Settings {
  readonly maxHedges: number
  /**
   * How long an attempt runs before the next one begins; `undefined` where none is to begin. Asked once for each call.
   */
  readonly delay: (now: number) => number | undefined
  readonly payer: Payer
  /** Is told how long an answer took. */
  readonly record: (latency: number, now: number) => void
  readonly onHedge: ((upcoming: Upcoming) => void) | undefined
}

/** An attempt that is about to begin. */
export interface Upcoming {
  /** From 2. */
  readonly attempt: number
  /** Why: the attempt before has not answered in time, or it failed. */
  readonly cause: "Delay" | "Failure"
}

/** What an attempt came to. */
export interface Verdict {
  readonly outcome: Outcome.Outcome
  /** It ended because it took too long. */
  readonly timedOut: boolean
}

/** Races attempts, each made from its number, from 1. */
export const race = <A, E, R>(
  settings: Settings,
  attempt: (attempt: number) => Effect.Effect<A, E, R>,
  judge: (exit: Exit.Exit<A, E>) => Verdict
): Effect.Effect<A, E, R> =>
  Effect.contextWith((context: Context.Context<R>) =>
    Effect.callback<A, E>((resume) => {
      const race = new Race(settings, attempt, judge, context, resume)
      race.begin()
      return race.stop
    })
  )

interface Racer {
  /** From 0. */
  readonly index: number
  readonly at: number
  readonly scope: Scope.Closeable | undefined
  /** Absent while its first steps run. */
  fiber: Fiber.Fiber<unknown, unknown> | undefined
  /** How it ended is known, though it may still release what it held. */
  decided: boolean
  /** It failed in a way that another attempt may mend. */
  callsNext: boolean
}

class Race<A, E, R> {
  private readonly settings: Settings
  private readonly attempt: (attempt: number) => Effect.Effect<A, E, R>
  private readonly judge: (exit: Exit.Exit<A, E>) => Verdict
  private readonly context: Context.Context<R>
  private readonly resume: (exit: Exit.Exit<A, E>) => void
  private readonly clock: Clock.Clock
  private readonly outer: Scope.Scope | undefined
  private readonly delay: number | undefined
  private readonly running = new Set<Racer>()
  private begun = 0
  /** Whether another attempt may begin. */
  private open: boolean
  private timer: Fiber.Fiber<void> | undefined
  private first: Exit.Exit<A, E> | undefined
  private winner: Exit.Exit<A, E> | undefined
  /** Of a first attempt that failed with a value, which the caller gets if no other attempt does better. */
  private kept: Scope.Closeable | undefined
  private onStopped: (() => void) | undefined

  constructor(
    settings: Settings,
    attempt: (attempt: number) => Effect.Effect<A, E, R>,
    judge: (exit: Exit.Exit<A, E>) => Verdict,
    context: Context.Context<R>,
    resume: (exit: Exit.Exit<A, E>) => void
  ) {
    this.settings = settings
    this.attempt = attempt
    this.judge = judge
    this.context = context
    this.resume = resume
    this.clock = Context.get(context, Clock.Clock)
    const outer = Context.getOption(context, Scope.Scope)
    this.outer = outer._tag === "Some" ? outer.value : undefined
    this.delay = settings.delay(this.now())
    this.open = this.delay !== undefined
  }

  /** The caller is gone: none begins any more, and it has left when all have ended. */
  readonly stop: Effect.Effect<void> = Effect.callback((resume) => {
    this.onStopped = () => resume(Effect.void)
    this.interruptAll()
    this.settle()
  })

  begin(): void {
    const index = this.begun++
    const scope = this.outer && Scope.forkUnsafe(this.outer)
    const racer: Racer = { index, at: this.now(), scope, fiber: undefined, decided: false, callsNext: false }
    this.running.add(racer)
    // Its first steps run here, and may end this attempt or any other.
    const self = Effect.suspend(() => this.attempt(index + 1))
    const fiber = Effect.runForkWith(this.contextOf(racer))(Effect.onExit(self, (exit) => this.left(racer, exit)))
    racer.fiber = fiber
    if (this.isOver) fiber.interruptUnsafe()
    fiber.addObserver(() => this.ended(racer))
    if (this.open) this.schedule()
  }

  private get isOver(): boolean {
    return this.winner !== undefined || this.onStopped !== undefined
  }

  private contextOf({ index, scope }: Racer): Context.Context<R> {
    const call = Context.get(this.context, CurrentCall)
    const own = call === undefined || index === 0
      ? this.context
      : Context.add(this.context, CurrentCall, { ...call, attempt: call.attempt + index })
    return scope === undefined ? own : Context.add(own, Scope.Scope, scope)
  }

  private schedule(): void {
    const { context, delay } = this
    this.timer?.interruptUnsafe()
    if (delay === undefined || this.begun > this.settings.maxHedges) return
    if (delay === 0) return this.next("Delay")
    if (delay === Infinity) return
    this.timer = Effect.runForkWith(context)(Effect.sleep(delay))
    this.timer.addObserver((exit) => Exit.isSuccess(exit) && this.next("Delay"))
  }

  private next(cause: Upcoming["cause"]): void {
    const { maxHedges, onHedge, payer } = this.settings
    if (!this.open) return
    if (this.begun > maxHedges || !payer.withdraw(this.now())) return this.close()
    try {
      onHedge?.({ attempt: this.begun + 1, cause })
    } catch {
      // A listener cannot break the call.
    }
    this.begin()
  }

  /** An attempt is over, but for what it holds: releases that, unless the caller is to have it. */
  private left(racer: Racer, exit: Exit.Exit<A, E>): Effect.Effect<void> {
    racer.decided = true
    const won = !this.isOver && this.decide(racer, exit)
    const { index, scope } = racer
    const over = won && this.kept !== undefined ? [this.kept] : []
    if (scope !== undefined) {
      // Empty, it would only stay in the outer scope.
      const isFirst = index === 0 && !this.isOver && Exit.isSuccess(exit)
      if (scope.state._tag === "Empty" || !(won || isFirst)) over.push(scope)
      else if (isFirst) this.kept = scope
    }
    return Effect.forEach(over, (scope) => Scope.close(scope, exit), { discard: true })
  }

  /** Whether it won. */
  private decide(racer: Racer, exit: Exit.Exit<A, E>): boolean {
    let verdict: Verdict
    try {
      verdict = this.judge(exit)
    } catch (defect) {
      return this.win(Exit.die(defect))
    }
    const { outcome, timedOut } = verdict
    const now = this.now()
    if (outcome._tag === "Success" || timedOut) this.settings.record(now - racer.at, now)
    if (outcome._tag === "Success") return this.win(exit)
    if (racer.index === 0) this.first = exit
    else if (outcome._tag === "Neutral" && outcome.retryable) this.settings.payer.giveBack(now)
    racer.callsNext = mayBeMended(outcome)
    if (!racer.callsNext) this.close()
    return false
  }

  private win(exit: Exit.Exit<A, E>): true {
    const now = this.now()
    this.winner = exit
    for (const { at, decided } of this.running) {
      // How long it would have taken is not known, but it was no less than this; where that is short it says nothing.
      if (!decided && this.delay !== undefined && now - at >= this.delay) this.settings.record(now - at, now)
    }
    return true
  }

  private ended(racer: Racer): void {
    this.running.delete(racer)
    if (this.winner !== undefined) this.interruptAll()
    else if (racer.callsNext) this.next("Failure")
    this.settle()
  }

  private settle(): void {
    if (this.running.size > 0) return
    this.close()
    if (this.onStopped !== undefined) this.onStopped()
    else {
      const exit = this.winner ?? this.first
      if (exit !== undefined) this.resume(exit)
    }
  }

  private interruptAll(): void {
    this.close()
    for (const { fiber } of this.running) fiber?.interruptUnsafe()
  }

  private close(): void {
    this.open = false
    this.timer?.interruptUnsafe()
  }

  private now(): number {
    return millis(this.clock)
  }
}

/** The remote failed, and did not ask for time. */
const mayBeMended = (outcome: Outcome.Outcome): boolean =>
  outcome._tag === "Failure" && outcome.retryable && !outcome.throttled && outcome.retryAfter === undefined
