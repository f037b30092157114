import { assert, describe } from "@effect/vitest"
import { Duration, Effect, Exit, Schedule, Scope } from "effect"
import { CircuitOpen } from "../../src/IntegrationError.ts"
import * as Outcome from "../../src/Outcome.ts"
import type * as CircuitBreaker from "../../src/policy/CircuitBreaker.ts"
import { makeBreaker } from "./circuits.ts"
import { adjust, Boom, boom, counted, test } from "./fixtures.ts"

type Health = Effect.Effect<unknown, unknown>

/** A breaker that is watched every minute, and opens for five. */
const watched = (
  options: Partial<CircuitBreaker.WatchOptions> = {},
  make: Parameters<typeof makeBreaker>[0] = {}
) =>
  Effect.gen(function*() {
    const made = yield* makeBreaker({ resetTimeout: "5 minutes", ...make })
    const health = { current: Effect.void as Health }
    const check = counted(Effect.suspend(() => health.current))
    const scope = yield* Scope.make()
    yield* Scope.provide(made.breaker.watch(check.run, { interval: "1 minute", ...options }), scope)
    yield* adjust(0)
    const becomes = (how: Health) => Effect.andThen(Effect.sync(() => (health.current = how)), adjust("1 minute"))
    return { ...made, check, becomes, stop: Scope.close(scope, Exit.void) }
  })

describe("CircuitBreaker, watched", () => {
  test("E10: a failing check opens the circuit, though no call has failed", () =>
    Effect.gen(function*() {
      const { becomes, check, fail, stateTag, transitions } = yield* watched()
      assert.strictEqual(check.count, 1, "the first is made at once")
      assert.strictEqual(yield* stateTag, "Closed")
      yield* becomes(boom)
      assert.instanceOf(yield* fail, CircuitOpen)
      assert.deepStrictEqual(transitions.map(({ cause }) => cause), ["HealthCheck"])
    }))

  test("E10 and B12: it stops when its scope is closed, in the middle of a check too", () =>
    Effect.gen(function*() {
      const { becomes, check, stateTag, stop } = yield* watched()
      yield* becomes(Effect.never)
      yield* stop
      yield* becomes(boom)
      yield* adjust("1 hour")
      assert.strictEqual(check.count, 2)
      assert.strictEqual(yield* stateTag, "Closed")
    }))

  test("it takes as many failures in a row as were asked for", () =>
    Effect.gen(function*() {
      const { becomes, stateTag } = yield* watched({ failures: 2 })
      yield* becomes(boom)
      yield* becomes(Effect.void)
      yield* becomes(boom)
      assert.strictEqual(yield* stateTag, "Closed")
      yield* becomes(boom)
      assert.strictEqual(yield* stateTag, "Open")
    }))

  test("when it succeeds again, the next call is a probe, and decides", () =>
    Effect.gen(function*() {
      const { becomes, breaker, fail, moves, succeed } = yield* watched()
      yield* becomes(boom)
      yield* becomes(Effect.void)
      assert.deepStrictEqual(yield* breaker.state, { _tag: "Open", openings: 1, retryAfter: Duration.zero })
      assert.strictEqual(yield* succeed, "ok")
      assert.deepStrictEqual(moves(), ["Closed → Open", "Open → HalfOpen", "HalfOpen → Closed"])
      yield* becomes(boom)
      yield* becomes(Effect.void)
      assert.instanceOf(yield* fail, Boom)
      assert.instanceOf(yield* fail, CircuitOpen)
    }))

  test("it does not end an opening that calls have caused", () =>
    Effect.gen(function*() {
      const { becomes, fail, stateTag } = yield* watched()
      yield* fail
      yield* becomes(boom)
      yield* becomes(Effect.void)
      assert.instanceOf(yield* fail, CircuitOpen)
      assert.strictEqual(yield* stateTag, "Open")
    }))

  test("while it fails the circuit stays open past its time, and a half-open one opens; each opening counts", () =>
    Effect.gen(function*() {
      const { becomes, begin, breaker, fail, moves } = yield* watched({}, { resetTimeout: "90 seconds" })
      yield* becomes(boom)
      yield* adjust("2 minutes")
      assert.instanceOf(yield* fail, CircuitOpen)
      assert.deepStrictEqual(yield* breaker.state, { _tag: "Open", openings: 2, retryAfter: Duration.seconds(90) })
      assert.deepStrictEqual(moves(), ["Closed → Open"])
      yield* becomes(Effect.void)
      const probe = yield* begin
      yield* becomes(boom)
      assert.deepStrictEqual(moves(), ["Closed → Open", "Open → HalfOpen", "HalfOpen → Open"])
      yield* probe.succeed
      assert.deepStrictEqual(yield* breaker.state, { _tag: "Open", openings: 3, retryAfter: Duration.seconds(90) })
    }))

  test("a check that hangs has failed, and is interrupted", () =>
    Effect.gen(function*() {
      let interrupted = 0
      const hang = Effect.onInterrupt(Effect.never, () => Effect.sync(() => interrupted++))
      const { becomes, stateTag } = yield* watched({ timeout: "20 seconds" })
      yield* becomes(hang)
      yield* adjust(19_999)
      assert.strictEqual(yield* stateTag, "Closed")
      yield* adjust(1)
      assert.strictEqual(yield* stateTag, "Open")
      assert.strictEqual(interrupted, 1)
    }))

  test("what it yields is classified as the outcome of a call is; neutral and throttled say nothing", () =>
    Effect.gen(function*() {
      const { becomes, check, stateTag } = yield* watched({ failures: 2 }, {
        classify: (exit) => {
          if (!Exit.isSuccess(exit)) return undefined
          if (exit.value === "bug") throw new Error("bug")
          if (exit.value === "busy") return Outcome.failure({ throttled: true })
          return exit.value === "degraded" ? Outcome.failure() : undefined
        }
      })
      yield* becomes(Effect.succeed("degraded"))
      yield* becomes(Effect.succeed("busy"))
      yield* becomes(Effect.succeed("bug"))
      assert.strictEqual(yield* stateTag, "Closed")
      yield* becomes(Effect.die("defect"))
      assert.strictEqual(yield* stateTag, "Open")
      assert.strictEqual(check.count, 5)
    }))

  test("isolated and disabled circuits stay as they are; one that is observed tells", () =>
    Effect.gen(function*() {
      const { becomes, breaker, stateTag, transitions } = yield* watched()
      for (const [hand, state] of [["isolate", "Isolated"], ["disable", "Disabled"]] as const) {
        yield* breaker[hand]
        yield* becomes(boom)
        assert.strictEqual(yield* stateTag, state)
      }
      yield* breaker.observe
      yield* becomes(boom)
      yield* becomes(boom)
      assert.deepStrictEqual(yield* breaker.state, { _tag: "MetricsOnly", openings: 1, wouldOpen: 1 })
      assert.strictEqual(transitions.at(-1)?.cause, "HealthCheck")
    }))

  test("a schedule says when, and when to stop", () =>
    Effect.gen(function*() {
      const { check } = yield* watched({ interval: Schedule.upTo(Schedule.spaced("1 second"), { times: 2 }) })
      yield* adjust("1 minute")
      assert.strictEqual(check.count, 3)
    }))

  test("O5: wrong options are refused, each by its name", () =>
    Effect.gen(function*() {
      const { breaker } = yield* makeBreaker()
      const error = yield* Effect.flip(breaker.watch(Effect.void, { interval: 0, failures: 0, timeout: -1 }))
      assert.deepStrictEqual(error.problems.map(({ option }) => option), ["interval", "failures", "timeout"])
    }))
})
