/** What the tests of circuits share. */
import { Deferred, type Duration, Effect, Fiber } from "effect"
import * as CircuitBreaker from "../../src/policy/CircuitBreaker.ts"
import { adjust, Boom, boom } from "./fixtures.ts"

export type MakeOptions = Parameters<typeof CircuitBreaker.make>[0]

/** It opens at one failure, for one second, and does not grow. */
export const quick = { name: "test", failureThreshold: 1, resetTimeout: "1 second", resetFactor: 1 } as const

export const makeBreaker = (options: Partial<MakeOptions> = {}) =>
  Effect.gen(function*() {
    const transitions: Array<CircuitBreaker.Transition> = []
    const breaker = yield* CircuitBreaker.make({
      ...quick,
      onTransition: (transition) => void transitions.push(transition),
      ...options
    })
    return { ...actions(breaker), transitions, moves: () => transitions.map(({ from, to }) => `${from} → ${to}`) }
  })

/** What can be done with a breaker. */
export const actions = (breaker: CircuitBreaker.CircuitBreaker) => {
  const fail = Effect.flip(breaker.policy(boom))
  /** A call that is running, and how to end it. */
  const begin = Effect.gen(function*() {
    const end = yield* Deferred.make<string, Boom>()
    const fiber = yield* Effect.forkChild(Effect.exit(breaker.policy(Deferred.await(end))), {
      startImmediately: true
    })
    const finish = <A>(how: Effect.Effect<A>) => Effect.andThen(how, Fiber.join(fiber))
    return {
      fiber,
      succeed: finish(Deferred.succeed(end, "late")),
      fail: finish(Deferred.fail(end, new Boom({})))
    }
  })
  /** A call that ends after so long. */
  const ends = (how: "succeed" | "fail", after: Duration.Input) =>
    Effect.gen(function*() {
      const call = yield* begin
      yield* adjust(after)
      return yield* call[how]
    })
  return {
    breaker,
    stateTag: Effect.map(breaker.state, (state) => state._tag),
    fail,
    succeed: breaker.policy(Effect.succeed("ok")),
    begin,
    ends,
    /** Opens it and waits until it lets probes through. */
    due: Effect.andThen(fail, adjust("1 second"))
  }
}
