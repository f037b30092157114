import { assert, describe } from "@effect/vitest"
import { Clock, Duration, Effect, Exit, Fiber, Schedule } from "effect"
import { CircuitOpen } from "../../src/IntegrationError.ts"
import * as Outcome from "../../src/Outcome.ts"
import * as Policy from "../../src/Policy.ts"
import * as CircuitBreaker from "../../src/policy/CircuitBreaker.ts"
import { adjust, Boom, boom, counted, test } from "./fixtures.ts"

const make = (options: Partial<Parameters<typeof CircuitBreaker.make>[0]> = {}) =>
  Effect.gen(function*() {
    const transitions: Array<CircuitBreaker.Transition> = []
    const breaker = yield* CircuitBreaker.make({
      name: "test",
      onTransition: (transition) => void transitions.push(transition),
      ...options
    })
    const stateTag = Effect.map(breaker.state, (state) => state._tag)
    const fail = Effect.flip(breaker.policy(boom))
    const succeed = breaker.policy(Effect.succeed("ok"))
    const failTimes = (n: number) => Effect.replicateEffect(fail, n)
    return { breaker, transitions, stateTag, fail, succeed, failTimes }
  })

const rateOnly = (threshold: number, minimumCalls: number) => ({
  failureRate: { threshold, window: "10 seconds", minimumCalls }
} satisfies CircuitBreaker.Options)

const throttled = <PE>(policy: { readonly gate: Policy.Gate<PE> }) =>
  Effect.flip(
    Policy.fromGate(policy.gate, { classify: () => Outcome.failure({ throttled: true }) })(boom)
  )

const classify: Outcome.Classifier = (exit) =>
  Exit.isSuccess(exit) && exit.value === "bad" ? Outcome.failure() : undefined

