import { assert, describe } from "@effect/vitest"
import { Deferred, Duration, Effect, Exit, Fiber } from "effect"
import * as Outcome from "../../src/Outcome.ts"
import * as Cache from "../../src/policy/Cache.ts"
import { adjust, begin, Boom, boom, counted, scripted, test } from "./fixtures.ts"

const make = <A = unknown>(options: Partial<Parameters<typeof Cache.make<string, A>>[0]> = {}) =>
  Cache.make<string, A>({ name: "test", ttl: "1 minute", ...options })
const numbered = () => {
  let n = 0
  return counted(Effect.sync(() => ++n))
}

describe("Cache", () => {
  test("N1: everything that succeeds is kept, also what is falsy or empty", () =>
    Effect.gen(function*() {
      for (const [i, value] of [undefined, null, false, 0, -0, NaN, "", [], {}].entries()) {
        const cache = yield* make({ name: `${i}` })
        const call = counted(Effect.succeed(value))
        for (let i = 0; i < 3; i++) assert.deepStrictEqual(yield* cache.policy("a")(call.run), value)
        assert.strictEqual(call.count, 1)
      }
    }))

  test("N3: a value is fresh for exactly its ttl", () =>
    Effect.gen(function*() {
      const cache = yield* make<number>({ ttl: "1 minute" })
      const call = numbered()
      const get = cache.policy("a")(call.run)
      yield* get
      yield* adjust(59_999)
      assert.strictEqual(yield* get, 1)
      yield* adjust(1)
      assert.strictEqual(yield* get, 2)
    }))

  test("N3: the ttl counts from the answer, not from the question, and hits do not prolong it", () =>
    Effect.gen(function*() {
      const cache = yield* make<number>({ ttl: "1 minute" })
      const call = numbered()
      const get = cache.policy("a")(Effect.delay(call.run, "10 seconds"))
      const first = yield* begin(get)
      yield* adjust("10 seconds")
      yield* Fiber.join(first)
      for (let i = 0; i < 59; i++) {
        yield* adjust("1 second")
        assert.strictEqual(yield* get, 1)
      }
      yield* adjust("1 second")
      const second = yield* begin(get)
      yield* adjust("10 seconds")
      assert.deepStrictEqual(yield* Fiber.join(second), Exit.succeed(2))
    }))

  test("N3: the value that was not asked for the longest makes room", () =>
    Effect.gen(function*() {
      const cache = yield* make<string>({ capacity: 2 })
      const calls: Array<string> = []
      const get = (key: string) => cache.policy(key)(Effect.sync(() => (calls.push(key), key)))
      for (const key of ["a", "b", "a", "c", "a", "b"]) yield* get(key)
      assert.deepStrictEqual(calls, ["a", "b", "c", "b"])
      assert.strictEqual((yield* cache.statistics).size, 2)
    }))

  test("nothing grows with the number of calls or keys", () =>
    Effect.gen(function*() {
      const cache = yield* make<number>({ capacity: 10 })
      for (let i = 0; i < 5_000; i++) yield* cache.policy(`${i}`)(Effect.succeed(i))
      for (let i = 0; i < 5_000; i++) yield* Effect.exit(cache.policy(`${i}`)(boom))
      assert.strictEqual((yield* cache.statistics).size, 10)
    }))

  test("keys of the same content are equal", () =>
    Effect.gen(function*() {
      const cache = yield* Cache.make<{ readonly city: string }, number>({ name: "test", ttl: 1_000, capacity: 2 })
      const call = numbered()
      for (const city of ["berlin", "paris", "berlin"]) yield* cache.policy({ city })(call.run)
      yield* cache.invalidate({ city: "berlin" })
      yield* cache.policy({ city: "berlin" })(call.run)
      assert.strictEqual(call.count, 3)
    }))

  test("a failure is never kept, nor a defect, nor what is classified as a failure", () =>
    Effect.gen(function*() {
      const cache = yield* make({ classify: (exit) => Exit.isSuccess(exit) ? Outcome.failure() : undefined })
      for (const failure of [boom, Effect.die("bug"), Effect.succeed("error 7")]) {
        const call = counted(failure)
        const one = yield* Effect.exit(cache.policy("a")(call.run))
        assert.deepStrictEqual(one, yield* Effect.exit(cache.policy("a")(call.run)))
        assert.strictEqual(call.count, 2)
      }
      assert.strictEqual((yield* cache.statistics).size, 0)
    }))

  test("a fallback is not kept", () =>
    Effect.gen(function*() {
      const cache = yield* make<string>()
      const fallback = Effect.as(Cache.doNotStore, "fallback")
      const call = scripted(boom, Effect.succeed("real"))
      const get = cache.policy("a")(Effect.catchTag(call.run, "Boom", () => fallback))
      assert.deepStrictEqual([yield* get, yield* get, yield* get], ["fallback", "real", "real"])
      // Outside of a fetch it does nothing.
      yield* Cache.doNotStore
    }))

  test("a value can say how long it may be used, or that it is not to be kept", () =>
    Effect.gen(function*() {
      const cache = yield* make<number | undefined>({
        freshness: (seconds) => seconds === undefined ? undefined : { ttl: seconds * 1000 }
      })
      const kept = (key: string, value: number | undefined, wait: Duration.Input) =>
        Effect.gen(function*() {
          const call = counted(Effect.succeed(value))
          yield* cache.policy(key)(call.run)
          yield* adjust(wait)
          yield* cache.policy(key)(call.run)
          return call.count === 1
        })
      assert.isTrue(yield* kept("a", 90, 89_999))
      assert.isFalse(yield* kept("b", 90, 90_000))
      assert.isFalse(yield* kept("c", 0, 0))
      assert.isFalse(yield* kept("d", undefined, 0))
      for (const nonsense of [NaN, -5]) assert.isFalse(yield* kept(`e${nonsense}`, nonsense, 0))
      // What is of no use takes no room.
      assert.strictEqual((yield* cache.statistics).size, 2)
    }))

  test("headers say how long: what they do not say is as the options say", () =>
    Effect.gen(function*() {
      const cache = yield* make<Record<string, string>>({
        ttl: 5_000,
        freshness: (headers) => Cache.fromHeaders(headers, 0)
      })
      const kept = (headers: Record<string, string>, wait: number) =>
        Effect.gen(function*() {
          yield* cache.clear
          const call = counted(Effect.succeed(headers))
          yield* cache.policy("a")(call.run)
          yield* adjust(wait)
          yield* cache.policy("a")(call.run)
          return call.count === 1
        })
      assert.isTrue(yield* kept({ "cache-control": "max-age=60" }, 59_999))
      assert.isFalse(yield* kept({ "cache-control": "max-age=60" }, 60_000))
      assert.isFalse(yield* kept({ "cache-control": "max-age=60, no-store" }, 0))
      assert.isTrue(yield* kept({}, 4_999))
      assert.isFalse(yield* kept({}, 5_000))
    }))

  test("N4: 100 concurrent misses of one key make one call; all get its value or its error", () =>
    Effect.gen(function*() {
      const cache = yield* make<number>()
      for (const [n, answer] of [[1, boom], [2, Effect.succeed(7)]] as const) {
        const call = counted(Effect.andThen(Effect.sleep("1 second"), answer))
        const callers = yield* Effect.replicateEffect(begin(cache.policy("a")(call.run)), 100)
        yield* adjust("1 second")
        const expected = n === 1 ? Exit.fail(new Boom({})) : Exit.succeed(7)
        for (const exit of yield* Effect.forEach(callers, Fiber.join)) assert.deepStrictEqual(exit, expected)
        assert.strictEqual(call.count, 1)
      }
    }))

  test("N4: who began the fetch may leave; the last one to leave interrupts it, and nothing is kept", () =>
    Effect.gen(function*() {
      const cache = yield* make<number>()
      let running = 0
      const call = Effect.acquireUseRelease(
        Effect.sync(() => ++running),
        () => Effect.delay(Effect.succeed(7), "1 second"),
        () => Effect.sync(() => --running)
      )
      const callers = yield* Effect.replicateEffect(begin(cache.policy("a")(call)), 3)
      yield* Fiber.interrupt(callers[0]!)
      yield* adjust("1 second")
      assert.deepStrictEqual(yield* Fiber.join(callers[1]!), Exit.succeed(7))
      const others = yield* Effect.replicateEffect(begin(cache.policy("b")(call)), 3)
      yield* adjust(500)
      for (const other of others) yield* Fiber.interrupt(other)
      assert.deepStrictEqual([running, (yield* cache.statistics).size], [0, 1])
    }))

  test("N9: a caller who is gone gets interruption, even where the value is known", () =>
    Effect.gen(function*() {
      const cache = yield* make<number>()
      yield* cache.policy("a")(Effect.succeed(7))
      let served = false
      const latch = yield* Deferred.make<void>()
      const fiber = yield* Effect.forkChild(
        Effect.andThen(
          Effect.uninterruptible(Deferred.await(latch)),
          Effect.tap(cache.policy("a")(Effect.never), () => Effect.sync(() => (served = true)))
        ),
        { startImmediately: true }
      )
      const interrupting = yield* begin(Fiber.interrupt(fiber))
      yield* Deferred.succeed(latch, undefined)
      yield* Fiber.join(interrupting)
      assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(fiber)))
      assert.isFalse(served)
    }))

  test("it reports where a value comes from and how old it is", () =>
    Effect.gen(function*() {
      const cache = yield* make<number>()
      const get = cache.reported("a")(Effect.succeed(7))
      assert.deepStrictEqual(yield* get, { value: 7, source: "fresh", stale: false, age: Duration.zero })
      yield* adjust("10 seconds")
      assert.deepStrictEqual(yield* get, { value: 7, source: "cache", stale: false, age: Duration.seconds(10) })
    }))

  test("invalidate forgets one value, clear all of them", () =>
    Effect.gen(function*() {
      const cache = yield* make<string>()
      const calls: Array<string> = []
      const get = (key: string) => cache.policy(key)(Effect.sync(() => (calls.push(key), key)))
      const all = Effect.forEach(["a", "b"], get)
      yield* all
      yield* cache.invalidate("a")
      yield* cache.invalidate("unknown")
      yield* all
      assert.deepStrictEqual(calls, ["a", "b", "a"])
      yield* cache.clear
      assert.strictEqual((yield* cache.statistics).size, 0)
      yield* all
      assert.deepStrictEqual(calls, ["a", "b", "a", "a", "b"])
    }))

  test("what is being fetched while it is invalidated is not kept, and who comes later fetches anew", () =>
    Effect.gen(function*() {
      for (const how of ["invalidate", "clear"] as const) {
        const cache = yield* make<number>({ name: how })
        const call = numbered()
        const get = cache.policy("a")(Effect.tap(call.run, () => Effect.sleep("1 second")))
        const before = yield* begin(get)
        yield* how === "clear" ? cache.clear : cache.invalidate("a")
        const after = yield* begin(get)
        yield* adjust("1 second")
        assert.deepStrictEqual(yield* Fiber.join(before), Exit.succeed(1))
        assert.deepStrictEqual(yield* Fiber.join(after), Exit.succeed(2))
        assert.strictEqual(yield* get, 2)
      }
    }))

  test("caches of one name share their values, others do not; each counts for itself", () =>
    Effect.gen(function*() {
      const [one, two, other] = [yield* make<number>(), yield* make<number>(), yield* make<number>({ name: "other" })]
      yield* one.policy("a")(Effect.succeed(1))
      assert.strictEqual(yield* two.policy("a")(Effect.succeed(2)), 1)
      assert.strictEqual(yield* other.policy("a")(Effect.succeed(3)), 3)
      const counts = { hits: 0, stale: 0, misses: 0, fetches: 0, failures: 0, size: 1 }
      assert.deepStrictEqual(yield* one.statistics, { ...counts, misses: 1, fetches: 1 })
      assert.deepStrictEqual(yield* two.statistics, { ...counts, hits: 1 })
    }))

  test("another storage takes the place of memory", () =>
    Effect.gen(function*() {
      const log: Array<string> = []
      const noting = (what: string) => Effect.sync(() => void log.push(what))
      const cache = yield* make<number>({
        storage: {
          get: (key) =>
            Effect.as(
              noting(`get ${key}`),
              key === "known"
                ? { value: 1, age: 10, lifetime: { ttl: 20, staleWhileRevalidate: 0, staleIfError: 0, revalidate: 0 } }
                : undefined
            ),
          set: (key, value, { ttl }) => noting(`set ${key} ${value} ${ttl}`),
          remove: (key) => noting(`remove ${key}`),
          clear: noting("clear"),
          size: Effect.succeed(9)
        }
      })
      assert.strictEqual(yield* cache.policy("known")(Effect.succeed(2)), 1)
      assert.strictEqual(yield* cache.policy("new")(Effect.succeed(2)), 2)
      yield* cache.invalidate("new")
      yield* cache.clear
      assert.deepStrictEqual(log, ["get known", "get new", "set new 2 60000", "remove new", "clear"])
      assert.strictEqual((yield* cache.statistics).size, 9)
    }))

  test("O5: what cannot work is refused with the option's name", () =>
    Effect.gen(function*() {
      const cases: ReadonlyArray<[Partial<Cache.Options>, string]> = [
        [{ ttl: 0 }, "ttl"],
        [{ ttl: "Infinity" }, "ttl"],
        [{ capacity: 0 }, "capacity"],
        [{ capacity: 1.5 }, "capacity"],
        [{ staleWhileRevalidate: -1 }, "staleWhileRevalidate"],
        [{ staleIfError: "Infinity" }, "staleIfError"]
      ]
      for (const [options, option] of cases) {
        const error = yield* Effect.flip(make(options))
        assert.deepStrictEqual(error.problems.map((problem) => problem.option), [option])
      }
      assert.deepStrictEqual(Cache.validate({ ttl: 1 }), [])
    }))
})
