import { assert, describe } from "@effect/vitest"
import { Effect, Fiber, Stream } from "effect"
import { CircuitOpen } from "../../src/IntegrationError.ts"
import * as CircuitBreaker from "../../src/policy/CircuitBreaker.ts"
import { actions } from "./circuits.ts"
import { adjust, Boom, boom, counted, test } from "./fixtures.ts"

type KeyedMake = Parameters<typeof CircuitBreaker.makeKeyed>[0]

const make = (options: Partial<KeyedMake> = {}) =>
  Effect.gen(function*() {
    const transitions: Array<string> = []
    const breakers = yield* CircuitBreaker.makeKeyed({
      name: "tenants",
      failureThreshold: 1,
      resetTimeout: "1 second",
      resetFactor: 1,
      idleTimeToLive: "1 minute",
      onTransition: ({ from, key, to }) => void transitions.push(`${key}: ${from} → ${to}`),
      ...options
    })
    const of = (key: string) => actions(breakers.get(key))
    const use = (...keys: ReadonlyArray<string>) => Effect.forEach(keys, (key) => of(key).succeed)
    const knows = (key: string) => Effect.map(breakers.get(key).state, ({ openings }) => openings > 0)
    return { breakers, of, use, knows, transitions }
  })

describe("CircuitBreaker, keyed", () => {
  test("E11: the same key is the same circuit, another key is another; transitions say whose they are", () =>
    Effect.gen(function*() {
      const { of, transitions } = yield* make()
      yield* of("a").fail
      assert.instanceOf(yield* of("a").fail, CircuitOpen)
      assert.strictEqual(yield* of("b").succeed, "ok")
      assert.deepStrictEqual(transitions, ["a: Closed → Open"])
    }))

  test("E11: two of one name know the same circuits; a breaker without keys, or of another name, does not", () =>
    Effect.gen(function*() {
      const [one, same, other] = [yield* make(), yield* make(), yield* make({ name: "others" })]
      const single = yield* CircuitBreaker.make({ name: "tenants" })
      yield* one.of("a").fail
      assert.instanceOf(yield* same.of("a").fail, CircuitOpen)
      assert.strictEqual(yield* other.of("a").succeed, "ok")
      assert.strictEqual((yield* single.state)._tag, "Closed")
    }))

  test("E11: 100 concurrent first calls of a key make one circuit", () =>
    Effect.gen(function*() {
      const { breakers, transitions } = yield* make({ failureThreshold: 100 })
      const calls = Array.from({ length: 100 }, () => Effect.exit(breakers.get("a").policy(boom)))
      yield* Effect.all(calls, { concurrency: "unbounded" })
      assert.strictEqual(yield* breakers.size, 1)
      assert.deepStrictEqual(transitions, ["a: Closed → Open"])
    }))

  test("E11: an idle circuit is forgotten when another key comes, and not a moment earlier", () =>
    Effect.gen(function*() {
      const { breakers, use } = yield* make()
      yield* use("a")
      yield* adjust(59_999)
      yield* use("b")
      assert.strictEqual(yield* breakers.size, 2)
      yield* adjust(1)
      yield* use("c")
      assert.strictEqual(yield* breakers.size, 2)
    }))

  test("E11: use keeps a circuit", () =>
    Effect.gen(function*() {
      const { of, use } = yield* make({ failureThreshold: 2 })
      yield* of("a").fail
      for (let i = 0; i < 10; i++) {
        yield* adjust("50 seconds")
        yield* of("a").begin
        yield* use(`other ${i}`)
      }
      yield* of("a").fail
      assert.strictEqual(yield* of("a").stateTag, "Open")
    }))

  test("E11: a circuit in use is not forgotten, however long its call takes; it is afterwards", () =>
    Effect.gen(function*() {
      const { breakers, of, use } = yield* make({ maxKeys: 2 })
      const call = yield* of("a").begin
      const gone = yield* of("a").begin
      yield* Fiber.interrupt(gone.fiber)
      yield* adjust("1 hour")
      yield* use("b", "c", "d")
      yield* call.fail
      assert.strictEqual(yield* of("a").stateTag, "Open")
      yield* breakers.get("a").reset
      yield* adjust("1 hour")
      yield* use("b", "c", "d")
      assert.strictEqual(yield* breakers.size, 2)
    }))

  test("E11: an open circuit is not forgotten before it has been due for as long as it was open", () =>
    Effect.gen(function*() {
      const { knows, of, use } = yield* make({ resetTimeout: "10 minutes", maxResetTimeout: "1 hour" })
      yield* of("a").fail
      for (let minute = 1; minute < 20; minute++) {
        yield* adjust("1 minute")
        yield* use(`other ${minute}`)
        assert.isTrue(yield* knows("a"), `after ${minute} minutes`)
      }
      yield* adjust("2 minutes")
      yield* use("last")
      assert.isFalse(yield* knows("a"))
    }))

  test("E11: what an operator did to a circuit is never forgotten, nor is there no room for it", () =>
    Effect.gen(function*() {
      const { breakers, of, use } = yield* make({ maxKeys: 1 })
      yield* breakers.get("a").isolate
      yield* breakers.get("b").disable
      yield* adjust("365 days")
      yield* use("c", "d", "e")
      assert.instanceOf(yield* of("a").fail, CircuitOpen)
      assert.strictEqual(yield* of("b").stateTag, "Disabled")
      assert.strictEqual(yield* breakers.size, 2)
    }))

  test("memory is bounded: of many keys those that were used last are remembered", () =>
    Effect.gen(function*() {
      const { breakers, of } = yield* make({ maxKeys: 100, failureThreshold: 2 })
      for (let i = 0; i < 10_000; i++) yield* of(`key ${i}`).fail
      assert.strictEqual(yield* breakers.size, 100)
      yield* of("key 9999").fail
      assert.strictEqual(yield* of("key 9999").stateTag, "Open")
      yield* of("key 0").fail
      assert.strictEqual(yield* of("key 0").stateTag, "Closed")
    }))

  test("a key that there is no room for is let through and not counted, until there is", () =>
    Effect.gen(function*() {
      const { breakers, of } = yield* make({ maxKeys: 2 })
      yield* of("a").fail
      yield* of("b").fail
      const early = yield* of("c").begin
      for (let i = 0; i < 5; i++) assert.instanceOf(yield* of("c").fail, Boom)
      assert.strictEqual(yield* of("c").stateTag, "Closed")
      yield* breakers.get("a").reset
      yield* of("c").succeed
      yield* early.fail
      assert.strictEqual(yield* of("c").stateTag, "Closed", "the call from before counts nowhere")
      yield* of("c").fail
      assert.instanceOf(yield* of("c").fail, CircuitOpen)
      assert.strictEqual(yield* breakers.size, 2)
    }))

  test("C1: of 1,000 concurrent callers of a key one is its probe; another key is not held up", () =>
    Effect.gen(function*() {
      const { breakers, of } = yield* make()
      yield* of("a").due
      const call = counted(Effect.sleep("1 second"))
      const calls = Array.from({ length: 1_000 }, () => Effect.exit(breakers.get("a").policy(call.run)))
      const all = yield* Effect.forkChild(Effect.all(calls, { concurrency: "unbounded" }))
      yield* adjust(0)
      assert.strictEqual(call.count, 1)
      assert.strictEqual(yield* of("b").succeed, "ok")
      yield* adjust("1 second")
      yield* Fiber.join(all)
    }))

  test("looking makes no circuit; a check neither", () =>
    Effect.gen(function*() {
      const { breakers } = yield* make()
      const breaker = breakers.get("a")
      assert.strictEqual((yield* breaker.state)._tag, "Closed")
      yield* breaker.snapshot
      assert.strictEqual(breaker.check.admit(0), 0)
      assert.strictEqual(yield* breakers.size, 0)
      yield* breaker.isolate
      assert.notStrictEqual(breaker.check.admit(0), 0)
    }))

  test("the changes of a key are its own, those of all are everyone's", () =>
    Effect.gen(function*() {
      const { breakers, of } = yield* make()
      const collect = (changes: Stream.Stream<CircuitBreaker.Transition>, n: number) =>
        Effect.forkChild(
          changes.pipe(Stream.take(n), Stream.map(({ cause, key }) => `${key}: ${cause}`), Stream.runCollect),
          { startImmediately: true }
        )
      const [all, own] = [yield* collect(breakers.changes, 2), yield* collect(breakers.get("b").changes, 1)]
      yield* adjust(0)
      yield* of("a").fail
      yield* of("b").fail
      assert.deepStrictEqual(yield* Fiber.join(all), ["a: ConsecutiveFailures", "b: ConsecutiveFailures"])
      assert.deepStrictEqual(yield* Fiber.join(own), ["b: ConsecutiveFailures"])
    }))

  test("a mode is that of every key, known or new; such circuits are forgotten too", () =>
    Effect.gen(function*() {
      const before = yield* make()
      yield* before.of("a").fail
      const { breakers, of, use } = yield* make({ mode: "metrics-only", maxKeys: 2 })
      for (const key of ["a", "b"]) assert.strictEqual(yield* of(key).stateTag, "MetricsOnly")
      yield* use("b", "c", "d")
      assert.strictEqual(yield* breakers.size, 2)
    }))

  test("O5: every problem is refused at once, each with the option's name", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(
        CircuitBreaker.makeKeyed({ name: "wrong", failureThreshold: 0, idleTimeToLive: 0, maxKeys: 0 })
      )
      assert.deepStrictEqual(error.problems.map(({ option }) => option), [
        "failureThreshold",
        "idleTimeToLive",
        "maxKeys"
      ])
    }))
})
