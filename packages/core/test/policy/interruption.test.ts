/**
 * L1 and L2: a scripted call is interrupted between any two operations that it and its surroundings make, one by one, until
 * it ends by itself. Each time the caller is gone at once, and everything it held or waited for is given back.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Policy from "../../src/Policy.ts"
import * as Bulkhead from "../../src/policy/Bulkhead.ts"
import * as Cache from "../../src/policy/Cache.ts"
import * as CircuitBreaker from "../../src/policy/CircuitBreaker.ts"
import * as Coalesce from "../../src/policy/Coalesce.ts"
import * as Hedge from "../../src/policy/Hedge.ts"
import * as RateLimit from "../../src/policy/RateLimit.ts"
import * as Retry from "../../src/policy/Retry.ts"
import * as Timeout from "../../src/policy/Timeout.ts"
import * as Stores from "../../src/Stores.ts"
import { Boom } from "./fixtures.ts"
import { type Setup, sweep, type Work } from "./sweep.ts"
import { World } from "./world.ts"

/**
 * Fewer points than these would mean that the script has become another. At `just` so many of them a call counts as begun
 * of which nothing has run.
 */
const sweeps = (name: string, atLeast: number, setup: Setup, just = 0): void =>
  it(`L1, L2: ${name}`, () => {
    const { points, started } = sweep(setup)
    assert.isAtLeast(points, atLeast)
    assert.isAtMost(started.length, just)
  })

/** Others that pass, and when each of them did. */
const passing = ({ policy }: RateLimit.RateLimit, world: World) => {
  const starts: Array<number> = []
  return { starts, other: policy(Effect.sync(() => void starts.push(world.now))) }
}

/** Whether a call has begun is known one operation earlier to the limiter than to the call itself. */
const begins = (work: Work, began: boolean) => {
  if (work.entered) assert.isTrue(began)
  return began && !work.entered ? "started" : undefined
}

const expects = <A>(actual: Effect.Effect<A>, expected: A) =>
  Effect.map(actual, (actual) => assert.deepStrictEqual(actual, expected))

