import { assert, describe } from "@effect/vitest"
import { Effect } from "effect"
import * as Outcome from "../../src/Outcome.ts"
import * as Bulkhead from "../../src/policy/Bulkhead.ts"
import { adjust, begin, Boom, test } from "./fixtures.ts"
import { random } from "./rateLimit.ts"

const make = (maxConcurrent: number, adaptive: Bulkhead.Adaptive = {}) => Bulkhead.make({ maxConcurrent, adaptive })

const limitOf = (bulkhead: Bulkhead.Bulkhead) => Effect.map(bulkhead.state, ({ limit }) => limit)

/** As many calls at once as `share` of the limit allows, all ending with this outcome after so long. */
const rounds = (
  bulkhead: Bulkhead.Bulkhead,
  outcome: Outcome.Outcome,
  elapsed: number | ((inFlight: number) => number),
  options: { readonly times: number; readonly share?: number; readonly from?: number }
) =>
  Effect.gen(function*() {
    let now = options.from ?? 0
    for (let round = 0; round < options.times; round++) {
      const inFlight = Math.max(1, Math.floor((yield* limitOf(bulkhead)) * (options.share ?? 1)))
      const tickets = Array.from({ length: inFlight }, () => bulkhead.gate.admit(now) as number)
      const took = typeof elapsed === "number" ? elapsed : elapsed(inFlight)
      now += took
      for (const ticket of tickets) bulkhead.gate.settle(ticket, outcome, now, took)
      now += 1
    }
    return yield* limitOf(bulkhead)
  })

const timeout = Outcome.failure()

