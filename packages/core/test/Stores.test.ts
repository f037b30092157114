import { assert, describe, it } from "@effect/vitest"
import * as Events from "@switchboard/core/Events"
import { InvalidOptions } from "@switchboard/core/InvalidOptions"
import * as Stores from "@switchboard/core/Stores"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import * as Memory from "../src/internal/stores/memory.ts"

const increment = (kept: string | undefined): Stores.Change<number> => {
  const answer = Number(kept ?? 0) + 1
  return { answer, keep: { value: String(answer), timeToLive: 60_000 } }
}
const begin = <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.forkChild(Effect.exit(self), { startImmediately: true })

/** A guarded store that does as it is told, and what it said of itself. */
const make = Effect.fnUntraced(
  function*(options: Omit<Stores.GuardOptions, "store"> = {}, whenUnavailable: Stores.WhenUnavailable = "local") {
    const said: Array<string> = []
    const events: Array<Events.IntegrationEvent> = []
    const memory = yield* Stores.makeShared(whenUnavailable)
    const remote = {
      asked: 0,
      does: "answer" as "answer" | "fail" | "hang" | "slow"
    }
    const through = <A>(self: Effect.Effect<A, Stores.StoreUnavailable>): Effect.Effect<A, Stores.StoreUnavailable> =>
      Effect.suspend(() => {
        remote.asked++
        if (remote.does === "hang") return Effect.never
        if (remote.does === "slow") return Effect.delay(self, 50)
        return remote.does === "fail"
          ? Effect.fail(new Stores.StoreUnavailable({ store: "x", retryAfter: 0, cause: "ECONNREFUSED" }))
          : self
      })
    const guarded = yield* Stores.guarded({
      whenUnavailable,
      modify: (key, change) => through(memory.modify(key, change)),
      set: (key, value, timeToLive) => through(memory.set(key, value, timeToLive)),
      get: (key) => through(memory.get(key)),
      remove: (key) => through(memory.remove(key))
    }, { store: "redis", ...options }).pipe(
      Effect.provideService(Events.CurrentListener, (event) => {
        events.push(event)
        throw new Error("broken listener")
      })
    )
    const logged = Effect.provide(Logger.layer([
      Logger.make(({ logLevel, message }) => void said.push(`${logLevel}: ${String(message)}`))
    ]))
    const shared: Stores.Shared = {
      whenUnavailable: guarded.whenUnavailable,
      modify: (key, change) => logged(guarded.modify(key, change)),
      set: (key, value, timeToLive) => logged(guarded.set(key, value, timeToLive)),
      get: (key) => logged(guarded.get(key)),
      remove: (key) => logged(guarded.remove(key))
    }
    return { shared, remote, said, events }
  }
)

const failureOf = <A>(self: Effect.Effect<A, Stores.StoreUnavailable>) =>
  Effect.map(Effect.flip(self), ({ cause, retryAfter, store }) => ({ store, retryAfter, cause }))

