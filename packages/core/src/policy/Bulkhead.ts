/**
 * Bounds how much is in flight at once, so that one slow remote cannot take everything a process has. What finds no permit
 * waits in a bounded queue, first come first served; what finds the queue full is refused.
 *
 * Where it is `adaptive`, the limit moves between two bounds by itself: down when calls take longer than they usually do, and
 * by a tenth when the remote drops one (a failure that may be retried, such as a timeout, or a throttled one); up again while
 * calls are as fast as usual and at least half of the limit is in use. Other failures and interruption do not move it.
 *
 * @example
 * const bulkhead = yield* Bulkhead.make({ maxConcurrent: 4 })
 * yield* report.pipe(bulkhead.policy) // fails with `BulkheadFull` when 4 run and 1,000 wait
 */
import * as Effect from "effect/Effect"
import type * as Ref from "effect/Ref"
import type { BulkheadFull } from "../IntegrationError.ts"
import { settingsOf, validate as check, validateAll } from "../internal/bulkhead/options.ts"
import { Permits } from "../internal/bulkhead/permits.ts"
import { type InvalidOptions, type Problem, refuse } from "../InvalidOptions.ts"
import type * as Outcome from "../Outcome.ts"
import * as Policy from "../Policy.ts"
import { Stores } from "../Stores.ts"

/** A number of permits and a queue. */
export interface Bulkhead {
  readonly gate: Policy.Gate<BulkheadFull>
  readonly policy: Policy.Policy<BulkheadFull>
  /**
   * Another `maxConcurrent` from now on. What runs goes on: after it has shrunk, nothing starts until enough has ended; when
   * it grows, those who wait longest start at once.
   */
  readonly resize: (maxConcurrent: number) => Effect.Effect<void, InvalidOptions>
  readonly state: Effect.Effect<State>
}

/** What there is now. */
export interface State {
  /** What holds a permit. */
  readonly running: number
  readonly waiting: number
  /** `maxConcurrent`, or what the adaptive limit has come to. */
  readonly limit: number
}

export interface Options {
  /** Permits, at least 1. */
  readonly maxConcurrent: number
  /** How many may wait for a permit, at least 0: default 1,000. */
  readonly maxQueue?: number | undefined
  /** Absent: the limit is `maxConcurrent`. Given, even empty: it adapts to the latency, and `maxConcurrent` is its upper bound. */
  readonly adaptive?: Adaptive | undefined
}

/** How a limit adapts: by the gradient of the latency, Netflix's Gradient2. */
export interface Adaptive {
  /** The least it shrinks to, from 1 to `maxConcurrent`: default 1. */
  readonly minConcurrent?: number | undefined
  /** What it begins with, from `minConcurrent` to `maxConcurrent`: default 20, as far as the bounds allow. */
  readonly initial?: number | undefined
  /** How many times its usual latency a call may take before the limit shrinks, from 1 to 10: default 1.5. */
  readonly tolerance?: number | undefined
}

/** What is wrong with some options. */
export const validate: (options: Partial<Options>) => ReadonlyArray<Problem> = check

/** What a bulkhead can be made with besides. */
interface Classified {
  /** Decides for its policy the outcomes it knows; of account where the limit adapts. */
  readonly classify?: Outcome.Classifier | undefined
}

/**
 * With a name: the bulkhead of that name; if there is one already, its options become these, and what runs and waits stays.
 * Without one: a bulkhead of its own. Permits are given back however a call ends.
 */
export function make(
  options: Options & Classified & { readonly name: string }
): Effect.Effect<Bulkhead, InvalidOptions, Stores>
export function make(
  options: Options & Classified & { readonly name?: undefined }
): Effect.Effect<Bulkhead, InvalidOptions>
export function make(
  options: Options & Classified & { readonly name?: string | undefined }
): Effect.Effect<Bulkhead, InvalidOptions, Stores> {
  return Effect.flatMap(refuse(validateAll(options)), () => {
    const settings = settingsOf(options)
    const { name } = options
    if (name === undefined) return Effect.succeed(of(new Permits(settings), options))
    return Effect.map(named(name, () => new Permits(settings)), ({ current: permits }) => {
      permits.adapt(settings)
      return of(permits, options)
    })
  })
}

const named = (name: string, initial: () => Permits): Effect.Effect<Ref.Ref<Permits>["ref"], never, Stores> =>
  Effect.flatMap(Stores, (stores) => Effect.map(stores.state(`bulkhead/${name}`, initial), ({ ref }) => ref))

const of = (permits: Permits, options: Options & Classified): Bulkhead => ({
  gate: permits,
  policy: Policy.named("Bulkhead", options, Policy.fromGate(permits, options)),
  resize: (maxConcurrent) =>
    Effect.map(
      refuse(validate({ maxConcurrent, adaptive: { minConcurrent: permits.settings.adaptive?.min } })),
      () => permits.resize(maxConcurrent)
    ),
  state: Effect.sync(() => ({ running: permits.running, waiting: permits.waiting.size, limit: permits.limit }))
})
