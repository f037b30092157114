/**
 * Runs effects one task at a time, in virtual time, so that a test can stop between any two tasks. Fibers yield after each
 * of their operations: whatever may come between two operations of a fiber, comes.
 */
import { Clock, Context, Duration, Effect, Exit, type Fiber, Scheduler } from "effect"

/** After it has been resumed a fiber comes as far as its next operation, and yields before the one after. */
const operations = 3

export class World {
  /** Milliseconds. */
  now = 0
  /** Tasks that have run. */
  turns = 0
  private tasks: Array<() => void> = []
  private sleeps: Array<{ readonly at: number; readonly wake: () => void }> = []

  readonly context: Context.Context<never> = Context.empty().pipe(
    Context.add(Scheduler.Scheduler, {
      executionMode: "async",
      shouldYield: (fiber: Fiber.Fiber<unknown, unknown>) => fiber.currentOpCount >= operations,
      makeDispatcher: () => ({ scheduleTask: (task: () => void) => void this.tasks.push(task), flush: () => {} })
    }),
    Context.add(Clock.Clock, this.clock())
  )

  /** How many sleep. */
  get sleeping(): number {
    return this.sleeps.length
  }

  fork<A, E>(self: Effect.Effect<A, E>): Fiber.Fiber<A, E> {
    return Effect.runForkWith(this.context)(self)
  }

  /** Runs until nothing is left to do. `onTurn` is told before each task; when there is none, `onPause`, and time passes. */
  drain(onTurn?: () => void, onPause?: () => void): void {
    for (;;) {
      const task = this.tasks.shift()
      if (task !== undefined) {
        if (++this.turns > 1_000_000) throw new Error("it does not come to an end")
        onTurn?.()
        task()
      } else {
        onPause?.()
        if (!this.wake()) return
      }
    }
  }

  /** The answer of an effect, while everything else goes on. */
  answer<A, E>(self: Effect.Effect<A, E>): A {
    const exit = this.exit(self)
    if (Exit.isSuccess(exit)) return exit.value
    throw new Error("it failed", { cause: exit.cause })
  }

  exit<A, E>(self: Effect.Effect<A, E>): Exit.Exit<A, E> {
    const fiber = this.fork(self)
    this.drain()
    const exit = fiber.pollUnsafe()
    if (exit === undefined) throw new Error("it never ends")
    return exit
  }

  private wake(): boolean {
    const [next] = this.sleeps
    if (next === undefined) return false
    this.sleeps.shift()
    this.now = next.at
    next.wake()
    return true
  }

  private clock(): Clock.Clock {
    const millis = () => this.now
    const nanos = () => BigInt(Math.round(this.now * 1e6))
    return {
      currentTimeMillisUnsafe: millis,
      currentTimeMillis: Effect.sync(millis),
      currentTimeNanosUnsafe: nanos,
      currentTimeNanos: Effect.sync(nanos),
      monotonicTimeNanosUnsafe: nanos,
      monotonicTimeNanos: Effect.sync(nanos),
      sleep: (duration) =>
        Effect.callback<void>((resume) => {
          const sleep = { at: this.now + Duration.toMillis(duration), wake: () => resume(Effect.void) }
          const after = this.sleeps.findIndex(({ at }) => at > sleep.at)
          this.sleeps.splice(after === -1 ? this.sleeps.length : after, 0, sleep)
          return Effect.sync(() => void (this.sleeps = this.sleeps.filter((other) => other !== sleep)))
        })
    }
  }
}
