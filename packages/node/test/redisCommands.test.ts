import { assert, describe, it } from "@effect/vitest"
import * as Stores from "@switchboard/core/Stores"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import { RedisError } from "effect/persistence/Redis"
import * as TestClock from "effect/testing/TestClock"
import { SimpleError, SocketClosedUnexpectedlyError } from "redis"
import * as Commands from "../src/internal/redis/commands.ts"
import { NotConnected, reasonOf, refusalOf } from "../src/internal/redis/reason.ts"

/** A Redis that answers as it is told, or fails with an error it is told; what it was sent, and what was logged. */
const make = (answer: (command: string, nth: number) => unknown) => {
  const sent: Array<ReadonlyArray<string>> = []
  const logged: Array<unknown> = []
  const send: Commands.Send = (command, ...args) =>
    Effect.suspend(() => {
      sent.push(args)
      const answered = answer(command, sent.length)
      return answered instanceof Error ? Effect.fail(answered) : Effect.delay(Effect.succeed(answered), roundTrip)
    })
  const logger = Logger.layer([Logger.make(({ message }) => void logged.push(String(message)))])
  return Effect.gen(function*() {
    const guard = yield* Stores.guard("local", { store: "redis", timeout: 250 })
    const shared = yield* Commands.make(send, { prefix: "p:", whenUnavailable: "local", guard, patience: 2_500 })
    return { shared, sent, logged, logger }
  }).pipe(Effect.provide(logger))
}
const roundTrip = 1
const keep = (value: string, timeToLive: number) => () => ({ answer: value, keep: { value, timeToLive } })
/** Its exit, with time enough. */
const ended = <A, E, R>(self: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(self, { startImmediately: true })
    yield* TestClock.adjust("1 second")
    return yield* Fiber.join(fiber)
  })

describe("a change", () => {
  it.effect("is asked again with what is there when another came first, and swapped for that", () =>
    Effect.gen(function*() {
      const answers = [["1", "1700000000", "250"], ["2", "1700000000", "250"], "OK"]
      const { sent, shared } = yield* make((_, nth) => answers[nth - 1])
      const seen: Array<unknown> = []
      yield* ended(shared.modify("a", (kept, now) => {
        seen.push([kept, now])
        return { answer: 0, keep: { value: `${kept}!`, timeToLive: 0.2 } }
      }))
      assert.deepStrictEqual(seen, [["1", 1_700_000_000_000.25], ["2", 1_700_000_000_000.25]])
      assert.deepStrictEqual(sent.map((args) => args.slice(1)), [
        ["1", "p:a"],
        ["1", "p:a", "=1", "1!", "1"],
        ["1", "p:a", "=2", "2!", "1"]
      ])
    }))

  it.effect("before which others come for longer than one answer may take is made all the same", () =>
    Effect.gen(function*() {
      const { sent, shared } = yield* make((_, nth) => nth === 200 ? "OK" : [null, "1", "0"])
      const began = yield* Clock.currentTimeMillis
      const fiber = yield* Effect.forkChild(shared.modify("a", keep("x", 1)), { startImmediately: true })
      while (fiber.pollUnsafe() === undefined) yield* TestClock.adjust(1)
      assert.strictEqual(yield* Fiber.join(fiber), "x")
      assert.strictEqual(sent.length, 200)
      assert.isAbove((yield* Clock.currentTimeMillis) - began, 500)
    }))

  it.effect("before which others come each time fails, and Redis is not given up for it", () =>
    Effect.gen(function*() {
      const { logged, logger, sent, shared } = yield* make((command) => command === "GET" ? "1" : [null, "1", "0"])
      const fiber = yield* Effect.forkChild(Effect.provide(Effect.flip(shared.modify("a", keep("x", 1))), logger), {
        startImmediately: true
      })
      yield* TestClock.adjust(2_499)
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust(1)
      assert.strictEqual((yield* Fiber.join(fiber)).cause, "others came first each time")
      assert.strictEqual(yield* ended(shared.get("b")), "1")
      assert.deepStrictEqual(logged, [])
      const before = sent.length
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(sent.length, before)
    }))

  it.effect("fails where the answer is none of Redis", () =>
    Effect.gen(function*() {
      for (const answer of [undefined, null, "OK", [], [null, "x", "0"], {}]) {
        const { shared } = yield* make(() => answer)
        const error = yield* ended(Effect.flip(shared.modify("a", keep("x", 1))))
        assert.strictEqual(error.cause, "not an answer of Redis")
      }
    }))
})