describe("CircuitBreaker, closed", () => {
  test("A1: a success between N-1 failures and another resets the streak", () =>
    Effect.gen(function*() {
      const { failTimes, stateTag, succeed } = yield* make({ failureThreshold: 3 })
      yield* failTimes(2)
      yield* succeed
      yield* failTimes(2)
      assert.strictEqual(yield* stateTag, "Closed")
    }))

  test("A2: exactly N consecutive failures open the circuit, and the N-th caller gets its own error", () =>
    Effect.gen(function*() {
      const { fail, failTimes, stateTag } = yield* make({ failureThreshold: 3 })
      yield* failTimes(2)
      assert.strictEqual(yield* stateTag, "Closed")
      assert.instanceOf(yield* fail, Boom)
      assert.strictEqual(yield* stateTag, "Open")
      assert.instanceOf(yield* fail, CircuitOpen)
    }))

  test("A2: the default is 5", () =>
    Effect.gen(function*() {
      const { fail, failTimes, stateTag } = yield* make()
      yield* failTimes(4)
      assert.strictEqual(yield* stateTag, "Closed")
      yield* fail
      assert.strictEqual(yield* stateTag, "Open")
    }))

  test("A3: below the minimum number of calls a rate never opens, even at 100 % failures", () =>
    Effect.gen(function*() {
      const { failTimes, stateTag } = yield* make(rateOnly(0.1, 20))
      yield* failTimes(19)
      assert.strictEqual(yield* stateTag, "Closed")
    }))

  test("A4: a rate exactly at the threshold opens, just under it does not", () =>
    Effect.gen(function*() {
      const under = yield* make({ name: "under", ...rateOnly(0.5, 1) })
      yield* Effect.replicateEffect(under.succeed, 6)
      yield* under.failTimes(5)
      assert.strictEqual(yield* under.stateTag, "Closed")
      yield* under.fail
      assert.strictEqual(yield* under.stateTag, "Open")
    }))

  test("A4: a success never opens, even if it completes the minimum of calls", () =>
    Effect.gen(function*() {
      const { fail, failTimes, stateTag, succeed } = yield* make(rateOnly(0.5, 4))
      yield* failTimes(3)
      yield* succeed
      assert.strictEqual(yield* stateTag, "Closed")
      yield* fail
      assert.strictEqual(yield* stateTag, "Open")
    }))

  test("A6: failures outside the window do not count; it empties at its exact end", () =>
    Effect.gen(function*() {
      const late = yield* make({ name: "late", ...rateOnly(1, 3) })
      yield* late.failTimes(2)
      yield* adjust("10 seconds")
      yield* late.fail
      assert.strictEqual(yield* late.stateTag, "Closed")
      const live = yield* make({ name: "live", ...rateOnly(1, 3) })
      yield* live.failTimes(2)
      yield* adjust(9_999)
      yield* live.fail
      assert.strictEqual(yield* live.stateTag, "Open")
    }))

  test("A7: failures in two buckets count together while both are live", () =>
    Effect.gen(function*() {
      const { failTimes, stateTag } = yield* make(rateOnly(1, 4))
      yield* failTimes(2)
      yield* adjust("5 seconds")
      yield* failTimes(2)
      assert.strictEqual(yield* stateTag, "Open")
    }))

  test("A7: of a window that slides only the old part is forgotten", () =>
    Effect.gen(function*() {
      const { failTimes, stateTag } = yield* make(rateOnly(1, 4))
      yield* failTimes(2)
      yield* adjust("5 seconds")
      yield* failTimes(1)
      yield* adjust("5 seconds")
      yield* failTimes(2)
      assert.strictEqual(yield* stateTag, "Closed")
      yield* failTimes(1)
      assert.strictEqual(yield* stateTag, "Open")
    }))

  test("A9: after an idle gap the minimum of calls applies again", () =>
    Effect.gen(function*() {
      const { failTimes, stateTag, succeed } = yield* make(rateOnly(0.5, 10))
      yield* Effect.replicateEffect(succeed, 50)
      yield* adjust("1 hour")
      yield* failTimes(9)
      assert.strictEqual(yield* stateTag, "Closed")
      yield* failTimes(1)
      assert.strictEqual(yield* stateTag, "Open")
    }))

  test("A11: a minimum of one call works", () =>
    Effect.gen(function*() {
      const { fail, stateTag } = yield* make(rateOnly(1, 1))
      yield* fail
      assert.strictEqual(yield* stateTag, "Open")
    }))

  test("A14: an error that is classified as a success resets the streak; as neutral it leaves it", () =>
    Effect.gen(function*() {
      const { breaker, failTimes, stateTag } = yield* make({ failureThreshold: 2 })
      const as = (outcome: Outcome.Outcome) =>
        Effect.flip(Policy.fromGate(breaker.gate, { classify: () => outcome })(boom))
      yield* failTimes(1)
      yield* as(Outcome.success)
      yield* failTimes(1)
      assert.strictEqual(yield* stateTag, "Closed")
      yield* as(Outcome.neutral)
      yield* failTimes(1)
      assert.strictEqual(yield* stateTag, "Open")
    }))

  test("A15: a result that is classified as a failure trips", () =>
    Effect.gen(function*() {
      const { breaker, stateTag } = yield* make({ failureThreshold: 1 })
      const guarded = Policy.fromGate(breaker.gate, { classify })(Effect.succeed("bad"))
      assert.strictEqual(yield* guarded, "bad")
      assert.strictEqual(yield* stateTag, "Open")
    }))

  test("A16: a defect counts as a failure", () =>
    Effect.gen(function*() {
      const { breaker, stateTag } = yield* make({ failureThreshold: 1 })
      yield* Effect.exit(breaker.policy(Effect.die("bug")))
      assert.strictEqual(yield* stateTag, "Open")
    }))

  test("A18: failures in a row and a rate: either trips; if both do, the cause is the failures in a row", () =>
    Effect.gen(function*() {
      const rate = { threshold: 0.5, window: "10 seconds", minimumCalls: 4 } as const
      const streak = yield* make({ name: "streak", failureThreshold: 2, failureRate: rate })
      yield* streak.failTimes(2)
      const share = yield* make({ name: "share", failureThreshold: 5, failureRate: rate })
      yield* share.failTimes(2)
      yield* share.succeed
      yield* share.fail
      const both = yield* make({ name: "both", failureThreshold: 4, failureRate: rate })
      yield* both.failTimes(4)
      assert.deepStrictEqual(
        [streak, share, both].map(({ transitions }) => transitions.map(({ cause }) => cause)),
        [["ConsecutiveFailures"], ["FailureRate"], ["ConsecutiveFailures"]]
      )
    }))

  test("A18: a failureRate alone replaces the default failureThreshold", () =>
    Effect.gen(function*() {
      const { failTimes, stateTag } = yield* make(rateOnly(1, 50))
      yield* failTimes(49)
      assert.strictEqual(yield* stateTag, "Closed")
    }))

  test("A19: a 429 counts neither for failures in a row nor for the rate", () =>
    Effect.gen(function*() {
      const { breaker, failTimes, stateTag } = yield* make({ failureThreshold: 2, ...rateOnly(1, 2) })
      yield* Effect.replicateEffect(throttled(breaker), 20)
      yield* failTimes(1)
      yield* throttled(breaker)
      assert.strictEqual(yield* stateTag, "Closed")
      yield* failTimes(1)
      assert.strictEqual(yield* stateTag, "Open")
    }))

  test("A20: 100 concurrent failures make one transition and one event", () =>
    Effect.gen(function*() {
      const { breaker, transitions } = yield* make()
      const slow = breaker.policy(Effect.andThen(Effect.sleep("1 second"), boom))
      const calls = yield* Effect.forkChild(Effect.all(Array.from({ length: 100 }, () => Effect.exit(slow)), {
        concurrency: "unbounded"
      }))
      yield* adjust("1 second")
      yield* Fiber.join(calls)
      assert.deepStrictEqual(transitions.map(({ from, to }) => [from, to]), [["Closed", "Open"]])
    }))
})

