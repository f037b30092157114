import { assert, describe } from "@effect/vitest"
import { Duration, Effect, Exit, Fiber, Scope } from "effect"
import * as Deadline from "../../src/Deadline.ts"
import { CircuitOpen, InvalidRequest } from "../../src/IntegrationError.ts"
import * as Outcome from "../../src/Outcome.ts"
import * as Cache from "../../src/policy/Cache.ts"
import * as CircuitBreaker from "../../src/policy/CircuitBreaker.ts"
import { adjust, begin, Boom, boom, counted, scripted, test } from "./fixtures.ts"

type Options = Partial<Parameters<typeof Cache.make<string, number>>[0]>
const make = (options: Options = {}) => Cache.make<string, number>({ name: "test", ttl: "10 seconds", ...options })
const after = (millis: number, value: number) => Effect.delay(Effect.succeed(value), millis)
const known = (value: number, seconds: number, stale: boolean): Cache.Cached<number> => ({
  value,
  source: "cache",
  stale,
  age: Duration.seconds(seconds)
})

describe("stale while revalidate", () => {
  test("a stale value is served at once, and fetched anew in the background, once", () =>
    Effect.gen(function*() {
      const cache = yield* make({ staleWhileRevalidate: "20 seconds" })
      const call = scripted(Effect.succeed(1), after(1_000, 2))
      const get = cache.reported("a")(call.run)
      yield* get
      yield* adjust("10 seconds")
      for (let i = 0; i < 10; i++) assert.deepStrictEqual(yield* get, known(1, 10, true))
      assert.strictEqual(call.count, 2)
      yield* adjust("1 second")
      assert.deepStrictEqual(yield* get, known(2, 0, false))
      assert.deepStrictEqual(yield* cache.statistics, {
        hits: 1,
        stale: 10,
        misses: 1,
        fetches: 2,
        failures: 0,
        size: 1
      })
    }))

  test("N3: it ends exactly when its time is over: then a caller waits, for the fetch that runs if there is one", () =>
    Effect.gen(function*() {
      const cache = yield* make({ staleWhileRevalidate: "20 seconds" })
      const call = scripted(Effect.succeed(1), after(1_000, 2), after(1_000, 3))
      const get = cache.policy("a")(call.run)
      yield* get
      yield* adjust(29_999)
      assert.strictEqual(yield* get, 1)
      yield* adjust(1)
      const waiting = yield* begin(get)
      assert.isUndefined(waiting.pollUnsafe())
      yield* adjust("1 second")
      assert.deepStrictEqual(yield* Fiber.join(waiting), Exit.succeed(2))
      assert.strictEqual(call.count, 2)
    }))

  test("a failure in the background is told to the listener and to no caller; the next caller tries again", () =>
    Effect.gen(function*() {
      const failures: Array<Cache.Failed<string>> = []
      const cache = yield* make({
        staleWhileRevalidate: "20 seconds",
        onFailure: (failed) => {
          failures.push(failed)
          throw new Error("bug")
        }
      })
      const call = scripted<number, Boom, never>(Effect.succeed(1), boom, Effect.die("bug"), Effect.succeed(4))
      const get = cache.reported("a")(call.run)
      yield* get
      yield* adjust("10 seconds")
      for (let i = 0; i < 3; i++) assert.deepStrictEqual(yield* get, known(1, 10, true))
      assert.deepStrictEqual(yield* get, known(4, 0, false))
      assert.deepStrictEqual(failures, [
        { key: "a", error: new Boom({}), outcome: Outcome.failure() },
        { key: "a", error: "bug", outcome: Outcome.failure({ retryable: false }) }
      ])
    }))

  test("the caller who set it off may leave or run out of time: the fetch goes on", () =>
    Effect.gen(function*() {
      const cache = yield* make({ staleWhileRevalidate: "20 seconds" })
      const seen: Array<unknown> = []
      const call = scripted(
        Effect.succeed(1),
        Effect.andThen(
          Effect.tap(Deadline.remaining, (left) => Effect.sync(() => seen.push(left))),
          after(5_000, 2)
        )
      )
      const get = cache.policy("a")(call.run)
      yield* get
      yield* adjust("10 seconds")
      const caller = yield* begin(Effect.andThen(Deadline.within("1 second")(get), Effect.never))
      yield* Fiber.interrupt(caller)
      yield* adjust("5 seconds")
      assert.strictEqual(yield* get, 2)
      assert.deepStrictEqual([call.count, seen], [2, [undefined]])
    }))

  test("L4: it ends with the cache's scope, which waits until it has released what it held", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const cache = yield* Scope.provide(make({ staleWhileRevalidate: "20 seconds" }), scope)
      let released = false
      const slowToStop = Effect.onInterrupt(
        Effect.never,
        () => Effect.andThen(Effect.sleep(100), Effect.sync(() => void (released = true)))
      )
      const call = scripted<number, never, never>(Effect.succeed(1), slowToStop)
      const get = cache.policy("a")(call.run)
      yield* get
      yield* adjust("10 seconds")
      yield* get
      const closing = yield* begin(Scope.close(scope, Exit.void))
      yield* adjust(99)
      assert.isUndefined(closing.pollUnsafe())
      yield* adjust(1)
      assert.isDefined(closing.pollUnsafe())
      assert.isTrue(released)
      // After that nothing is fetched in the background any more.
      yield* get
      assert.strictEqual(call.count, 2)
    }))

  test("L4: a caller who waits for such a fetch keeps it going past the scope", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const cache = yield* Scope.provide(make({ staleWhileRevalidate: "1 second" }), scope)
      const call = scripted(Effect.succeed(1), after(5_000, 2))
      const get = cache.policy("a")(call.run)
      yield* get
      yield* adjust("10 seconds")
      yield* get
      yield* adjust("1 second")
      const waiting = yield* begin(get)
      yield* Scope.close(scope, Exit.void)
      yield* adjust("4 seconds")
      assert.deepStrictEqual(yield* Fiber.join(waiting), Exit.succeed(2))
    }))

  test("the cache's scope does not grow with the number of fetches", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const cache = yield* Scope.provide(make({ ttl: 1, staleWhileRevalidate: "1 hour" }), scope)
      for (let i = 0; i < 20; i++) {
        yield* cache.policy("a")(after(1, i)).pipe(begin)
        yield* adjust(2)
      }
      assert.isAbove((yield* cache.statistics).fetches, 10)
      assert.strictEqual(scope.state._tag, "Empty")
      // Nor with the number of those who are served while one runs.
      yield* Effect.replicateEffect(cache.policy("a")(after(1, 0)), 20)
      assert.isTrue(scope.state._tag === "Open" && scope.state.finalizers === undefined)
      yield* adjust(2)
      assert.strictEqual(scope.state._tag, "Empty")
    }))

  test("what was invalidated while it was fetched in the background is not kept", () =>
    Effect.gen(function*() {
      const cache = yield* make({ staleWhileRevalidate: "20 seconds" })
      const call = scripted(Effect.succeed(1), after(1_000, 2), after(1_000, 3))
      const get = cache.policy("a")(call.run)
      yield* get
      yield* adjust("10 seconds")
      yield* get
      yield* cache.invalidate("a")
      yield* adjust("1 second")
      const next = yield* begin(get)
      yield* adjust("1 second")
      assert.deepStrictEqual(yield* Fiber.join(next), Exit.succeed(3))
    }))
})

