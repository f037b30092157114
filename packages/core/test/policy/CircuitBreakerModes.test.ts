import { assert, describe } from "@effect/vitest"
import { Duration, Effect, Schema } from "effect"
import { CircuitOpen } from "../../src/IntegrationError.ts"
import * as CircuitBreaker from "../../src/policy/CircuitBreaker.ts"
import { makeBreaker } from "./circuits.ts"
import { adjust, Boom, test } from "./fixtures.ts"

const causes = (transitions: ReadonlyArray<CircuitBreaker.Transition>) => transitions.map(({ cause }) => cause)

describe("CircuitBreaker, disabled", () => {
  test("A22: it refuses nothing and counts nothing, though everything fails", () =>
    Effect.gen(function*() {
      const { breaker, fail, moves } = yield* makeBreaker()
      yield* breaker.disable
      for (let i = 0; i < 100; i++) assert.instanceOf(yield* fail, Boom)
      assert.deepStrictEqual(yield* breaker.state, { _tag: "Disabled", openings: 0 })
      assert.deepStrictEqual(moves(), ["Closed → Disabled"])
    }))

  test("A22: calls that began while it was disabled count nowhere, even after a reset", () =>
    Effect.gen(function*() {
      const { begin, breaker, fail, stateTag } = yield* makeBreaker()
      yield* breaker.disable
      const late = yield* begin
      yield* breaker.reset
      yield* late.fail
      assert.strictEqual(yield* stateTag, "Closed")
      yield* fail
      assert.strictEqual(yield* stateTag, "Open")
    }))

  test("A22: a check lets everything through as well", () =>
    Effect.gen(function*() {
      const { breaker, fail } = yield* makeBreaker()
      yield* fail
      yield* breaker.disable
      assert.strictEqual(breaker.check.admit(0), 0)
      yield* breaker.observe
      assert.strictEqual(breaker.check.admit(0), 0)
    }))
})

describe("CircuitBreaker, metrics only", () => {
  test("A22: it refuses nothing, and tells what would have opened it and for how long", () =>
    Effect.gen(function*() {
      const { breaker, fail, transitions } = yield* makeBreaker({ failureThreshold: 3 })
      yield* breaker.observe
      for (let i = 0; i < 3; i++) assert.instanceOf(yield* fail, Boom)
      assert.deepStrictEqual(yield* breaker.state, { _tag: "MetricsOnly", openings: 1, wouldOpen: 1 })
      assert.deepStrictEqual(transitions.at(-1), {
        name: "test",
        from: "MetricsOnly",
        to: "MetricsOnly",
        cause: "ConsecutiveFailures",
        retryAfter: Duration.seconds(1),
        openings: 1
      })
    }))

  test("A22: while it would be open it counts nothing, then it counts anew", () =>
    Effect.gen(function*() {
      const { begin, breaker, fail, transitions } = yield* makeBreaker({ failureThreshold: 2, mode: "metrics-only" })
      const early = yield* begin
      yield* fail
      yield* fail
      yield* early.fail
      const within = yield* begin
      yield* Effect.replicateEffect(fail, 50)
      assert.strictEqual(transitions.length, 1)
      yield* adjust("1 second")
      yield* within.fail
      yield* fail
      assert.strictEqual(transitions.length, 1, "the two from before count nowhere")
      yield* fail
      assert.deepStrictEqual(yield* breaker.state, { _tag: "MetricsOnly", openings: 2, wouldOpen: 2 })
    }))

  test("A22: the time it would be open grows as that of one that opens", () =>
    Effect.gen(function*() {
      const { fail, transitions } = yield* makeBreaker({ mode: "metrics-only", resetFactor: 2 })
      yield* fail
      yield* adjust("1 second")
      yield* fail
      yield* adjust("1 hour")
      yield* fail
      assert.deepStrictEqual(
        transitions.map(({ retryAfter }) => retryAfter && Duration.toSeconds(retryAfter)),
        [1, 2, 1]
      )
    }))
})

