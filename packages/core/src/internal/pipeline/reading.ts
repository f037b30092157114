/**
 * Reading a body in time: it fails when nothing has come for as long as its idle timeout, and at its end, whoever waits.
 *
 * A piece that is there already costs neither. One that is waited for is pulled in a fiber that can be left, and has its
 * deadline among those of the calls: a few assignments, no timer.
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type { Reason } from "../../IntegrationError.ts"
import type * as Deadlines from "../deadlines.ts"
import { millis } from "../monotonic.ts"

/** The next pieces, or how the body ended. */
export type Step = Effect.Effect<readonly [unknown, ...Array<unknown>], unknown>

export interface Limits {
  readonly clock: Clock.Clock
  readonly deadlines: Deadlines.Deadlines
  /** Milliseconds. */
  readonly idleTimeout: number
  /** In milliseconds of the monotonic clock. */
  readonly end: number
  readonly onSilence: () => Reason
  readonly onEnd: () => Reason
  /** Nobody waits for the body when its time is up. */
  readonly release: (reason: Reason) => void
}

export class Reading {
  private readonly limits: Limits
  private readonly silence: Deadlines.Deadline
  private readonly end: Deadlines.Deadline
  /** Tells the one who waits. */
  private leave: ((reason: Reason) => void) | undefined = undefined
  private over: Reason | undefined = undefined

  constructor(limits: Limits) {
    const { deadlines, end, onEnd, onSilence } = limits
    this.limits = limits
    this.silence = this.deadline(0, onSilence)
    this.end = this.deadline(end, onEnd)
    if (end !== Infinity) deadlines.add(this.end)
  }

  /** The same in time. */
  pull(step: Step): Step {
    return Effect.withFiber((reader) => {
      if (this.over !== undefined) return Effect.fail(this.over)
      const fiber = Effect.runForkWith(reader.context)(step)
      return fiber.pollUnsafe() ?? this.wait(fiber)
    })
  }

  /** No time runs any more. */
  stop(): void {
    this.limits.deadlines.remove(this.silence)
    this.limits.deadlines.remove(this.end)
  }

  private wait(fiber: Fiber.Fiber<readonly [unknown, ...Array<unknown>], unknown>): Step {
    const { clock, deadlines, idleTimeout } = this.limits
    return Effect.callback((resume) => {
      this.silence.at = millis(clock) + idleTimeout
      deadlines.add(this.silence)
      this.leave = (reason) => resume(Effect.andThen(Fiber.interrupt(fiber), Effect.fail(reason)))
      fiber.addObserver((exit) => {
        deadlines.remove(this.silence)
        this.leave = undefined
        resume(exit)
      })
      return Fiber.interrupt(fiber)
    })
  }

  private deadline(at: number, reason: () => Reason): Deadlines.Deadline {
    return { at, prev: undefined, next: undefined, onDeadline: () => this.expire(reason()) }
  }

  private expire(reason: Reason): void {
    this.stop()
    this.over = reason
    const tell = this.leave ?? this.limits.release
    this.leave = undefined
    tell(reason)
  }
}