describe("stale if error", () => {
  test("N6: where the remote fails, a stale value within the limit is served and flagged; the failure is told", () =>
    Effect.gen(function*() {
      const failures: Array<unknown> = []
      const cache = yield* make({ staleIfError: "1 minute", onFailure: ({ error }) => void failures.push(error) })
      const call = scripted<number, Boom, never>(Effect.succeed(1), boom)
      const get = cache.reported("a")(call.run)
      yield* get
      yield* adjust("10 seconds")
      assert.deepStrictEqual(yield* get, known(1, 10, true))
      yield* adjust(59_999)
      assert.isTrue((yield* get).stale)
      yield* adjust(1)
      assert.deepStrictEqual(yield* Effect.exit(get), Exit.fail(new Boom({})))
      assert.deepStrictEqual(failures, [new Boom({}), new Boom({}), new Boom({})])
      const { failures: failed, misses, stale } = yield* cache.statistics
      assert.deepStrictEqual({ failed, misses, stale }, { failed: 3, misses: 2, stale: 2 })
    }))

  test("N6: the limit is that of the moment of the failure", () =>
    Effect.gen(function*() {
      const cache = yield* make({ staleIfError: "1 minute" })
      const call = scripted<number, Boom, never>(Effect.succeed(1), Effect.andThen(Effect.sleep("30 seconds"), boom))
      const get = cache.policy("a")(call.run)
      yield* get
      yield* adjust("40 seconds")
      const late = yield* begin(get)
      yield* adjust("30 seconds")
      assert.deepStrictEqual(yield* Fiber.join(late), Exit.fail(new Boom({})))
    }))

  test("N6: the failure is told once, however many callers get the stale value in its place", () =>
    Effect.gen(function*() {
      let told = 0
      const cache = yield* make({ staleIfError: "1 minute", onFailure: () => void told++ })
      const call = scripted<number, Boom, never>(Effect.succeed(1), Effect.andThen(Effect.sleep("1 second"), boom))
      const get = cache.policy("a")(call.run)
      yield* get
      yield* adjust("10 seconds")
      const callers = yield* Effect.replicateEffect(begin(get), 50)
      yield* adjust("1 second")
      for (const exit of yield* Effect.forEach(callers, Fiber.join)) assert.deepStrictEqual(exit, Exit.succeed(1))
      assert.deepStrictEqual([told, call.count], [1, 2])
    }))

  test("N6, N9: the breaker inside sees the failure; while it is open, known values are served", () =>
    Effect.gen(function*() {
      const cache = yield* make({ staleIfError: "1 minute" })
      const circuit = yield* CircuitBreaker.make({ name: "test", failureThreshold: 1 })
      const call = scripted<number, Boom, never>(Effect.succeed(1), boom)
      const get = call.run.pipe(circuit.policy, cache.reported("a"))
      yield* get
      yield* adjust("9 seconds")
      yield* circuit.isolate
      assert.deepStrictEqual(yield* get, known(1, 9, false))
      yield* circuit.reset
      yield* adjust("1 second")
      assert.isTrue((yield* get).stale)
      assert.strictEqual((yield* circuit.state)._tag, "Open")
      assert.isTrue((yield* get).stale)
      assert.strictEqual(call.count, 2)
      const other = counted(Effect.succeed(2)).run.pipe(circuit.policy, cache.policy("b"))
      assert.instanceOf(yield* Effect.flip(other), CircuitOpen)
    }))

  test("it is no answer to a bug, a wrong request or an answer that is an error", () =>
    Effect.gen(function*() {
      const cases: ReadonlyArray<[Effect.Effect<never, unknown>, Outcome.Classifier | undefined]> = [
        [Effect.die("bug"), undefined],
        [Effect.fail(new InvalidRequest({ issue: "wrong" })), undefined],
        [Effect.fail("not found"), (exit) => Exit.isFailure(exit) ? Outcome.success : undefined],
        [Effect.interrupt, undefined]
      ]
      for (const [i, [failure, classify]] of cases.entries()) {
        const cache = yield* make({ name: `${i}`, staleIfError: "1 minute", classify })
        const call = scripted<number, unknown, never>(Effect.succeed(1), failure)
        const get = cache.policy("a")(call.run)
        yield* get
        yield* adjust("10 seconds")
        assert.isTrue(Exit.isFailure(yield* Effect.exit(get)), `${i}`)
        assert.strictEqual((yield* cache.statistics).failures, failure === Effect.interrupt ? 0 : 1)
      }
    }))

  test("a value that is classified as a failure is replaced as an error is", () =>
    Effect.gen(function*() {
      const cache = yield* make({
        staleIfError: "1 minute",
        classify: (exit) => Exit.isSuccess(exit) && exit.value === -1 ? Outcome.failure() : undefined
      })
      const call = scripted(Effect.succeed(1), Effect.succeed(-1))
      const get = cache.policy("a")(call.run)
      yield* get
      yield* adjust("10 seconds")
      assert.strictEqual(yield* get, 1)
      yield* cache.invalidate("a")
      assert.strictEqual(yield* get, -1)
    }))

  test("what was invalidated in the meantime is not served", () =>
    Effect.gen(function*() {
      const cache = yield* make({ staleIfError: "1 minute" })
      const call = scripted<number, Boom, never>(Effect.succeed(1), Effect.andThen(Effect.sleep("1 second"), boom))
      const get = cache.policy("a")(call.run)
      yield* get
      yield* adjust("10 seconds")
      const caller = yield* begin(get)
      yield* cache.invalidate("a")
      yield* adjust("1 second")
      assert.deepStrictEqual(yield* Fiber.join(caller), Exit.fail(new Boom({})))
    }))

  test("a stale value is not kept as a fresh one by a cache around it", () =>
    Effect.gen(function*() {
      const inner = yield* make({ name: "inner", staleIfError: "1 minute" })
      const outer = yield* make({ name: "outer" })
      const call = scripted<number, Boom, never>(Effect.succeed(1), boom, Effect.succeed(3))
      const get = outer.policy("a")(inner.policy("a")(call.run))
      yield* get
      yield* adjust("10 seconds")
      assert.deepStrictEqual([yield* get, yield* get], [1, 3])
    }))

  test("both limits begin with the end of freshness, and a value can set its own", () =>
    Effect.gen(function*() {
      const cache = yield* make({
        staleIfError: "1 hour",
        freshness: () => Cache.fromHeaders({ "cache-control": "max-age=5, must-revalidate" }, 0)
      })
      const call = scripted<number, Boom, never>(Effect.succeed(1), boom)
      const get = cache.policy("a")(call.run)
      yield* get
      yield* adjust(4_999)
      assert.strictEqual(yield* get, 1)
      yield* adjust(1)
      assert.deepStrictEqual(yield* Effect.exit(get), Exit.fail(new Boom({})))
    }))
})

describe("interruption at any moment", () => {
  test("L1, L2: leaves no fetch running and no half value behind", () =>
    Effect.gen(function*() {
      let running = 0
      const call = Effect.acquireUseRelease(
        Effect.sync(() => ++running),
        () => Effect.andThen(Effect.yieldNow, Effect.delay(Effect.succeed(7), 50)),
        () => Effect.andThen(Effect.yieldNow, Effect.sync(() => --running))
      )
      for (let steps = 0; steps < 12; steps++) {
        for (let millis = 0; millis <= 60; millis += 10) {
          const cache = yield* make({ name: `${steps} ${millis}` })
          const caller = yield* begin(cache.policy("a")(call))
          yield* adjust(millis)
          for (let i = 0; i < steps; i++) yield* Effect.yieldNow
          yield* Fiber.interrupt(caller)
          assert.strictEqual(running, 0)
          const { size } = yield* cache.statistics
          assert.strictEqual(size, millis >= 50 ? 1 : 0)
          const again = yield* begin(cache.policy("a")(call))
          yield* adjust(100)
          assert.deepStrictEqual(yield* Fiber.join(again), Exit.succeed(7))
        }
      }
    }))
})
