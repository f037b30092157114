import { assert, describe } from "@effect/vitest"
import { Clock, Duration, Effect, Fiber, Schema } from "effect"
import * as Cache from "../../src/policy/Cache.ts"
import * as Stores from "../../src/Stores.ts"
import { adjust, begin, boom, counted, scripted, test } from "./fixtures.ts"

const storageOf = (shared: Stores.Shared, options: Partial<Cache.SharedStorageOptions<string, string>> = {}) =>
  Cache.sharedStorage<string, string>({
    shared,
    name: "menu",
    encode: (value) => value,
    decode: Effect.succeed,
    keyOf: (key) => key,
    ...options
  })
const lifetime: Cache.Lifetime = { ttl: 10_000, staleWhileRevalidate: 0, staleIfError: 20_000, revalidate: 0 }
const valueOf = (known: Cache.Stored<string> | undefined) => known?.value

/** The same cache in another process. */
const make = (shared: Stores.Shared, options: Partial<Cache.Options> = {}) =>
  Cache.make<string, string>({ name: "menu", ttl: "10 seconds", ...options, storage: storageOf(shared) })

describe("values in a shared store", () => {
  test("that one process has fetched are known to the others, with their age", () =>
    Effect.gen(function*() {
      const shared = yield* Stores.makeShared()
      const [first, second] = [yield* make(shared), yield* make(shared)]
      const call = counted(Effect.succeed("espresso"))
      yield* first.policy("berlin")(call.run)
      yield* adjust("4 seconds")
      assert.deepStrictEqual(yield* second.reported("berlin")(call.run), {
        value: "espresso",
        source: "cache",
        stale: false,
        age: Duration.seconds(4)
      })
      assert.strictEqual(call.count, 1)
    }))

  test("are fresh, stale and gone to the millisecond", () =>
    Effect.gen(function*() {
      const shared = yield* Stores.makeShared()
      const [first, second] = [
        yield* make(shared, { staleIfError: "20 seconds" }),
        yield* make(shared, { staleIfError: "20 seconds" })
      ]
      yield* first.policy("a")(Effect.succeed("1"))
      const reported = Effect.map(Effect.option(second.reported("a")(boom)), (known) =>
        known._tag === "Some" ? known.value.stale : "gone")
      yield* adjust(9_999)
      assert.strictEqual(yield* reported, false)
      yield* adjust(1)
      assert.strictEqual(yield* reported, true)
      yield* adjust(19_999)
      assert.strictEqual(yield* reported, true)
      assert.isDefined(yield* shared.get("cache/menu/a"))
      yield* adjust(1)
      assert.strictEqual(yield* reported, "gone")
      assert.isUndefined(yield* shared.get("cache/menu/a"))
    }))

  test("R12: have the age that the store's clock tells, whatever those of the processes say", () =>
    Effect.gen(function*() {
      const shared = yield* Stores.makeShared()
      const storage = storageOf(shared)
      const clock = yield* Clock.Clock
      const hour = 3_600_000
      const late: Clock.Clock = {
        ...clock,
        sleep: (duration) => clock.sleep(duration),
        currentTimeMillisUnsafe: () => clock.currentTimeMillisUnsafe() + hour,
        monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe() + BigInt(hour) * 1_000_000n
      }
      yield* Effect.provideService(storage.set("a", "1", lifetime), Clock.Clock, late)
      yield* adjust(500)
      assert.strictEqual((yield* storage.get("a"))?.age, 500)
      assert.strictEqual((yield* Effect.provideService(storage.get("a"), Clock.Clock, late))?.age, 500)
    }))

  test("N1: may be empty, or look like anything", () =>
    Effect.gen(function*() {
      const storage = storageOf(yield* Stores.makeShared())
      for (const value of ["", "\n", "[1]\n[2]", "undefined", "é\u0000"]) {
        yield* storage.set("a", value, lifetime)
        assert.deepStrictEqual(yield* storage.get("a"), { value, lifetime, age: 0 })
      }
    }))

  test("are apart where names or keys are", () =>
    Effect.gen(function*() {
      const shared = yield* Stores.makeShared()
      const names = [["a", "b/c"], ["a/b", "c"], ["a", "b%2Fc"], ["A", "b/c"], ["", "a/b/c"], ["a", ""]] as const
      for (const [name, key] of names) yield* storageOf(shared, { name }).set(key, `${name} ${key}`, lifetime)
      for (const [name, key] of names) {
        assert.strictEqual(valueOf(yield* storageOf(shared, { name }).get(key)), `${name} ${key}`)
      }
      yield* storageOf(shared, { name: "a" }).clear
      assert.strictEqual(valueOf(yield* storageOf(shared, { name: "a/b" }).get("c")), "a/b c")
    }))

  test("that one process removes are gone for all", () =>
    Effect.gen(function*() {
      const shared = yield* Stores.makeShared()
      const [first, second] = [yield* make(shared), yield* make(shared)]
      const call = scripted(Effect.succeed("1"), Effect.succeed("2"))
      yield* first.policy("a")(call.run)
      yield* second.invalidate("a")
      assert.strictEqual(yield* first.policy("a")(call.run), "2")
    }))

  test("that one process clears are gone for all, and what is stored afterwards is there, at once too", () =>
    Effect.gen(function*() {
      const shared = yield* Stores.makeShared()
      const [first, second] = [storageOf(shared), storageOf(shared)]
      for (let round = 0; round < 3; round++) {
        yield* first.set("a", `${round}`, lifetime)
        yield* second.set("b", `${round}`, lifetime)
        assert.strictEqual(valueOf(yield* second.get("a")), `${round}`)
        yield* second.clear
        assert.isUndefined(yield* first.get("a"))
        assert.isUndefined(yield* second.get("b"))
      }
      yield* adjust("1 second")
      yield* first.set("a", "4", lifetime)
      yield* first.clear
      assert.isUndefined(yield* second.get("a"))
    }))

  test("that are being stored when they are cleared are not there", () =>
    Effect.gen(function*() {
      const shared = yield* Stores.makeShared()
      const slow = storageOf({
        ...shared,
        set: (key, value, timeToLive) => Effect.delay(shared.set(key, value, timeToLive), 1_000)
      })
      const setting = yield* begin(slow.set("a", "1", lifetime))
      yield* slow.clear
      yield* adjust("1 second")
      yield* Fiber.join(setting)
      assert.isUndefined(yield* slow.get("a"))
    }))

  test("that cannot be decoded count as absent, and are fetched anew", () =>
    Effect.gen(function*() {
      const shared = yield* Stores.makeShared()
      const storage = Cache.sharedStorage<string, number>({
        shared,
        name: "menu",
        encode: JSON.stringify,
        decode: Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.Finite)),
        keyOf: (key) => key
      })
      const cache = yield* Cache.make<string, number>({ name: "menu", ttl: "10 seconds", storage })
      yield* storageOf(shared).set("a", "\"of an older version\"", lifetime)
      yield* storageOf(shared).set("b", "{", lifetime)
      for (const key of ["a", "b"]) assert.strictEqual(yield* cache.policy(key)(Effect.succeed(7)), 7)
      assert.strictEqual((yield* storage.get("a"))?.value, 7)
      for (const text of ["", "x", "7", "[]\n7", "{}\n7", "[\"\",0,1,2,3]\n7", "[\"\",0,1,2,3,\"4\"]\n7", "null\n7"]) {
        yield* shared.set("cache/menu/c", text, 1_000)
        assert.isUndefined(yield* storage.get("c"), text)
      }
    }))

  test("that cannot be encoded are not kept, and their caller gets them all the same", () =>
    Effect.gen(function*() {
      const shared = yield* Stores.makeShared()
      const storage = Cache.sharedStorage<string, unknown>({
        shared,
        name: "menu",
        encode: JSON.stringify,
        decode: (text) => Effect.sync(() => JSON.parse(text)),
        keyOf: (key) => key
      })
      const cache = yield* Cache.make<string, unknown>({ name: "menu", ttl: "10 seconds", storage })
      assert.strictEqual(yield* cache.policy("a")(Effect.succeed(1n)), 1n)
      assert.isUndefined(yield* storage.get("a"))
    }))

  test("R11: are unknown while the store cannot be reached, and no call fails of it", () =>
    Effect.gen(function*() {
      const dead = Effect.fail(new Stores.StoreUnavailable({ store: "redis", retryAfter: 1_000 }))
      const shared: Stores.Shared = {
        whenUnavailable: "refuse",
        get: () => dead,
        set: () => dead,
        modify: () => dead,
        remove: () => dead
      }
      const cache = yield* make(shared)
      const call = scripted(Effect.succeed("1"), Effect.succeed("2"))
      assert.strictEqual(yield* cache.policy("a")(call.run), "1")
      assert.strictEqual(yield* cache.policy("a")(call.run), "2")
      yield* cache.invalidate("a")
      yield* cache.clear
      assert.isNaN((yield* cache.statistics).size)
    }))

  test("are kept for a year at most, which is how long it is known that they were cleared", () =>
    Effect.gen(function*() {
      const shared = yield* Stores.makeShared()
      const storage = storageOf(shared)
      yield* storage.set("a", "1", { ttl: 1e15, staleWhileRevalidate: 0, staleIfError: 0, revalidate: 0 })
      yield* storage.clear
      yield* adjust("364 days")
      assert.isUndefined(yield* storage.get("a"))
      yield* adjust("1 day")
      assert.isUndefined(yield* storage.get("a"))
    }))
})
