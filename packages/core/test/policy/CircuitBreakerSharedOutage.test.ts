import { assert, describe } from "@effect/vitest"
import { Duration, Effect, Exit, Fiber, Scope } from "effect"
import * as EffectCircuitBreaker from "../../src/EffectCircuitBreaker.ts"
import * as CircuitBreaker from "../../src/policy/CircuitBreaker.ts"
import * as Stores from "../../src/Stores.ts"
import { actions } from "./circuits.ts"
import { adjust, boom, test } from "./fixtures.ts"
import { settled } from "./rateLimit.ts"
import { makeProcess, makeStore } from "./sharedCircuits.ts"

const minute = { resetTimeout: "1 minute", maxResetTimeout: "1 minute" } as const

describe("CircuitBreaker, shared, what was done without the store", () => {
  test("R11: a reset is done once, however often the store is tried again", () =>
    Effect.gen(function*() {
      const { control, shared } = yield* makeStore()
      const process = yield* makeProcess(shared, minute)
      control.gone = true
      yield* adjust("2 seconds")
      yield* process.here(process.breaker.reset)
      yield* process.fail
      yield* adjust("10 seconds")
      assert.strictEqual(yield* process.stateTag, "Open")
      assert.deepStrictEqual(process.moves(), ["Closed → Open: ConsecutiveFailures"])
    }))

  test("R11: of several words the last is told when the store is back, each is heard here once", () =>
    Effect.gen(function*() {
      const { control, shared } = yield* makeStore()
      const [a, b] = [yield* makeProcess(shared), yield* makeProcess(shared)]
      yield* b.here(b.breaker.disable)
      control.gone = true
      yield* adjust("2 seconds")
      for (const word of ["isolate", "reset", "observe", "isolate"] as const) yield* a.here(a.breaker[word])
      yield* adjust("10 seconds")
      const moves = a.moves()
      assert.deepStrictEqual(moves.slice(-4), [
        "Closed → Isolated: Isolated",
        "Isolated → Closed: Reset",
        "Closed → MetricsOnly: MetricsOnly",
        "MetricsOnly → Isolated: Isolated"
      ])
      control.gone = false
      yield* adjust("2 seconds")
      assert.strictEqual(yield* a.stateTag, "Isolated")
      assert.deepStrictEqual(a.moves(), moves, "it has been told")
      assert.strictEqual(yield* b.stateTag, "Isolated")
      assert.deepStrictEqual(b.moves().slice(-1), ["Disabled → Isolated: Isolated"])
    }))

  test("R11: a mode that is configured meanwhile does not take an operator's word back", () =>
    Effect.gen(function*() {
      const { control, shared } = yield* makeStore()
      const [a, b] = [yield* makeProcess(shared), yield* makeProcess(shared)]
      control.gone = true
      yield* adjust("2 seconds")
      yield* a.here(a.breaker.isolate)
      yield* a.here(CircuitBreaker.make({ name: "test", mode: "metrics-only" }))
      control.gone = false
      yield* adjust("2 seconds")
      assert.strictEqual(yield* b.stateTag, "Isolated")
    }))

  test("E10: checks of an outage keep the circuit open while it lasts, and are not told afterwards", () =>
    Effect.gen(function*() {
      const { control, shared } = yield* makeStore()
      const process = yield* makeProcess(shared, minute)
      let healthy = false
      control.gone = true
      yield* adjust("2 seconds")
      const check = Effect.suspend(() => healthy ? Effect.void : boom)
      yield* process.here(process.breaker.watch(check, { interval: "1 second" }))
      yield* adjust("20 seconds")
      assert.strictEqual(yield* process.stateTag, "Open")
      healthy = true
      yield* adjust("1 second")
      assert.strictEqual(yield* process.succeed, "ok")
      control.gone = false
      const before = process.moves()
      yield* adjust("5 seconds")
      assert.strictEqual(yield* process.stateTag, "Closed")
      assert.deepStrictEqual(process.moves(), before)
    }))

  for (const lost of ["in the exchange that finds it lost", "before it is lost"]) {
    test(`E10: an opening of a check ${lost} is ended by a healthy check`, () =>
      Effect.gen(function*() {
        const { control, shared } = yield* makeStore()
        const process = yield* makeProcess(shared, minute)
        let healthy = false
        control.gone = lost !== "before it is lost"
        const check = Effect.suspend(() => healthy ? Effect.void : boom)
        yield* process.here(process.breaker.watch(check, { interval: "1 second" }))
        yield* adjust(500)
        control.gone = true
        assert.strictEqual(yield* process.stateTag, "Open")
        healthy = true
        yield* adjust("1 second")
        assert.strictEqual(yield* process.succeed, "ok")
      }))
  }

  test("C7: a caller that leaves before the store is asked for it takes no probe", () =>
    Effect.gen(function*() {
      const { control, shared } = yield* makeStore()
      const [a, b] = [yield* makeProcess(shared), yield* makeProcess(shared)]
      yield* a.fail
      yield* adjust("1 second")
      control.latency = 100
      yield* Effect.forkChild(a.here(a.breaker.state), { startImmediately: true })
      const call = yield* a.begin
      yield* Fiber.interrupt(call.fiber)
      yield* adjust(150)
      control.latency = 0
      assert.deepStrictEqual(yield* b.state, { _tag: "Open", openings: 1, retryAfter: Duration.zero })
      yield* adjust(100)
      assert.deepStrictEqual(a.moves(), ["Closed → Open: ConsecutiveFailures"])
    }))
})