describe("interrupted at every point", () => {
  sweeps(
    "a timeout: its timer is gone, and what the attempt held",
    20,
    (work) =>
      Effect.map(Timeout.make({ timeout: "1 second" }), ({ policy }) => ({
        call: policy(work.take(500)),
        baseline: Effect.void
      }))
  )

  sweeps("a timeout that runs out", 20, (work) =>
    Effect.map(Timeout.make({ timeout: "1 second" }), ({ policy }) => ({
      call: Effect.ignore(policy(work.take(2_000))),
      baseline: Effect.void
    })))

  sweeps(
    "a timeout that abandons: what it leaves behind stops as well",
    20,
    (work) =>
      Effect.map(Timeout.make({ timeout: "1 second", abandon: true }), ({ policy }) => ({
        call: policy(work.take(500)),
        baseline: Effect.void
      }))
  )

  sweeps("a total timeout", 20, (work) =>
    Effect.map(Timeout.total({ timeout: "1 second" }), ({ policy }) => ({
      call: policy(work.take(500)),
      baseline: Effect.void
    })))

  sweeps("retries: a retry that does not begin is not paid for", 60, (work) =>
    Effect.map(
      Retry.make({
        name: "test",
        maxRetries: 2,
        baseDelay: "1 second",
        jitter: "none",
        budget: { ratio: 1, minPerSecond: 0, ttl: "1 minute" }
      }),
      ({ budget, policy }) => {
        for (let i = 0; i < 9; i++) budget.deposit(0)
        const fail = Effect.fail(new Boom({}))
        const call = policy(Effect.suspend(() => work.take(100, work.begun < 2 ? fail : undefined)))
        return {
          call,
          baseline: Effect.sync(() => {
            const retries = Math.max(0, work.begun - 1)
            const left = budget.balance(5_000)
            // The call pays in when it begins.
            if (left === 10 - retries || (work.begun === 0 && left === 9)) return undefined
            assert.strictEqual(left, 9 - retries)
            return "started" as const
          })
        }
      }
    ), 16)

  sweeps("a circuit breaker: the place of the probe is free again", 20, (work) =>
    Effect.gen(function*() {
      const circuit = yield* CircuitBreaker.make({
        name: "test",
        failureThreshold: 1,
        resetTimeout: "1 second",
        halfOpenTimeout: "1 minute"
      })
      yield* Effect.ignore(circuit.policy(Effect.fail(new Boom({}))))
      yield* Effect.sleep("1 second")
      return {
        call: circuit.policy(work.take(100)),
        baseline: Effect.gen(function*() {
          const state = yield* circuit.state
          assert.isTrue(state._tag !== "HalfOpen" || state.probing === 0, JSON.stringify(state))
          yield* circuit.policy(work.take(1))
          assert.strictEqual((yield* circuit.state)._tag, "Closed")
        })
      }
    }))

  for (const algorithm of ["token-bucket", "fixed-window", "sliding-window"] as const) {
    sweeps(
      `a rate limit: who waits behind comes sooner, and no token is lost (${algorithm})`,
      25,
      (work, world) =>
        Effect.gen(function*() {
          const limiter = yield* RateLimit.make({ name: "test", algorithm, limit: 1, window: "1 second" })
          const { other, starts } = passing(limiter, world)
          return {
            before: [other],
            call: limiter.policy(work.take(10)),
            after: [other],
            baseline: Effect.gen(function*() {
              const started = starts[1] === 2_000
              assert.deepStrictEqual(starts, [0, started ? 2_000 : 1_000])
              yield* Effect.sleep("1 second")
              const { available, waiting } = yield* limiter.state
              assert.deepStrictEqual([available, waiting], [1, 0])
              return begins(work, started)
            })
          }
        }),
      1
    )
  }

  sweeps(
    "a rate limit with a token to be had: it is taken, or it is still there",
    12,
    (work) =>
      Effect.gen(function*() {
        const limiter = yield* RateLimit.make({ name: "test", limit: 5, window: "1 minute" })
        return {
          call: limiter.policy(work.take(10)),
          baseline: Effect.map(limiter.state, ({ available }) => {
            assert.isTrue(available === 4 || available === 5)
            return begins(work, available === 4)
          })
        }
      }),
    1
  )

  sweeps("a shared rate limit: no token is lost to one who asks for it", 60, (work, world) =>
    Effect.gen(function*() {
      const shared = yield* Stores.makeShared()
      const slow: Stores.Shared = {
        ...shared,
        modify: (key, change) => Effect.delay(Effect.andThen(Effect.yieldNow, shared.modify(key, change)), 10)
      }
      const limiter = yield* Effect.provideService(
        RateLimit.make({ name: "test", limit: 2, window: "1 minute", maxWait: "1 hour" }),
        Stores.Stores,
        Stores.fromShared(slow)
      )
      const { other, starts } = passing(limiter, world)
      return {
        before: [other],
        call: limiter.policy(work.take(10)),
        after: [other],
        baseline: Effect.gen(function*() {
          assert.lengthOf(starts, 2)
          yield* Effect.sleep("2 minutes")
          const { available, waiting } = yield* limiter.state
          assert.deepStrictEqual([available, waiting], [2, 0])
          // Who comes after takes the place of one that has not started.
          return begins(work, starts[1]! > 1_000)
        })
      }
    }), 2)

  sweeps("a shared rate limit: when the last has left, nobody asks any more", 40, (work) =>
    Effect.gen(function*() {
      const stores = Stores.fromShared(yield* Stores.makeShared())
      const limiter = yield* Effect.provideService(
        RateLimit.make({ name: "test", limit: 1, window: "1 minute", maxWait: "1 hour" }),
        Stores.Stores,
        stores
      )
      yield* limiter.policy(Effect.void)
      return {
        call: limiter.policy(work.take(10)),
        baseline: Effect.map(limiter.state, ({ waiting }) => assert.strictEqual(waiting, 0))
      }
    }))

  sweeps("a shared rate limit whose store is gone", 30, (work, world) =>
    Effect.gen(function*() {
      const shared = yield* Stores.makeShared()
      const gone = Effect.delay(Effect.fail(new Stores.StoreUnavailable({ store: "test", retryAfter: 60_000 })), 10)
      const limiter = yield* Effect.provideService(
        RateLimit.make({ name: "test", limit: 1, window: "1 second" }),
        Stores.Stores,
        Stores.fromShared({ ...shared, modify: () => gone })
      )
      const { other, starts } = passing(limiter, world)
      return {
        before: [other],
        call: limiter.policy(work.take(10)),
        after: [other],
        baseline: Effect.gen(function*() {
          yield* Effect.sleep("1 second")
          const { available, waiting } = yield* limiter.state
          assert.deepStrictEqual([available, waiting], [1, 0])
          return begins(work, starts[1]! > 1_010)
        })
      }
    }), 1)

  sweeps("a bulkhead: the permit goes on to who waits behind", 25, (work) =>
    Effect.gen(function*() {
      const bulkhead = yield* Bulkhead.make({ maxConcurrent: 1 })
      const other = bulkhead.policy(work.take(100))
      return {
        before: [other],
        call: bulkhead.policy(work.take(100)),
        after: [other],
        baseline: expects(bulkhead.state, { running: 0, waiting: 0, limit: 1 })
      }
    }))

  sweeps("a bulkhead that finds its permit on the way to the queue", 15, (work) =>
    Effect.gen(function*() {
      const bulkhead = yield* Bulkhead.make({ maxConcurrent: 1, adaptive: {} })
      return {
        before: [bulkhead.policy(Effect.yieldNow)],
        call: bulkhead.policy(work.take(100)),
        after: [bulkhead.policy(Effect.yieldNow)],
        baseline: expects(bulkhead.state, { running: 0, waiting: 0, limit: 1 })
      }
    }))

  sweeps(
    "hedged attempts: both have ended, and a hedge that did not begin is not paid for",
    50,
    (work) =>
      Effect.gen(function*() {
        const retry = yield* Retry.make({ name: "test", budget: { ratio: 1, minPerSecond: 0, ttl: "1 minute" } })
        for (let i = 0; i < 10; i++) retry.deposit(0)
        const hedge = yield* Hedge.make({ name: "test", delay: "100 millis", budget: retry.budget })
        return {
          call: hedge.policy(work.take(1_000)),
          baseline: Effect.sync(() => assert.strictEqual(retry.budget.balance(2_000), 10 - Math.max(0, work.begun - 1)))
        }
      })
  )

  sweeps("a call that others have joined goes on for them", 15, (work) =>
    Effect.gen(function*() {
      const coalesce = yield* Coalesce.make<string>()
      const join = coalesce.policy("key")(work.take(100))
      return {
        call: join,
        after: [join, join],
        baseline: Effect.andThen(
          expects(coalesce.state, { flights: 0, waiting: 0 }),
          Effect.sync(() => assert.isAtMost(work.begun, 2))
        )
      }
    }))

  sweeps("a call that nobody else has joined ends with its caller", 15, (work) =>
    Effect.gen(function*() {
      const coalesce = yield* Coalesce.make<string>()
      return {
        call: coalesce.policy("key")(work.take(100)),
        baseline: expects(coalesce.state, { flights: 0, waiting: 0 })
      }
    }))

  sweeps(
    "a cache: who waits for the same answer gets it, and the next caller too",
    40,
    (work) =>
      Effect.gen(function*() {
        const cache = yield* Cache.make<string, string>({ name: "test", ttl: "1 minute" })
        const get = cache.policy("key")(work.take(100))
        return {
          call: get,
          after: [get],
          baseline: Effect.gen(function*() {
            assert.strictEqual(yield* get, "ok")
            const { fetches, size } = yield* cache.statistics
            assert.isAtMost(fetches, 2)
            assert.strictEqual(size, 1)
          })
        }
      })
  )

  sweeps("a cache that serves a stale value while it is fetched anew", 12, (work) =>
    Effect.gen(function*() {
      const cache = yield* Cache.make<string, string>({
        name: "test",
        ttl: "1 second",
        staleWhileRevalidate: "1 minute"
      })
      const get = cache.policy("key")(work.take(100))
      yield* get
      yield* Effect.sleep("2 seconds")
      return {
        call: get,
        // What is fetched in the background goes on without its caller.
        timers: 1,
        baseline: Effect.gen(function*() {
          assert.strictEqual(yield* get, "ok")
          yield* Effect.sleep("200 millis")
          assert.isAtMost((yield* cache.statistics).fetches, 3)
        })
      }
    }))

  sweeps("all of them, in the order of the pipeline", 200, (work) =>
    Effect.gen(function*() {
      const name = "test"
      const cache = yield* Cache.make<string, string>({ name, ttl: "1 minute" })
      const coalesce = yield* Coalesce.make<string>()
      const total = yield* Timeout.total({ timeout: "1 minute" })
      const budget = { ratio: 1, minPerSecond: 0, ttl: "1 minute" } as const
      const retry = yield* Retry.make({ name, maxRetries: 2, baseDelay: "1 second", jitter: "none", budget })
      for (let i = 0; i < 9; i++) retry.deposit(0)
      const hedge = yield* Hedge.make({ name, delay: "50 millis", budget: retry.budget })
      const limiter = yield* RateLimit.make({ name, limit: 2, window: "500 millis" })
      const bulkhead = yield* Bulkhead.make({ name, maxConcurrent: 2 })
      const circuit = yield* CircuitBreaker.make({ name, failureThreshold: 1, resetTimeout: "2 seconds" })
      const timeout = yield* Timeout.make({ timeout: "10 seconds" })
      const attempt = Policy.all(limiter.policy, bulkhead.policy, circuit.policy, timeout.policy)
      const call = Policy.all(total.policy, retry.policy, hedge.policy, attempt)
      const ask = Effect.suspend(() => call(work.take(100, work.begun === 0 ? Effect.fail(new Boom({})) : undefined)))
      const get = cache.policy("key")(coalesce.policy("key")(ask))
      return {
        before: [bulkhead.policy(work.take(300))],
        call: get,
        after: [attempt(Effect.succeed("ok"))],
        baseline: Effect.gen(function*() {
          yield* Effect.sleep("5 seconds")
          yield* expects(coalesce.state, { flights: 0, waiting: 0 })
          yield* expects(bulkhead.state, { running: 0, waiting: 0, limit: 2 })
          const { available, waiting } = yield* limiter.state
          assert.deepStrictEqual([available, waiting], [2, 0])
          const state = yield* circuit.state
          assert.isTrue(state._tag !== "HalfOpen" || state.probing === 0)
          assert.strictEqual(yield* attempt(Effect.succeed("ok")), "ok")
          assert.strictEqual((yield* circuit.state)._tag, "Closed")
          assert.strictEqual(yield* get, "ok")
        })
      }
    }))
})

