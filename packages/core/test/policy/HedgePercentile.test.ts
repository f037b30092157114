import { assert, describe } from "@effect/vitest"
import { Duration, Effect, Fiber } from "effect"
import { AttemptTimeout, IntegrationError } from "../../src/IntegrationError.ts"
import * as Hedge from "../../src/policy/Hedge.ts"
import { adjust, boom, counted, scripted, test } from "./fixtures.ts"

const make = (percentile: Partial<Hedge.Percentile> = {}, name = "test") =>
  Hedge.make({ name, delay: { percentile: 0.5, minimumCalls: 4, ...percentile }, budget: false })
const run = <A, E, R>(self: Effect.Effect<A, E, R>, time: Duration.Input = "1 minute") =>
  Effect.gen(function*() {
    const call = yield* Effect.forkChild(Effect.exit(self), { startImmediately: true })
    yield* adjust(time)
    return yield* Fiber.join(call)
  })
const taking = (millis: number) => Effect.sleep(millis)
const millisOf = (hedge: Hedge.Hedge) =>
  Effect.map(hedge.delay, (delay) => delay === undefined ? undefined : Duration.toMillis(delay))
const about = (expected: number, actual: number | undefined) =>
  assert.isTrue(actual !== undefined && actual >= expected && actual <= expected * 1.091, `${actual} for ${expected}`)

describe("Hedge by percentile", () => {
  test("M9: no hedge in warm-up, neither for slowness nor for a failure", () =>
    Effect.gen(function*() {
      const hedge = yield* make({ window: "1 hour" })
      for (let i = 0; i < 3; i++) yield* run(hedge.policy(taking(100)))
      assert.isUndefined(yield* hedge.delay)
      const failing = counted(boom)
      yield* run(hedge.policy(failing.run))
      const slow = counted(taking(100))
      yield* run(hedge.policy(slow.run))
      assert.deepStrictEqual([failing.count, slow.count], [1, 1])
      about(100, yield* millisOf(hedge))
    }))

  test("M9: after it, a call slower than the percentile is hedged", () =>
    Effect.gen(function*() {
      const hedge = yield* make({ window: "1 hour" })
      for (const latency of [10, 100, 100, 1_000]) yield* run(hedge.policy(taking(latency)))
      const quick = counted(taking(99))
      yield* run(hedge.policy(quick.run))
      const slow = scripted(taking(10_000), taking(1))
      yield* run(hedge.policy(slow.run), 115)
      assert.deepStrictEqual([quick.count, slow.count], [1, 2])
    }))

  test("M9: the delay is at least a millisecond", () =>
    Effect.gen(function*() {
      const hedge = yield* make()
      for (let i = 0; i < 4; i++) yield* hedge.policy(Effect.void)
      assert.strictEqual(yield* millisOf(hedge), 1)
    }))

  test("M9: timeouts feed the histogram, whoever set them", () =>
    Effect.gen(function*() {
      const late = new AttemptTimeout({ timeout: Duration.seconds(2), wasSent: true })
      const ended = new IntegrationError({ integration: "a", operation: "b", attempts: 1, reason: late })
      const attempts: ReadonlyArray<Effect.Effect<unknown, unknown>> = [
        Effect.andThen(taking(2_000), Effect.fail(late)),
        Effect.andThen(taking(2_000), Effect.fail(ended)),
        Effect.timeout(Effect.never, 2_000),
        taking(10)
      ]
      const hedge = yield* make({ window: "1 hour" })
      for (const attempt of attempts) yield* run(hedge.policy(attempt))
      about(2_000, yield* millisOf(hedge))
    }))

  test("M9: what fails fast does not feed it, so that an outage does not make everything look slow", () =>
    Effect.gen(function*() {
      const hedge = yield* make()
      for (let i = 0; i < 100; i++) yield* run(hedge.policy(boom), 0)
      assert.isUndefined(yield* hedge.delay)
    }))

  test("an attempt that was overtaken feeds it with the time it had, so that hedges do not hide a slow remote", () =>
    Effect.gen(function*() {
      const hedge = yield* make({ window: "1 hour" })
      for (let i = 0; i < 4; i++) yield* run(hedge.policy(taking(100)))
      for (let i = 0; i < 30; i++) yield* run(hedge.policy(taking(1_000)))
      assert.isTrue((yield* millisOf(hedge))! > 900)
    }))

  test("each answer counts once, and an attempt that was overtaken soon says nothing", () =>
    Effect.gen(function*() {
      const long = yield* make({ minimumCalls: 2, window: "1 hour" })
      for (const latency of [10, 10]) yield* run(long.policy(taking(latency)))
      yield* run(long.policy(scripted(taking(1_000), Effect.never).run))
      about(10, yield* millisOf(long))
      const short = yield* make({ minimumCalls: 2, percentile: 0.25, window: "1 hour" }, "short")
      for (const latency of [10, 10]) yield* run(short.policy(taking(latency)))
      const call = scripted(taking(12), Effect.never)
      yield* run(short.policy(call.run))
      assert.strictEqual(call.count, 2)
      about(10, yield* millisOf(short))
    }))

  test("old latencies are forgotten, and with them the delay", () =>
    Effect.gen(function*() {
      const hedge = yield* make({ window: "10 seconds" })
      for (let i = 0; i < 4; i++) yield* run(hedge.policy(taking(100)), 100)
      yield* adjust("9 seconds")
      assert.isDefined(yield* hedge.delay)
      yield* adjust("11 seconds")
      assert.isUndefined(yield* hedge.delay)
    }))

  test("hedges of one name share what they know; others do not", () =>
    Effect.gen(function*() {
      const [one, two, other] = [yield* make(), yield* make(), yield* make({}, "other")]
      for (let i = 0; i < 4; i++) yield* one.policy(Effect.void)
      assert.isDefined(yield* two.delay)
      assert.isUndefined(yield* other.delay)
    }))

  test("by default it is the 95th percentile of at least 20 answers", () =>
    Effect.gen(function*() {
      const hedge = yield* Hedge.make({ name: "test" })
      for (let i = 0; i < 18; i++) yield* run(hedge.policy(taking(10)), 10)
      yield* run(hedge.policy(taking(500)), 500)
      assert.isUndefined(yield* hedge.delay)
      yield* run(hedge.policy(taking(900)), 900)
      about(500, yield* millisOf(hedge))
    }))
})