describe("CircuitBreaker, shared, in Effect's words", () => {
  test("R11: refuse: a store that cannot be reached is their error of a store, found out or known", () =>
    Effect.gen(function*() {
      const { control, shared } = yield* makeStore("refuse")
      const { here } = yield* makeProcess(shared)
      const breaker = EffectCircuitBreaker.fromKeyed(yield* here(CircuitBreaker.makeKeyed({ name: "hosts" })))
      control.gone = true
      for (let i = 0; i < 2; i++) {
        const error = yield* here(Effect.flip(breaker.execute(Effect.void, { key: "a" })))
        assert.strictEqual(error.reason._tag, "CircuitBreakerStoreError")
      }
      control.gone = false
      yield* adjust("1 second")
      yield* here(breaker.execute(Effect.void, { key: "a" }))
    }))
})

describe("CircuitBreaker, shared, the end of a scope", () => {
  for (const end of ["succeeds", "is interrupted", "is interrupted while it is asked for"]) {
    test(`L4: a probe that ${end} just before it is told; another process need not wait for it`, () =>
      Effect.gen(function*() {
        const { control, shared } = yield* makeStore()
        const scope = yield* Scope.make()
        const ending = yield* Scope.provide(makeProcess(shared), scope)
        const staying = yield* makeProcess(shared)
        yield* ending.fail
        yield* adjust("1 second")
        if (end === "is interrupted while it is asked for") control.answerLatency = 5
        const call = yield* ending.begin
        yield* settled
        control.answerLatency = 0
        control.latency = 5
        if (end === "succeeds") {
          yield* Effect.forkChild(call.succeed, { startImmediately: true })
          yield* Effect.yieldNow
        } else yield* Fiber.interrupt(call.fiber)
        const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
        yield* adjust(10)
        assert.isDefined(closing.pollUnsafe())
        control.latency = 0
        yield* adjust(101)
        assert.strictEqual(yield* staying.succeed, "ok")
      }))
  }

  test("L4: it does not wait for a store that is gone, nor for one that is only looked at", () =>
    Effect.gen(function*() {
      const { control, shared } = yield* makeStore()
      const scopes = [yield* Scope.make(), yield* Scope.make()]
      const [lost, looking] = yield* Effect.forEach(scopes, (scope) => Scope.provide(makeProcess(shared), scope))
      control.gone = true
      yield* lost!.here(lost!.breaker.isolate)
      control.gone = false
      control.latency = 3_600_000
      yield* adjust(500)
      yield* looking!.succeed
      for (const scope of scopes) yield* Scope.close(scope, Exit.void)
    }))
})