const openFor = (name: string, retryAfter: number) =>
  Effect.gen(function*() {
    const { breaker } = yield* make({ name, failureThreshold: 1 })
    yield* Effect.flip(Policy.fromGate(breaker.gate, { classify: () => Outcome.failure({ retryAfter }) })(boom))
    const state = yield* breaker.state
    return state._tag === "Open" ? Duration.toSeconds(state.retryAfter) : 0
  })

describe("CircuitBreaker, open", () => {
  test("B1: while open nothing is started, and the refusal is immediate and says when to come back", () =>
    Effect.gen(function*() {
      const { breaker, fail } = yield* make({ failureThreshold: 1 })
      yield* fail
      yield* adjust("10 seconds")
      const call = counted(Effect.void)
      const refused = yield* Effect.flip(breaker.policy(call.run))
      assert.strictEqual(call.count, 0)
      assert.deepStrictEqual(refused, new CircuitOpen({ isolated: false, retryAfter: Duration.seconds(20) }))
      assert.isFalse(refused.wasSent)
    }))

  test("B3: it refuses one millisecond before its time and admits at it", () =>
    Effect.gen(function*() {
      const { breaker, fail } = yield* make({ failureThreshold: 1, resetTimeout: "5 seconds" })
      yield* fail
      yield* adjust(4_999)
      assert.instanceOf(yield* fail, CircuitOpen)
      yield* adjust(1)
      assert.strictEqual(yield* breaker.policy(Effect.succeed("probe")), "probe")
    }))

  test("B4: a step of the wall clock, back or forth, neither extends nor shortens the time", () =>
    Effect.gen(function*() {
      const real = yield* Clock.Clock
      let step = 0
      const stepped: Clock.Clock = {
        ...real,
        currentTimeMillisUnsafe: () => real.currentTimeMillisUnsafe() + step,
        currentTimeMillis: Effect.sync(() => real.currentTimeMillisUnsafe() + step),
        monotonicTimeNanosUnsafe: () => real.monotonicTimeNanosUnsafe(),
        sleep: (duration) => real.sleep(duration)
      }
      yield* Effect.gen(function*() {
        const { fail, stateTag, succeed } = yield* make({ failureThreshold: 1, resetTimeout: "30 seconds" })
        for (const jump of [-3_600_000, 3_600_000]) {
          step = 0
          yield* fail
          step = jump
          yield* adjust(29_999)
          assert.instanceOf(yield* fail, CircuitOpen)
          yield* adjust(1)
          yield* succeed
          assert.strictEqual(yield* stateTag, "Closed")
          yield* adjust("1 hour")
        }
      }).pipe(Effect.provideService(Clock.Clock, stepped))
    }))

  test("B5: a function of the opening decides the time; it gets failures, rate, openings and the remote's wish", () =>
    Effect.gen(function*() {
      const openings: Array<CircuitBreaker.Opening> = []
      const { fail, failTimes, succeed, transitions } = yield* make({
        failureRate: { threshold: 0.5, window: "1 minute", minimumCalls: 4 },
        resetTimeout: (opening) => {
          openings.push(opening)
          return Duration.seconds(opening.openings)
        }
      })
      yield* succeed
      yield* failTimes(3)
      yield* adjust("1 second")
      yield* fail
      const common = { retryAfter: undefined }
      assert.deepStrictEqual(openings, [
        { cause: "FailureRate", openings: 1, failures: 3, failureRate: 0.75, ...common },
        { cause: "ProbesFailed", openings: 2, failures: 1, failureRate: 1, ...common }
      ])
      assert.deepStrictEqual(transitions.map(({ retryAfter }) => retryAfter && Duration.toSeconds(retryAfter)), [
        1,
        undefined,
        2
      ])
    }))

  test("B5: a function that throws or returns nonsense is as if there were none", () =>
    Effect.gen(function*() {
      const thrower = yield* make({
        name: "throws",
        failureThreshold: 1,
        resetTimeout: () => {
          throw new Error("bug")
        }
      })
      yield* thrower.fail
      const nonsense = yield* make({ name: "nan", failureThreshold: 1, resetTimeout: () => NaN })
      yield* nonsense.fail
      for (const { breaker } of [thrower, nonsense]) {
        assert.deepStrictEqual(yield* breaker.state, { _tag: "Open", openings: 1, retryAfter: Duration.seconds(30) })
      }
    }))

  test("B6: the time doubles with each failed probe, and starts anew after the circuit stayed closed as long", () =>
    Effect.gen(function*() {
      const { breaker, fail, succeed } = yield* make({ failureThreshold: 1 })
      const openFor = Effect.map(
        breaker.state,
        (state) => state._tag === "Open" ? Duration.toSeconds(state.retryAfter) : 0
      )
      yield* fail
      assert.strictEqual(yield* openFor, 30)
      yield* adjust("30 seconds")
      yield* fail
      assert.strictEqual(yield* openFor, 60)
      yield* adjust("60 seconds")
      yield* succeed
      yield* adjust(59_999)
      yield* fail
      assert.strictEqual(yield* openFor, 120, "one lucky probe is no recovery")
      yield* adjust("120 seconds")
      yield* succeed
      yield* adjust("120 seconds")
      yield* fail
      assert.strictEqual(yield* openFor, 30)
    }))

  test("B6: the growth ends at maxResetTimeout", () =>
    Effect.gen(function*() {
      const { fail, transitions } = yield* make({ failureThreshold: 1 })
      for (let i = 0; i < 8; i++) {
        yield* fail
        yield* adjust("5 minutes")
      }
      const seconds = transitions.flatMap(({ retryAfter }) => retryAfter ? [Duration.toSeconds(retryAfter)] : [])
      assert.deepStrictEqual(seconds, [30, 60, 120, 240, 300, 300, 300, 300])
    }))

  test("B7: of a schedule that has ended the last delay stays; it is capped as well", () =>
    Effect.gen(function*() {
      const { fail, transitions } = yield* make({
        failureThreshold: 1,
        resetTimeout: Schedule.exponential("1 minute").pipe(Schedule.upTo({ times: 4 }))
      })
      for (let i = 0; i < 6; i++) {
        yield* fail
        yield* adjust("5 minutes")
      }
      const minutes = transitions.flatMap(({ retryAfter }) => retryAfter ? [Duration.toMinutes(retryAfter)] : [])
      assert.deepStrictEqual(minutes, [1, 2, 4, 5, 5, 5])
    }))

  test("B7: a schedule without any delay falls back to the default", () =>
    Effect.gen(function*() {
      const { breaker, fail } = yield* make({ failureThreshold: 1, resetTimeout: Schedule.recurs(0) })
      yield* fail
      assert.deepStrictEqual(yield* breaker.state, { _tag: "Open", openings: 1, retryAfter: Duration.seconds(30) })
    }))

  test("B8: a very long time does not overflow, nor do very many openings", () =>
    Effect.gen(function*() {
      const { breaker, fail } = yield* make({
        failureThreshold: 1,
        resetTimeout: "36500 days",
        resetFactor: 1e300
      })
      yield* fail
      yield* adjust("36499 days")
      assert.instanceOf(yield* fail, CircuitOpen)
      yield* adjust("1 day")
      yield* fail
      yield* adjust("36500 days")
      yield* fail
      assert.deepStrictEqual(yield* breaker.state, { _tag: "Open", openings: 3, retryAfter: Duration.days(36500) })
    }))

  test("B9: what the remote asks for lengthens the opening, never shortens it, and is capped", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(
        [yield* openFor("longer", 90_000), yield* openFor("shorter", 1_000), yield* openFor("day", 86_400_000)],
        [90, 30, 300]
      )
    }))

  test("B10: refusals neither count as failures nor extend the opening", () =>
    Effect.gen(function*() {
      const { fail, failTimes, succeed, transitions } = yield* make({ failureThreshold: 1 })
      yield* fail
      yield* adjust("29 seconds")
      yield* failTimes(1_000)
      yield* adjust("1 second")
      assert.strictEqual(yield* succeed, "ok")
      assert.strictEqual(transitions.length, 3)
    }))

  test("B12: an open circuit has no fiber and no timer", () =>
    Effect.gen(function*() {
      const slept: Array<Duration.Duration> = []
      const real = yield* Clock.Clock
      const watched: Clock.Clock = {
        ...real,
        monotonicTimeNanosUnsafe: () => real.monotonicTimeNanosUnsafe(),
        sleep: (duration) => (slept.push(duration), real.sleep(duration))
      }
      yield* Effect.gen(function*() {
        const { failTimes } = yield* make()
        yield* failTimes(10)
      }).pipe(Effect.provideService(Clock.Clock, watched))
      assert.deepStrictEqual(slept, [])
    }))
})