describe("Bulkhead, adaptive", () => {
  test("K14: success grows the limit up to maxConcurrent, and no further", () =>
    Effect.gen(function*() {
      const bulkhead = yield* make(50, { initial: 5 })
      assert.strictEqual(yield* limitOf(bulkhead), 5)
      assert.isAbove(yield* rounds(bulkhead, Outcome.success, 100, { times: 1 }), 5)
      assert.strictEqual(yield* rounds(bulkhead, Outcome.success, 100, { times: 50, from: 1_000 }), 50)
    }))

  test("K14: success grows the limit only where at least half of it is in use", () =>
    Effect.gen(function*() {
      const idle = yield* make(100, { initial: 20 })
      assert.strictEqual(yield* rounds(idle, Outcome.success, 100, { times: 100, share: 0.45 }), 20)
      const busy = yield* make(100, { initial: 20 })
      assert.isAbove(yield* rounds(busy, Outcome.success, 100, { times: 100, share: 0.6 }), 20)
    }))

  test("K14: a drop shrinks it by a tenth, down to minConcurrent, whether much or little is in use", () =>
    Effect.gen(function*() {
      for (const outcome of [timeout, Outcome.failure({ throttled: true, retryable: false })]) {
        const bulkhead = yield* make(100, { initial: 100, minConcurrent: 7 })
        assert.strictEqual(yield* rounds(bulkhead, outcome, 100, { times: 1, share: 0.01 }), 90)
        assert.strictEqual(yield* rounds(bulkhead, outcome, 100, { times: 1, from: 1_000 }), 81)
        assert.strictEqual(yield* rounds(bulkhead, outcome, 100, { times: 100, from: 2_000 }), 7)
      }
      const least = yield* make(2)
      assert.strictEqual(yield* rounds(least, timeout, 100, { times: 100 }), 1)
    }))

  test("K14: calls that were under way together and are dropped shrink it once", () =>
    Effect.gen(function*() {
      const bulkhead = yield* make(100, { initial: 100 })
      const tickets = Array.from({ length: 50 }, () => bulkhead.gate.admit(0) as number)
      tickets.forEach((ticket, i) => bulkhead.gate.settle(ticket, timeout, 1_000 + i, 1_000 + i))
      assert.strictEqual(yield* limitOf(bulkhead), 90)
      const later = bulkhead.gate.admit(2_000) as number
      bulkhead.gate.settle(later, timeout, 2_500, 500)
      assert.strictEqual(yield* limitOf(bulkhead), 81)
    }))

  test("K15: interruption, refusals and failures that no other attempt mends free the permit and leave the limit", () =>
    Effect.gen(function*() {
      for (const outcome of [Outcome.neutral, Outcome.refused(1), Outcome.failure({ retryable: false })]) {
        const bulkhead = yield* make(100, { initial: 10 })
        assert.strictEqual(yield* rounds(bulkhead, outcome, 100, { times: 20 }), 10)
        assert.deepStrictEqual(yield* bulkhead.state, { running: 0, waiting: 0, limit: 10 })
      }
    }))

  test("K15: what did not run leaves the limit", () =>
    Effect.gen(function*() {
      const bulkhead = yield* make(100, { initial: 10 })
      for (let i = 0; i < 100; i++) bulkhead.gate.settle(bulkhead.gate.admit(i) as number, timeout, i)
      assert.strictEqual(yield* limitOf(bulkhead), 10)
    }))

  test("K14: a remote that slows down with load is found out: the limit settles near what it takes", () =>
    Effect.gen(function*() {
      const bulkhead = yield* make(500, { initial: 20 })
      // Takes 40 at once; what is more waits its turn there.
      const latency = (inFlight: number) => 100 * Math.max(1, inFlight / 40)
      const limit = yield* rounds(bulkhead, Outcome.success, latency, { times: 100 })
      assert.isAtLeast(limit, 40)
      assert.isAtMost(limit, 100)
    }))

  test("K14: slower than tolerated shrinks the limit, less slow does not", () =>
    Effect.gen(function*() {
      const grown = (tolerance: number, slow: number) =>
        Effect.gen(function*() {
          const bulkhead = yield* make(100, { initial: 60, tolerance })
          yield* rounds(bulkhead, Outcome.neutral, 100, { times: 1 })
          for (let i = 0; i < 10; i++) {
            bulkhead.gate.settle(bulkhead.gate.admit(i) as number, Outcome.success, i + 100, 100)
          }
          return yield* rounds(bulkhead, Outcome.success, slow, { times: 1, from: 2_000 })
        })
      assert.isBelow(yield* grown(1.5, 190), 60)
      assert.isAtLeast(yield* grown(1.5, 140), 60)
      assert.isAtLeast(yield* grown(2, 190), 60)
    }))

  test("a limit that grows lets those who wait start, one that shrinks turns nobody away", () =>
    Effect.gen(function*() {
      const bulkhead = yield* make(10, { initial: 2 })
      const fast = bulkhead.policy(Effect.sleep("100 millis"))
      for (let i = 0; i < 30; i++) yield* begin(fast)
      assert.deepStrictEqual(yield* bulkhead.state, { running: 2, waiting: 28, limit: 2 })
      yield* adjust("100 millis")
      assert.deepStrictEqual(yield* bulkhead.state, { running: 3, waiting: 25, limit: 3 })
      yield* adjust("2 seconds")
      assert.deepStrictEqual((yield* bulkhead.state).waiting, 0)
    }))

  test("classify decides what is a drop", () =>
    Effect.gen(function*() {
      const busy = { _tag: "Boom" }
      const bulkhead = yield* Bulkhead.make({
        maxConcurrent: 10,
        adaptive: { initial: 10 },
        classify: () => Outcome.failure({ retryable: false })
      })
      yield* Effect.flip(bulkhead.policy(Effect.fail(busy)))
      assert.strictEqual(yield* limitOf(bulkhead), 10)
      const plain = yield* make(10, { initial: 10 })
      yield* Effect.flip(plain.policy(Effect.fail(new Boom({}))))
      assert.strictEqual(yield* limitOf(plain), 9)
    }))

  test("resizing moves the upper bound, and the limit with it where it has to", () =>
    Effect.gen(function*() {
      const bulkhead = yield* make(100, { initial: 30 })
      yield* bulkhead.resize(10)
      assert.strictEqual(yield* limitOf(bulkhead), 10)
      yield* bulkhead.resize(20)
      assert.strictEqual(yield* limitOf(bulkhead), 10)
      assert.strictEqual(yield* rounds(bulkhead, Outcome.success, 100, { times: 50 }), 20)
    }))

  test("K14: whatever happens, the limit stays within its bounds, and permits within the limit", () =>
    Effect.gen(function*() {
      for (let seed = 1; seed <= 100; seed++) {
        const next = random(seed)
        const min = 1 + Math.floor(next() * 5)
        const max = min + Math.floor(next() * 50)
        const { gate, state } = yield* make(max, { minConcurrent: min, tolerance: 1 + next() })
        const tickets: Array<{ readonly ticket: number; readonly at: number }> = []
        for (let step = 0, now = 0; step < 400; step++) {
          now += next() ** 3 * 1_000
          if (next() < 0.6) {
            const { limit, running } = yield* state
            const ticket = gate.admit(now)
            assert.strictEqual(typeof ticket === "number", running < limit, `seed ${seed}, step ${step}`)
            if (typeof ticket === "number") tickets.push({ ticket, at: now })
          } else if (tickets.length > 0) {
            const { at, ticket } = tickets.splice(Math.floor(next() * tickets.length), 1)[0]!
            const dice = next()
            gate.settle(ticket, dice < 0.6 ? Outcome.success : dice < 0.8 ? timeout : Outcome.neutral, now, now - at)
          }
          const { limit, running } = yield* state
          assert.isTrue(limit >= min && limit <= max && Number.isInteger(limit), `seed ${seed}, step ${step}`)
          assert.strictEqual(running, tickets.length)
        }
      }
    }))

  test("O5: refuses bounds that cannot work, by name", () =>
    Effect.gen(function*() {
      const wrong = (adaptive: Bulkhead.Adaptive) =>
        Effect.map(
          Effect.flip(Bulkhead.make({ maxConcurrent: 10, adaptive })),
          ({ problems }) => problems.map(({ option }) => option)
        )
      assert.deepStrictEqual(yield* wrong({ minConcurrent: 11 }), ["adaptive.minConcurrent"])
      assert.deepStrictEqual(yield* wrong({ minConcurrent: 0, initial: 0 }), [
        "adaptive.minConcurrent",
        "adaptive.initial"
      ])
      assert.deepStrictEqual(yield* wrong({ minConcurrent: 5, initial: 4 }), ["adaptive.initial"])
      assert.deepStrictEqual(yield* wrong({ initial: 11 }), ["adaptive.initial"])
      for (const tolerance of [0.9, NaN, Infinity]) {
        assert.deepStrictEqual(yield* wrong({ tolerance }), ["adaptive.tolerance"])
      }
    }))
})
