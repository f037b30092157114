/**
 * Bounds how much is in flight at once, so that one slow remote cannot take everything a process has. What finds no permit
 * waits in a bounded queue, first come first served; what finds the queue full is refused.
 *
 * @example
 * const bulkhead = yield* Bulkhead.make({ maxConcurrent: 4 })
 * yield* report.pipe(bulkhead.policy) // fails with `BulkheadFull` when 4 run and 1,000 wait
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { BulkheadFull } from "../IntegrationError.ts"
import { atLeast, problems } from "../internal/checks.ts"
import { stackless } from "../internal/stackless.ts"
import { type InvalidOptions, type Problem, refuse } from "../InvalidOptions.ts"
import * as Policy from "../Policy.ts"

/** A number of permits and a queue. */
export interface Bulkhead {
  readonly gate: Policy.Gate<BulkheadFull>
  readonly policy: Policy.Policy<BulkheadFull>
  /** Counts as one permit while the scope is open, past the limit if need be: for what goes on after it was let through. */
  readonly hold: Effect.Effect<void, never, Scope.Scope>
  /** What holds a permit and what waits for one, now. */
  readonly state: Effect.Effect<{ readonly running: number; readonly waiting: number }>
}

export interface Options {
  /** Permits, at least 1. */
  readonly maxConcurrent: number
  /** How many may wait for a permit, at least 0: default 1,000. */
  readonly maxQueue?: number | undefined
}

/** What is wrong with some options. */
export const validate = (options: Partial<Options>): ReadonlyArray<Problem> =>
  problems(atLeast(1, "maxConcurrent", options.maxConcurrent), atLeast(0, "maxQueue", options.maxQueue))

/** A bulkhead of its own; permits are given back however a call ends. */
export const make = (options: Options): Effect.Effect<Bulkhead, InvalidOptions> =>
  Effect.map(refuse(validate(options)), () => {
    const gate = new Permits(options.maxConcurrent, options.maxQueue ?? 1000)
    return {
      gate,
      policy: Policy.named("Bulkhead", options, Policy.fromGate(gate)),
      hold: Effect.acquireRelease(Effect.sync(() => void gate.running++), () => Effect.sync(() => gate.settle())),
      state: Effect.sync(() => ({ running: gate.running, waiting: gate.waiting.size }))
    }
  })

/** A waiter is told that it now holds a permit. */
type Waiter = () => void

class Permits implements Policy.Gate<BulkheadFull> {
  readonly waiting = new Set<Waiter>()
  running = 0
  private readonly maxConcurrent: number
  private readonly maxQueue: number
  private readonly queued: Policy.Ask<BulkheadFull>
  private readonly full: Policy.Refusal<BulkheadFull>

  constructor(maxConcurrent: number, maxQueue: number) {
    this.maxConcurrent = maxConcurrent
    this.maxQueue = maxQueue
    this.full = {
      _tag: "Refusal",
      retryAfter: undefined,
      reason: () => stackless(() => new BulkheadFull({ limit: maxConcurrent }))
    }
    this.queued = { _tag: "Ask", answer: Effect.suspend(() => this.permit()) }
  }

  admit(): Policy.Admission<BulkheadFull> {
    if (this.running < this.maxConcurrent) return ++this.running
    return this.waiting.size < this.maxQueue ? this.queued : this.full
  }

  settle(): void {
    // The permit goes to whoever waits longest, so that nobody overtakes; unless it was one past the limit.
    if (this.running > this.maxConcurrent) return void this.running--
    for (const next of this.waiting) {
      this.waiting.delete(next)
      return next()
    }
    this.running--
  }

  private permit(): Effect.Effect<number> {
    if (this.running < this.maxConcurrent) return Effect.succeed(++this.running)
    return Effect.callback<number>((resume) => {
      let granted = false
      const waiter = () => {
        granted = true
        // Later, because a waiter that is refused elsewhere gives its permit back at once, and the next one does the same.
        queueMicrotask(() => resume(Effect.succeed(this.running)))
      }
      this.waiting.add(waiter)
      return Effect.sync(() => {
        // Interrupted between the grant and its use: the permit goes on.
        if (granted) this.settle()
        else this.waiting.delete(waiter)
      })
    })
  }
}
