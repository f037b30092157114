import { assert, describe } from "@effect/vitest"
import { Duration, Effect, Fiber } from "effect"
import * as Outcome from "../../src/Outcome.ts"
import * as CircuitBreaker from "../../src/policy/CircuitBreaker.ts"
import { makeBreaker } from "./circuits.ts"
import { adjust, test } from "./fixtures.ts"

const slowCalls = (threshold: number, minimumCalls: number) =>
  ({ duration: "100 millis", threshold, window: "10 seconds", minimumCalls }) satisfies CircuitBreaker.SlowCalls

const make = (options: Parameters<typeof makeBreaker>[0] = {}) =>
  makeBreaker({ failureThreshold: false, slowCalls: slowCalls(0.5, 4), ...options })

describe("CircuitBreaker, slow calls", () => {
  test("A12: slow successes open the circuit although none has failed, and say what led to it", () =>
    Effect.gen(function*() {
      const openings: Array<CircuitBreaker.Opening> = []
      const { ends, stateTag, succeed, transitions } = yield* make({
        resetTimeout: (opening) => (openings.push(opening), "1 second")
      })
      yield* succeed
      yield* ends("succeed", 101)
      yield* ends("succeed", 101)
      assert.strictEqual(yield* stateTag, "Closed", "below the minimum of calls")
      yield* ends("succeed", 101)
      assert.strictEqual(yield* stateTag, "Open")
      assert.deepStrictEqual(transitions.map(({ cause }) => cause), ["SlowCallRate"])
      assert.deepStrictEqual(openings, [
        { cause: "SlowCallRate", openings: 1, failures: 3, failureRate: 0.75, retryAfter: undefined }
      ])
    }))

  test("A12: a call that takes exactly the limit is not slow", () =>
    Effect.gen(function*() {
      const { ends, stateTag } = yield* make({ slowCalls: slowCalls(0.5, 1) })
      yield* ends("succeed", 100)
      assert.strictEqual(yield* stateTag, "Closed")
      yield* ends("succeed", 101)
      assert.strictEqual(yield* stateTag, "Open")
    }))

  test("A12: a share exactly at the threshold opens; a fast call never does, even if it completes the minimum", () =>
    Effect.gen(function*() {
      const { ends, stateTag, succeed } = yield* make()
      yield* ends("succeed", 101)
      yield* ends("succeed", 101)
      yield* ends("succeed", 101)
      yield* succeed
      assert.strictEqual(yield* stateTag, "Closed")
      yield* Effect.replicateEffect(succeed, 3)
      yield* ends("succeed", 101)
      assert.strictEqual(yield* stateTag, "Open")
    }))

  test("A6: slow calls leave with their window, which is their own", () =>
    Effect.gen(function*() {
      const { ends, stateTag } = yield* make({
        failureRate: { threshold: 1, window: "1 hour", minimumCalls: 100 },
        slowCalls: slowCalls(1, 2)
      })
      yield* ends("succeed", 101)
      yield* adjust("9899 millis")
      yield* ends("succeed", 101)
      assert.strictEqual(yield* stateTag, "Closed")
      yield* ends("succeed", 101)
      assert.strictEqual(yield* stateTag, "Open")
    }))

  test("A13: a call that is both slow and failed counts once in each rate, and once in the total of each", () =>
    Effect.gen(function*() {
      const both = { threshold: 0.5, window: "10 seconds", minimumCalls: 4 } as const
      const { ends, stateTag, succeed } = yield* make({ failureRate: both, slowCalls: slowCalls(0.5, 4) })
      yield* succeed
      yield* succeed
      yield* ends("fail", 101)
      assert.strictEqual(yield* stateTag, "Closed", "3 calls, not 4, in either total")
      yield* ends("fail", 101)
      assert.strictEqual(yield* stateTag, "Open")
    }))

  test("A18: slow calls, failures in a row, a failure rate: any trips; of several the cause is the first in that list", () =>
    Effect.gen(function*() {
      const rate = { threshold: 1, window: "10 seconds", minimumCalls: 2 } as const
      const options = { slowCalls: slowCalls(1, 2) }
      const slow = yield* make({ name: "slow", ...options, failureRate: rate })
      yield* slow.ends("succeed", 101)
      yield* slow.ends("succeed", 101)
      const share = yield* make({ name: "share", ...options, failureRate: rate })
      yield* share.ends("fail", 101)
      yield* share.ends("fail", 101)
      const row = yield* make({ name: "row", ...options, failureRate: rate, failureThreshold: 2 })
      yield* row.ends("fail", 101)
      yield* row.ends("fail", 101)
      assert.deepStrictEqual([slow, share, row].map(({ transitions }) => transitions.map(({ cause }) => cause)), [
        ["SlowCallRate"],
        ["FailureRate"],
        ["ConsecutiveFailures"]
      ])
    }))

  test("A18: slowCalls alone leave the default failureThreshold as it is", () =>
    Effect.gen(function*() {
      const { fail, stateTag } = yield* makeBreaker({ failureThreshold: undefined, slowCalls: slowCalls(1, 100) })
      yield* Effect.replicateEffect(fail, 5)
      assert.strictEqual(yield* stateTag, "Open")
    }))

  test("A19: neutral and throttled calls are in no total, however slow; a slow success ends a streak", () =>
    Effect.gen(function*() {
      const { breaker, ends, fail, stateTag } = yield* make({ failureThreshold: 2, slowCalls: slowCalls(0.5, 2) })
      const settle = (outcome: Outcome.Outcome, elapsed?: number) => {
        const ticket = breaker.gate.admit(0)
        if (typeof ticket === "number") breaker.gate.settle(ticket, outcome, 0, elapsed)
      }
      for (const outcome of [Outcome.neutral, Outcome.failure({ throttled: true })]) settle(outcome, 60_000)
      yield* fail
      yield* ends("succeed", 50)
      settle(Outcome.success)
      yield* fail
      assert.strictEqual(yield* stateTag, "Closed")
    }))
})