const named = (options: CircuitBreaker.Options) => CircuitBreaker.validate(options).map(({ option }) => option)

describe("CircuitBreaker, options", () => {
  test("O5: every problem is refused at once, each with the option's name", () =>
    Effect.gen(function*() {
      const options = {
        failureThreshold: 0,
        failureRate: { threshold: 0, window: 0, minimumCalls: 0 },
        resetTimeout: -1,
        resetFactor: 0.5,
        maxResetTimeout: "Infinity",
        halfOpenMaxCalls: 0,
        successThreshold: 3,
        halfOpenTimeout: 0
      } as const
      const error = yield* Effect.flip(CircuitBreaker.make({ name: "wrong", ...options }))
      assert.strictEqual(error._tag, "InvalidOptions")
      assert.deepStrictEqual(error.problems, CircuitBreaker.validate(options))
      assert.deepStrictEqual(error.problems.map(({ option }) => option), [
        "failureThreshold",
        "failureRate.threshold",
        "failureRate.window",
        "failureRate.minimumCalls",
        "resetTimeout",
        "resetFactor",
        "maxResetTimeout",
        "halfOpenMaxCalls",
        "successThreshold",
        "halfOpenTimeout"
      ])
      assert.include(
        error.message,
        "failureThreshold must be a whole number of at least 1, got 0; failureRate.threshold"
      )
    }))

  test("O5: what a rate needs and is not there is refused, whatever the compiler was told", () =>
    Effect.sync(() => {
      const threshold = { threshold: 0.5 } as CircuitBreaker.SlowCalls
      assert.deepStrictEqual(named({ failureRate: threshold }), ["failureRate.window", "failureRate.minimumCalls"])
      assert.deepStrictEqual(named({ slowCalls: threshold }), [
        "slowCalls.duration",
        "slowCalls.window",
        "slowCalls.minimumCalls"
      ])
    }))

  test("O5: contradictions are refused", () =>
    Effect.sync(() => {
      assert.deepStrictEqual(named({}), [])
      assert.deepStrictEqual(named({ failureThreshold: false }), ["failureThreshold"])
      assert.deepStrictEqual(named({ failureThreshold: false, ...rateOnly(0.5, 10) }), [])
      assert.deepStrictEqual(named({ resetTimeout: "10 minutes" }), [])
      assert.deepStrictEqual(named({ resetTimeout: "10 minutes", maxResetTimeout: "5 minutes" }), ["resetTimeout"])
      assert.deepStrictEqual(named({ halfOpenMaxCalls: 3, successThreshold: 3 }), [])
      assert.deepStrictEqual(named({ successThreshold: 2 }), ["successThreshold"])
      assert.deepStrictEqual(named({ failureThreshold: NaN, resetFactor: NaN, halfOpenMaxCalls: 1.5 }), [
        "failureThreshold",
        "resetFactor",
        "halfOpenMaxCalls"
      ])
    }))
})