describe("CircuitBreaker, shared and keyed, its bounds", () => {
  const rate = { failureRate: { threshold: 0.5, window: "10 seconds", minimumCalls: 10 } } as const

  test("keys that are idle make room, though the store has not been told of all their successes", () =>
    Effect.gen(function*() {
      const { shared } = yield* makeStore()
      const { here } = yield* makeProcess(shared)
      const keyed = { name: "tenants", failureThreshold: 1, maxKeys: 2, idleTimeToLive: "1 minute" } as const
      const breakers = yield* here(CircuitBreaker.makeKeyed({ ...keyed, ...rate }))
      for (const key of ["a", "b"]) yield* here(actions(breakers.get(key)).succeed)
      yield* adjust("1 hour")
      const third = actions(breakers.get("c"))
      yield* here(third.fail)
      assert.strictEqual(yield* here(third.stateTag), "Open")
    }))

  test("R11: what only this process knows while the store is gone is not forgotten", () =>
    Effect.gen(function*() {
      const { control, shared } = yield* makeStore()
      const { here } = yield* makeProcess(shared)
      const keyed = { name: "tenants", failureThreshold: 1, maxKeys: 1, resetTimeout: "1 hour" } as const
      const breakers = yield* here(CircuitBreaker.makeKeyed({ ...keyed, maxResetTimeout: "1 hour" }))
      yield* here(actions(breakers.get("a")).succeed)
      control.gone = true
      yield* adjust("2 seconds")
      yield* here(actions(breakers.get("a")).fail)
      yield* here(actions(breakers.get("b")).succeed)
      assert.strictEqual(yield* breakers.size, 1)
      control.retryAfter = 60_000
      assert.strictEqual(yield* here(actions(breakers.get("a")).stateTag), "Open")
    }))
})

describe("CircuitBreaker, shared, what is kept", () => {
  test("what cannot be read is as if nothing were there, and is written anew", () =>
    Effect.gen(function*() {
      const { shared } = yield* makeStore()
      const { fail, stateTag } = yield* makeProcess(shared)
      const common = { generation: 1, openings: 0, openFor: 0 }
      const nonsense = [
        {},
        null,
        { cause: "Reset" },
        { cause: "Reset", circuit: { ...common, _tag: "Ajar" } },
        { cause: "Reset", circuit: { ...common, _tag: "HalfOpen" } },
        { cause: "Reset", circuit: { ...common, _tag: "HalfOpen", succeeded: 0, failed: 0, running: [{}] } },
        { cause: "Reset", circuit: { ...common, _tag: "Open", until: "soon" } },
        { cause: "Reset", circuit: { ...common, _tag: "Closed" } },
        { cause: "Reset", circuit: { ...common, _tag: "Closed", since: 0, failed: {} } },
        { cause: "Reset", circuit: { _tag: "Isolated" } }
      ]
      for (const text of ["no JSON", ...nonsense.map((value) => JSON.stringify(value))]) {
        yield* shared.set("circuit/1/test", text, 3_600_000)
        assert.strictEqual(yield* stateTag, "Closed", text)
        yield* fail
        assert.strictEqual(yield* stateTag, "Open", text)
      }
    }))

  test("R8: a circuit that the store has lost is not told as one that an operator has reset", () =>
    Effect.gen(function*() {
      const { shared } = yield* makeStore()
      const { breaker, fail, here, moves, stateTag } = yield* makeProcess(shared)
      yield* fail
      yield* shared.remove("circuit/1/test")
      assert.strictEqual(yield* stateTag, "Closed")
      yield* fail
      yield* here(breaker.reset)
      assert.deepStrictEqual(moves(), [
        "Closed → Open: ConsecutiveFailures",
        "Open → Closed: Begun",
        "Closed → Open: ConsecutiveFailures",
        "Open → Closed: Reset"
      ])
    }))

  test("another version's circuit lies beside it", () =>
    Effect.gen(function*() {
      const { shared } = yield* makeStore()
      const { fail, stateTag } = yield* makeProcess(shared)
      yield* shared.set("circuit/2/test", "theirs", 3_600_000)
      yield* fail
      assert.strictEqual(yield* stateTag, "Open")
      assert.strictEqual(yield* shared.get("circuit/2/test"), "theirs")
    }))

  test("E9: a snapshot keeps it open no longer than maxResetTimeout", () =>
    Effect.gen(function*() {
      const stores = Stores.fromShared(yield* Stores.makeShared())
      const breaker = yield* Effect.provideService(
        CircuitBreaker.make({ name: "test", resetTimeout: "1 second", maxResetTimeout: "2 seconds" }),
        Stores.Stores,
        stores
      )
      const long = { state: "Open", openings: 1, openFor: 1e12, left: 1e12, closedFor: 0 } as const
      yield* breaker.restore(long)
      assert.deepStrictEqual(yield* breaker.state, { _tag: "Open", openings: 1, retryAfter: Duration.seconds(2) })
      yield* breaker.restore({ ...long, openFor: 500 })
      assert.deepStrictEqual(yield* breaker.state, { _tag: "Open", openings: 1, retryAfter: Duration.millis(500) })
    }))
})