describe("CircuitBreaker, mode", () => {
  test("a circuit starts in it without an event, and goes back to it by a reset", () =>
    Effect.gen(function*() {
      for (const [mode, state] of [["metrics-only", "MetricsOnly"], ["disabled", "Disabled"]] as const) {
        const { breaker, fail, moves, stateTag } = yield* makeBreaker({ name: mode, mode })
        assert.strictEqual(yield* stateTag, state)
        assert.deepStrictEqual(moves(), [])
        yield* breaker.isolate
        assert.instanceOf(yield* fail, CircuitOpen)
        yield* breaker.reset
        assert.deepStrictEqual(moves(), [`${state} → Isolated`, `Isolated → ${state}`])
      }
    }))

  test("a circuit that exists is put in the mode of a breaker that names one, and is left as it is by one that does not", () =>
    Effect.gen(function*() {
      const first = yield* makeBreaker()
      yield* first.fail
      const off = yield* makeBreaker({ mode: "disabled" })
      assert.deepStrictEqual(causes(off.transitions), ["Configured"])
      assert.strictEqual(yield* (yield* makeBreaker()).stateTag, "Disabled")
      const watching = yield* makeBreaker({ mode: "metrics-only" })
      assert.deepStrictEqual(watching.moves(), ["Disabled → MetricsOnly"])
      const again = yield* makeBreaker({ mode: "enforce" })
      assert.deepStrictEqual(again.moves(), ["MetricsOnly → Closed"])
      yield* again.fail
      yield* makeBreaker({ mode: "enforce" })
      assert.strictEqual(yield* first.stateTag, "Open", "it enforces already")
    }))

  test("an operator's isolation outlasts a mode", () =>
    Effect.gen(function*() {
      const { breaker } = yield* makeBreaker()
      yield* breaker.isolate
      for (const mode of ["enforce", "disabled", "metrics-only"] as const) {
        assert.strictEqual(yield* (yield* makeBreaker({ mode })).stateTag, "Isolated")
      }
    }))

  test("O5: another word is refused, and what it may be is said", () =>
    Effect.sync(() => {
      const [problem] = CircuitBreaker.validate({ mode: "off" as never })
      assert.deepStrictEqual(problem, {
        option: "mode",
        problem: "must be one of enforce, metrics-only, disabled"
      })
    }))
})

describe("CircuitBreaker, from state to state", () => {
  type Hand = "isolate" | "observe" | "disable" | "reset"
  const hands = { isolate: "Isolated", observe: "MetricsOnly", disable: "Disabled", reset: "Closed" } as const
  const order = Object.keys(hands) as ReadonlyArray<Hand>
  for (const from of order) {
    test(`E5: from ${hands[from]} every other state can be entered, and staying is no event`, () =>
      Effect.gen(function*() {
        for (const to of order) {
          const { breaker, moves, stateTag } = yield* makeBreaker({ name: `${from} ${to}` })
          yield* breaker[from]
          const before = moves().length
          yield* breaker[to]
          assert.strictEqual(yield* stateTag, hands[to])
          assert.deepStrictEqual(moves().slice(before), from === to ? [] : [`${hands[from]} → ${hands[to]}`])
        }
      }))
  }

  test("E5: open and half-open circuits can be disabled and observed; staying keeps what was counted", () =>
    Effect.gen(function*() {
      const { begin, breaker, due, fail, moves } = yield* makeBreaker()
      yield* fail
      yield* breaker.observe
      yield* fail
      yield* breaker.observe
      assert.deepStrictEqual(yield* breaker.state, { _tag: "MetricsOnly", openings: 2, wouldOpen: 1 })
      yield* breaker.reset
      yield* due
      const probe = yield* begin
      yield* breaker.disable
      yield* probe.succeed
      assert.deepStrictEqual(moves().slice(-3), ["Closed → Open", "Open → HalfOpen", "HalfOpen → Disabled"])
    }))

  test("E9: disabled and metrics-only circuits are restored from a snapshot", () =>
    Effect.gen(function*() {
      for (const [hand, state] of [["disable", "Disabled"], ["observe", "MetricsOnly"]] as const) {
        const before = yield* makeBreaker({ name: `before ${hand}` })
        yield* before.breaker[hand]
        const json = yield* Schema.encodeEffect(CircuitBreaker.Snapshot)(yield* before.breaker.snapshot)
        const after = yield* makeBreaker({ name: `after ${hand}` })
        yield* after.breaker.restore(yield* Schema.decodeEffect(CircuitBreaker.Snapshot)(json))
        assert.deepStrictEqual(after.moves(), [`Closed → ${state}`])
        assert.instanceOf(yield* after.fail, Boom)
        assert.instanceOf(yield* after.fail, Boom)
      }
    }))
})