describe("a guarded store", () => {
  it.effect("answers as the store does", () =>
    Effect.gen(function*() {
      const { remote, said, shared } = yield* make()
      assert.strictEqual(yield* shared.modify("n", increment), 1)
      assert.strictEqual(yield* shared.modify("n", increment), 2)
      yield* shared.set("a", "1", 1_000)
      assert.strictEqual(yield* shared.get("a"), "1")
      yield* shared.remove("a")
      assert.isUndefined(yield* shared.get("a"))
      assert.deepStrictEqual([remote.asked, said], [6, []])
    }))

  it.effect("R11: is not asked for a second after it failed, and says when it will be", () =>
    Effect.gen(function*() {
      const { remote, shared } = yield* make()
      remote.does = "fail"
      assert.deepStrictEqual(yield* failureOf(shared.get("a")), {
        store: "redis",
        retryAfter: 1_000,
        cause: "ECONNREFUSED"
      })
      yield* TestClock.adjust(400)
      const all = [
        shared.get("a"),
        shared.set("a", "1", 1),
        shared.remove("a"),
        shared.modify("a", increment)
      ]
      for (const operation of all) {
        assert.deepStrictEqual(yield* failureOf<unknown>(operation), {
          store: "redis",
          retryAfter: 600,
          cause: undefined
        })
      }
      assert.strictEqual(remote.asked, 1)
      remote.does = "answer"
      yield* TestClock.adjust(599)
      yield* Effect.flip(shared.get("a"))
      yield* TestClock.adjust(1)
      assert.isUndefined(yield* shared.get("a"))
      assert.isUndefined(yield* shared.get("a"))
      assert.strictEqual(remote.asked, 3)
    }))

  it.effect("R11: that it is gone and that it is back is said once, by log and event", () =>
    Effect.gen(function*() {
      const { events, remote, said, shared } = yield* make()
      remote.does = "fail"
      yield* Effect.all(Array.from({ length: 10 }, () => begin(Effect.andThen(Effect.yieldNow, shared.get("a")))))
      for (let i = 0; i < 20; i++) {
        yield* Effect.exit(shared.get("a"))
        yield* TestClock.adjust("1 second")
      }
      remote.does = "answer"
      yield* TestClock.adjust("30 seconds")
      for (let i = 0; i < 10; i++) yield* shared.get("a")
      assert.deepStrictEqual(said, [
        "Warn: the store redis cannot be reached (ECONNREFUSED); each process goes on by itself",
        "Info: the store redis can be reached again"
      ])
      assert.deepStrictEqual(events, [
        { _tag: "StoreChanged", store: "redis", at: 0, available: false },
        { _tag: "StoreChanged", store: "redis", at: 50_000, available: true }
      ])
    }))

  it.effect("says what becomes of what would have to ask it", () =>
    Effect.gen(function*() {
      const { remote, said, shared } = yield* make({}, "refuse")
      remote.does = "fail"
      yield* Effect.exit(shared.get("a"))
      assert.strictEqual(shared.whenUnavailable, "refuse")
      assert.deepStrictEqual(said, [
        "Warn: the store redis cannot be reached (ECONNREFUSED); what would have to ask it is refused"
      ])
    }))

  it.effect("that does not answer in time is given up: nobody waits longer, and later ones not at all", () =>
    Effect.gen(function*() {
      const { remote, said, shared } = yield* make({ timeout: "100 millis" })
      remote.does = "hang"
      const waiting = yield* begin(failureOf(shared.get("a")))
      yield* TestClock.adjust(99)
      assert.isUndefined(waiting.pollUnsafe())
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(
        yield* Fiber.join(waiting),
        Exit.succeed({ store: "redis", retryAfter: 1_000, cause: "no answer in time" })
      )
      assert.strictEqual((yield* failureOf(shared.get("a"))).retryAfter, 1_000)
      assert.strictEqual(remote.asked, 1)
      assert.strictEqual(said.length, 1)
    }))

  it.effect("that does not answer in time is given up by those too who cannot be interrupted", () =>
    Effect.gen(function*() {
      const { remote, shared } = yield* make({ timeout: "100 millis" })
      remote.does = "hang"
      const fiber = yield* begin(Effect.onExit(Effect.never, () => Effect.asVoid(Effect.exit(shared.get("a")))))
      const interrupting = yield* begin(Fiber.interrupt(fiber))
      yield* TestClock.adjust(99)
      assert.isUndefined(interrupting.pollUnsafe())
      yield* TestClock.adjust(1)
      assert.isDefined(interrupting.pollUnsafe())
      assert.strictEqual((yield* failureOf(shared.get("a"))).retryAfter, 1_000)
    }))

  it.effect("is tried again by one operation, while the others fail at once", () =>
    Effect.gen(function*() {
      const { remote, shared } = yield* make({ timeout: "100 millis" })
      remote.does = "fail"
      yield* Effect.exit(shared.get("a"))
      yield* TestClock.adjust("1 second")
      remote.does = "hang"
      const probe = yield* begin(shared.get("a"))
      for (let i = 0; i < 10; i++) assert.strictEqual((yield* failureOf(shared.get("a"))).retryAfter, 100)
      assert.isUndefined(probe.pollUnsafe())
      assert.strictEqual(remote.asked, 2)
    }))

  it.effect("is left alone for longer with each failure in a row, up to a limit; then from the beginning", () =>
    Effect.gen(function*() {
      const { remote, shared } = yield* make({ retryAfter: "2 seconds", maxRetryAfter: "5 seconds" })
      const pauses = Effect.gen(function*() {
        const seen: Array<number> = []
        for (let i = 0; i < 4; i++) {
          const { retryAfter } = yield* failureOf(shared.get("a"))
          seen.push(retryAfter)
          yield* TestClock.adjust(retryAfter)
        }
        return seen
      })
      remote.does = "fail"
      assert.deepStrictEqual(yield* pauses, [2_000, 4_000, 5_000, 5_000])
      remote.does = "answer"
      yield* shared.get("a")
      remote.does = "fail"
      assert.deepStrictEqual(yield* pauses, [2_000, 4_000, 5_000, 5_000])
    }))

  it.effect("failures of operations that began before it was given up do not count again", () =>
    Effect.gen(function*() {
      const { remote, said, shared } = yield* make({ timeout: "1 second" })
      remote.does = "hang"
      const early = yield* begin(shared.get("a"))
      yield* TestClock.adjust(500)
      remote.does = "fail"
      assert.strictEqual((yield* failureOf(shared.get("a"))).retryAfter, 1_000)
      yield* TestClock.adjust(500)
      assert.isTrue(Exit.isFailure(yield* Fiber.join(early)))
      assert.strictEqual((yield* failureOf(shared.get("a"))).retryAfter, 500)
      assert.strictEqual(said.length, 1)
    }))

  it.effect("R11: that hangs is given up by those too who never wait as long", () =>
    Effect.gen(function*() {
      const { remote, said, shared } = yield* make({ timeout: "100 millis" })
      remote.does = "hang"
      assert.isTrue(Option.isNone(
        yield* Effect.andThen(
          Effect.forkChild(TestClock.adjust(10)),
          Effect.timeoutOption(shared.get("a"), 10)
        )
      ))
      yield* TestClock.adjust(89)
      assert.deepStrictEqual(said, [])
      yield* TestClock.adjust(1)
      assert.strictEqual(said.length, 1)
      assert.strictEqual((yield* failureOf(shared.get("a"))).retryAfter, 1_000)
      assert.strictEqual(remote.asked, 1)
    }))

  it.effect("that is tried again by one who leaves is found to answer all the same", () =>
    Effect.gen(function*() {
      const { remote, said, shared } = yield* make({ timeout: "100 millis" })
      remote.does = "fail"
      yield* Effect.exit(shared.get("a"))
      yield* TestClock.adjust("1 second")
      remote.does = "slow"
      yield* Fiber.interrupt(yield* begin(shared.get("a")))
      assert.strictEqual((yield* failureOf(shared.get("a"))).retryAfter, 100)
      yield* TestClock.adjust(50)
      remote.does = "answer"
      yield* shared.get("a")
      assert.deepStrictEqual([remote.asked, said.length], [3, 2])
    }))

  it.effect("is asked no more when its scope is over, and what is under way ends without a word", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const { remote, said, shared } = yield* Scope.provide(make(), scope)
      remote.does = "hang"
      const waiting = yield* begin(failureOf(shared.get("a")))
      yield* Scope.close(scope, Exit.void)
      const closed = { store: "redis", retryAfter: 0, cause: "closed" }
      assert.deepStrictEqual(yield* Fiber.join(waiting), Exit.succeed(closed))
      assert.deepStrictEqual(yield* failureOf(shared.get("a")), closed)
      assert.deepStrictEqual(said, [])
    }))

  it.effect("a change that dies is a bug of its own, and no reason to give it up", () =>
    Effect.gen(function*() {
      const { said, shared } = yield* make()
      const exit = yield* Effect.exit(shared.modify("a", () => {
        throw new Error("bug")
      }))
      assert.isTrue(Exit.hasDies(exit))
      yield* shared.get("a")
      assert.deepStrictEqual(said, [])
    }))

  it.effect("refuses options that cannot work, all at once", () =>
    Effect.gen(function*() {
      const wrong = { timeout: 0, retryAfter: "10 seconds", maxRetryAfter: "1 second" } as const
      const error = yield* Effect.flip(make(wrong))
      assert.instanceOf(error, InvalidOptions)
      assert.deepStrictEqual(error.problems.map(({ option }) => option), ["timeout", "maxRetryAfter"])
      const short = yield* Effect.flip(make({ maxRetryAfter: 10 }))
      assert.include(short.message, "maxRetryAfter must not be shorter than retryAfter")
    }))
})

it.effect("what is kept in memory and over makes room as new values come", () =>
  Effect.gen(function*() {
    const values: Memory.Values = new Map()
    const shared = Memory.make(yield* Clock.Clock, "local", values)
    for (let i = 0; i < 10_000; i++) {
      yield* i % 2 === 0
        ? shared.set(`key ${i}`, "x", 10)
        : shared.modify(`key ${i}`, () => ({ answer: i, keep: { value: "x", timeToLive: 10 } }))
      yield* TestClock.adjust(1)
      assert.isAtMost(values.size, 30)
    }
    yield* shared.set("lasting", "x", 1_000_000)
    yield* TestClock.adjust(1_000)
    for (let i = 0; i < 40; i++) yield* shared.set("one", "x", 10)
    assert.deepStrictEqual([...values.keys()].toSorted(), ["lasting", "one"])
  }))