describe("CircuitBreaker, slow probes", () => {
  test("C10: a slow but healthy probe closes where slow calls are not counted", () =>
    Effect.gen(function*() {
      const { due, ends, stateTag } = yield* makeBreaker()
      yield* due
      yield* ends("succeed", "10 minutes")
      assert.strictEqual(yield* stateTag, "Closed")
    }))

  test("C13: a slow probe has failed where slow calls are counted; one that takes exactly the limit has not", () =>
    Effect.gen(function*() {
      const { due, ends, stateTag, transitions } = yield* make({ failureThreshold: 1 })
      yield* due
      yield* ends("succeed", 101)
      assert.strictEqual(yield* stateTag, "Open")
      assert.strictEqual(transitions.at(-1)?.cause, "ProbesFailed")
      yield* adjust("1 second")
      yield* ends("succeed", 100)
      assert.strictEqual(yield* stateTag, "Closed")
    }))

  test("C13: a slow probe that is interrupted frees its slot and decides nothing", () =>
    Effect.gen(function*() {
      const { begin, due, stateTag, succeed } = yield* make({ failureThreshold: 1 })
      yield* due
      const { fiber } = yield* begin
      yield* adjust("1 minute")
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(yield* stateTag, "HalfOpen")
      yield* succeed
      assert.strictEqual(yield* stateTag, "Closed")
    }))
})

describe("CircuitBreaker, options of slow calls", () => {
  test("O5: each is checked; slow calls are enough to do without a failureThreshold", () =>
    Effect.sync(() => {
      const named = (options: CircuitBreaker.Options) => CircuitBreaker.validate(options).map(({ option }) => option)
      assert.deepStrictEqual(named({ slowCalls: slowCalls(0.5, 1), failureThreshold: false }), [])
      assert.deepStrictEqual(
        named({ slowCalls: { duration: 0, threshold: 1.5, window: Duration.infinity, minimumCalls: 0 } }),
        ["slowCalls.duration", "slowCalls.threshold", "slowCalls.window", "slowCalls.minimumCalls"]
      )
    }))
})