describe("the sweep itself", () => {
  it("finds what is not given back", () => {
    const leaky = (): Setup => () =>
      Effect.sync(() => {
        let held = 0
        return {
          // Between the taking and the using anything may happen.
          call: Effect.andThen(
            Effect.sync(() => void held++),
            Effect.onExit(Effect.sleep(10), () => Effect.sync(() => void held--))
          ),
          baseline: Effect.sync(() => assert.strictEqual(held, 0))
        }
      })
    assert.throws(() => sweep(leaky()), /interrupted at point/)
  })

  it("finds a caller that is held up", () => {
    assert.throws(
      () =>
        sweep(() =>
          Effect.succeed({
            call: Effect.uninterruptible(Effect.sleep(10)),
            baseline: Effect.void
          })
        ),
      /the caller is gone at once/
    )
  })

  it("finds a timer that stays", () => {
    assert.throws(
      () =>
        sweep((_, world) =>
          Effect.succeed({
            call: Effect.sync(() => void world.fork(Effect.sleep(10))),
            baseline: Effect.void
          })
        ),
      /timers/
    )
  })

  it("gives work a chance to be interrupted in each of its steps", () => {
    const seen = new Set<string>()
    for (let point = 1; point < 40; point++) {
      const world = new World()
      const done: Array<string> = []
      const fiber = world.fork(Effect.forEach(["a", "b", "c", "d"], (step) => Effect.sync(() => void done.push(step))))
      world.drain(() => world.turns === point && fiber.interruptUnsafe())
      seen.add(done.join(""))
    }
    assert.deepStrictEqual([...seen].toSorted(), ["", "a", "ab", "abc", "abcd"])
  })
})
