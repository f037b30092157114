/** Processes that share circuits: each has a `Stores` and a clock of its own, over one store. */
import { Clock, Effect, type Scope } from "effect"
import * as CircuitBreaker from "../../src/policy/CircuitBreaker.ts"
import * as Stores from "../../src/Stores.ts"
import { actions, type MakeOptions, quick } from "./circuits.ts"

/** A clock that is ahead of the one of the test by so many milliseconds, and whose wall time can be set. */
export const skewed = (real: Clock.Clock, ahead: number) => {
  const wall = { step: 0 }
  const millis = () => real.currentTimeMillisUnsafe() + wall.step
  const clock: Clock.Clock = {
    ...real,
    currentTimeMillisUnsafe: millis,
    currentTimeMillis: Effect.sync(millis),
    monotonicTimeNanosUnsafe: () => real.monotonicTimeNanosUnsafe() + BigInt(ahead) * 1_000_000n,
    sleep: (duration) => real.sleep(duration)
  }
  return { clock, wall }
}

/** A store that can be slow to be asked or to answer, be gone, lose everything, or have its clock set. */
export const makeStore = (whenUnavailable: Stores.WhenUnavailable = "local") =>
  Effect.gen(function*() {
    const real = yield* Clock.Clock
    const control = { asked: 0, latency: 0, answerLatency: 0, gone: false, retryAfter: 1_000, ahead: 5_000_000 }
    const clock: Clock.Clock = {
      ...real,
      monotonicTimeNanosUnsafe: () => real.monotonicTimeNanosUnsafe() + BigInt(control.ahead) * 1_000_000n,
      sleep: (duration) => real.sleep(duration)
    }
    const memory = yield* Effect.provideService(Stores.makeShared(whenUnavailable), Clock.Clock, clock)
    const shared: Stores.Shared = {
      ...memory,
      modify: (key, change) =>
        Effect.suspend(() => {
          control.asked++
          const { answerLatency, gone, latency, retryAfter } = control
          const answer = gone
            ? Effect.fail(new Stores.StoreUnavailable({ store: "test", retryAfter }))
            // A store that is asked by many may have to try a change again.
            : memory.modify(key, (kept, now) => (change(kept, now), change(kept, now)))
          const late = answerLatency === 0 ? answer : Effect.tap(answer, Effect.sleep(answerLatency))
          return latency === 0 ? late : Effect.andThen(Effect.sleep(latency), late)
        })
    }
    return { control, shared }
  })

/** A process with a breaker: it opens at one failure, for one second, and does not grow. */
export const makeProcess = (
  shared: Stores.Shared,
  { ahead = 0, ...options }: Partial<MakeOptions> & { readonly ahead?: number } = {}
) =>
  Effect.gen(function*() {
    const { clock, wall } = skewed(yield* Clock.Clock, ahead)
    const stores = Stores.fromShared(shared)
    const here = <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, Exclude<R, Stores.Stores>> =>
      self.pipe(Effect.provideService(Stores.Stores, stores), Effect.provideService(Clock.Clock, clock))
    const transitions: Array<CircuitBreaker.Transition> = []
    const breaker = yield* here(CircuitBreaker.make({
      ...quick,
      onTransition: (transition) => void transitions.push(transition),
      ...options
    }))
    const { begin, fail, stateTag, succeed } = actions(breaker)
    return {
      breaker,
      here,
      wall,
      transitions,
      moves: () => transitions.map(({ cause, from, to }) => `${from} → ${to}: ${cause}`),
      begin: here(begin),
      fail: here(fail),
      succeed: here(succeed),
      stateTag: here(stateTag),
      state: here(breaker.state)
    }
  })

export type Process = Effect.Success<ReturnType<typeof makeProcess>>
export type InScope<A, E = never> = Effect.Effect<A, E, Scope.Scope>
