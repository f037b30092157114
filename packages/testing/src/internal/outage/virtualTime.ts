/**
 * A world of its own time: a clock that jumps from one event to the next as soon as all that the last one set off has come
 * to rest. Hours pass in seconds, and the same seed gives the same run.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Random from "effect/Random"
import * as Scheduler from "effect/Scheduler"
import { type Event, Events } from "./events.ts"

export class VirtualTime implements Clock.Clock {
  /** Milliseconds since the world began. */
  now = 0
  private readonly events = new Events()
  private tasks: Array<() => void> = []
  /** Grows with everything that may set off more, a look at the clock included. */
  private activity = 0

  private readonly scheduler = new Scheduler.MixedScheduler("async", (task) => {
    let cancelled = false
    this.tasks.push(() => {
      if (!cancelled) task()
    })
    return () => {
      cancelled = true
    }
  })

  /** Happens so many milliseconds from now. */
  after(millis: number, happens: () => void): Event {
    this.activity++
    // Whole microseconds, so that no last digit of a logarithm decides what comes first.
    return this.events.add(Math.round((this.now + Math.max(0, millis)) * 1000) / 1000, happens)
  }

  /** Runs an effect in this world, and the world until the effect has ended. What is left then does not happen. */
  run<A, E, R>(effect: Effect.Effect<A, E, R>, random: Random.Random): Effect.Effect<A, E, R> {
    return Effect.contextWith((outer: Context.Context<R>) =>
      Effect.callback<A, E>((resume, signal) => {
        let exit: Exit.Exit<A, E> | undefined
        const inside = outer.pipe(
          Context.add(Clock.Clock, this),
          Context.add(Scheduler.Scheduler, this.scheduler),
          Context.add(Random.Random, random)
        )
        const fiber = Effect.runForkWith(inside)(effect)
        fiber.addObserver((how) => {
          exit = how
        })
        this.goOn(() => exit !== undefined || signal.aborted).then(
          () => {
            if (exit === undefined) fiber.interruptUnsafe()
            else resume(exit)
          },
          (defect) => resume(Effect.die(defect))
        )
      })
    )
  }

  private async goOn(isOver: () => boolean): Promise<void> {
    let idle = 0
    for (let steps = 1; !isOver(); steps++) {
      // A round is all that waits to run, then all microtasks that wait by then.
      for (let quiet = 0; quiet < restRounds && !isOver();) {
        const before = this.activity
        this.runTasks()
        await undefined
        quiet = before === this.activity && this.tasks.length === 0 ? quiet + 1 : 0
      }
      if (isOver()) return
      const event = this.events.next()
      if (event === undefined && ++idle > idleTurns) {
        throw new Error("a simulated call waits for something that is outside of virtual time, such as a real socket")
      }
      // The process gets a turn every now and then, and where nothing is left but what it may bring.
      if (event === undefined || steps % 1000 === 0) await turn()
      if (event === undefined) continue
      idle = 0
      this.now = event.at
      this.activity++
      event.happens?.()
    }
  }

  private runTasks(): void {
    while (this.tasks.length > 0) {
      const tasks = this.tasks
      this.tasks = []
      this.activity++
      for (const task of tasks) task()
    }
  }

  currentTimeMillisUnsafe(): number {
    this.activity++
    return this.now
  }
  currentTimeNanosUnsafe(): bigint {
    this.activity++
    return BigInt(Math.round(this.now * 1000)) * 1000n
  }
  monotonicTimeNanosUnsafe(): bigint {
    return this.currentTimeNanosUnsafe()
  }
  readonly currentTimeMillis: Effect.Effect<number> = Effect.sync(() => this.currentTimeMillisUnsafe())
  readonly currentTimeNanos: Effect.Effect<bigint> = Effect.sync(() => this.currentTimeNanosUnsafe())
  readonly monotonicTimeNanos: Effect.Effect<bigint> = this.currentTimeNanos

  sleep(duration: Duration.Duration): Effect.Effect<void> {
    const millis = Duration.toMillis(duration)
    if (!Number.isFinite(millis)) return Effect.never
    return Effect.callback<void>((resume) => {
      const event = this.after(millis, () => resume(Effect.void))
      return Effect.sync(() => event.cancel())
    })
  }
}

/** Rounds in a row in which nobody did anything, until nobody will: a chain of promises may look at no clock for a while. */
const restRounds = 4
/** Turns of the process in which nothing happened, until nothing will. */
const idleTurns = 10

/** A turn of the process's own loop, by the scheduler that effects have outside of any world. */
const turn = (): Promise<void> => Effect.runPromise(Effect.yieldNow)