describe("what Redis answers with an error", () => {
  it.effect("fails that operation and no other, and is said once a minute for each code", () =>
    Effect.gen(function*() {
      const { logged, logger, shared } = yield* make((command) =>
        command === "GET" ? "1" : new RedisError({ cause: new SimpleError("WRONGTYPE Operation against a CANARY") })
      )
      const fails = ended(Effect.provide(Effect.flip(shared.modify("bad", keep("x", 1))), logger))
      for (let i = 0; i < 4; i++) {
        const { cause, retryAfter } = yield* fails
        assert.deepStrictEqual([cause, retryAfter], ["WRONGTYPE", 1_000])
        assert.strictEqual(yield* ended(shared.get("good")), "1")
      }
      assert.deepStrictEqual(logged, ["the store redis refused an operation (WRONGTYPE)"])
      yield* TestClock.adjust("1 minute")
      yield* fails
      assert.strictEqual(logged.length, 2)
    }))

  it.effect("gives Redis up where it says that it does nothing at all", () =>
    Effect.gen(function*() {
      for (const code of ["LOADING", "MASTERDOWN", "CLUSTERDOWN", "NOAUTH", "WRONGPASS", "BUSY", "DENIED"]) {
        const { logged, logger, sent, shared } = yield* make(() => new SimpleError(`${code} and so on`))
        const operation = Effect.provide(Effect.flip(shared.get("a")), logger)
        assert.strictEqual((yield* operation).cause, code)
        assert.isUndefined((yield* operation).cause)
        assert.strictEqual(sent.length, 1)
        assert.deepStrictEqual(logged, [`the store redis cannot be reached (${code}); each process goes on by itself`])
      }
    }))

  it("is told from what says nothing of the command", () => {
    const answers = [
      "WRONGTYPE x",
      "ERR x",
      "READONLY x",
      "OOM x",
      "NOPERM x",
      "MISCONF x",
      "NOREPLICAS x",
      "MOVED 1 a"
    ]
    assert.deepStrictEqual(
      answers.map((text) => refusalOf(new RedisError({ cause: new SimpleError(text) }))),
      answers.map((text) => text.split(" ")[0])
    )
    const others = [
      Object.assign(new Error("CANARY"), { code: "ECONNREFUSED" }),
      new SocketClosedUnexpectedlyError(),
      new RedisError({ cause: new SocketClosedUnexpectedlyError() }),
      new NotConnected({ cause: new SimpleError("ERR max number of clients reached") }),
      "ERR",
      undefined
    ]
    assert.deepStrictEqual(others.map(refusalOf), others.map(() => undefined))
  })
})

it.effect("a time is told to Redis in whole milliseconds that it can count", () =>
  Effect.gen(function*() {
    const { sent, shared } = yield* make(() => "OK")
    for (const timeToLive of [0.1, 1, 1.5, 1e300, Infinity]) yield* ended(shared.set("a", "x", timeToLive))
    assert.deepStrictEqual(sent.map((args) => args.at(-1)), ["1", "1", "2", "9007199254740991", "9007199254740991"])
  }))

it("what is told of an error is its code or its name, never its message", () => {
  const coded = Object.assign(new Error("connect redis://:CANARY@host"), { code: "ECONNREFUSED" })
  const wrapped = new RedisError({ cause: coded })
  class SocketClosedError extends Error {}
  assert.deepStrictEqual(
    [
      coded,
      wrapped,
      new RedisError({ cause: new SimpleError("WRONGTYPE CANARY") }),
      new RedisError({ cause: "CANARY" }),
      new NotConnected({ cause: coded }),
      new Error("WRONGPASS invalid CANARY"),
      new Error("ERR unknown command 'EVAL', with args beginning with: 'CANARY'"),
      new SocketClosedError("to CANARY"),
      Object.assign(new Error("to CANARY"), { code: "redis://CANARY" }),
      new Error("CANARY-2"),
      "CANARY",
      undefined
    ].map(reasonOf),
    [
      "ECONNREFUSED",
      "ECONNREFUSED",
      "WRONGTYPE",
      "unknown",
      "ECONNREFUSED",
      "WRONGPASS",
      "ERR",
      "SocketClosedError",
      "Error",
      "Error",
      "unknown",
      "unknown"
    ]
  )
})
