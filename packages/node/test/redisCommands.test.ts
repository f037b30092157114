import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import * as Commands from "../src/internal/redis/commands.ts"
import { reasonOf } from "../src/internal/redis/reason.ts"

/** A Redis that answers as it is told, and what it was sent. */
const make = (answer: (command: string, nth: number) => unknown) => {
  const sent: Array<ReadonlyArray<string>> = []
  const send: Commands.Send = (command, ...args) =>
    Effect.sync(() => {
      sent.push(args)
      return answer(command, sent.length)
    })
  return Effect.map(Commands.make(send, "p:", "local"), (shared) => ({ shared, sent }))
}
const keep = (value: string, timeToLive: number) => () => ({ answer: value, keep: { value, timeToLive } })

describe("a change", () => {
  it.effect("is asked again with what is there when another came first, and swapped for that", () =>
    Effect.gen(function*() {
      const { sent, shared } = yield* make((
        _,
        nth
      ) => [["1", "2", "3"][nth - 1], "1700000000", "250", nth === 3 ? 1 : 0])
      const seen: Array<unknown> = []
      yield* shared.modify("a", (kept, now) => {
        seen.push([kept, now])
        return { answer: 0, keep: { value: `${kept}!`, timeToLive: 0.2 } }
      })
      assert.deepStrictEqual(seen, [["1", 1_700_000_000_000.25], ["2", 1_700_000_000_000.25]])
      assert.deepStrictEqual(sent.map((args) => args.slice(1)), [
        ["1", "p:a"],
        ["1", "p:a", "=1", "1!", "1"],
        ["1", "p:a", "=2", "2!", "1"]
      ])
    }))

  it.effect("ends where others come first each time", () =>
    Effect.gen(function*() {
      const { sent, shared } = yield* make(() => [null, "1", "0", 0])
      const fiber = yield* Effect.forkChild(Effect.flip(shared.modify("a", keep("x", 1))), { startImmediately: true })
      assert.isBelow(sent.length, 10)
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual((yield* Fiber.join(fiber)).cause, "others came first each time")
      assert.strictEqual(sent.length, 101)
    }))

  it.effect("fails where the answer is none of Redis", () =>
    Effect.gen(function*() {
      for (const answer of [undefined, null, "OK", [], [null, "x", "0", 0], {}]) {
        const { shared } = yield* make(() => answer)
        assert.strictEqual((yield* Effect.flip(shared.modify("a", keep("x", 1)))).cause, "not an answer of Redis")
      }
    }))
})

it.effect("a time is told to Redis in whole milliseconds that it can count", () =>
  Effect.gen(function*() {
    const { sent, shared } = yield* make(() => "OK")
    for (const timeToLive of [0.1, 1, 1.5, 1e300, Infinity]) yield* shared.set("a", "x", timeToLive)
    assert.deepStrictEqual(sent.map((args) => args.at(-1)), ["1", "1", "2", "9007199254740991", "9007199254740991"])
  }))

it("what is told of an error is its code or its name, never its message", () => {
  const coded = Object.assign(new Error("connect redis://:CANARY@host"), { code: "ECONNREFUSED" })
  const wrapped = Object.assign(new Error("CANARY", { cause: coded }), { name: "RedisError" })
  class SocketClosedError extends Error {}
  assert.deepStrictEqual(
    [
      coded,
      wrapped,
      new Error("WRONGPASS invalid CANARY"),
      new Error("ERR unknown command 'EVAL', with args beginning with: 'CANARY'"),
      new SocketClosedError("to CANARY"),
      Object.assign(new Error("to CANARY"), { code: "redis://CANARY" }),
      new Error("CANARY-2"),
      "CANARY",
      undefined
    ].map(reasonOf),
    ["ECONNREFUSED", "ECONNREFUSED", "WRONGPASS", "ERR", "SocketClosedError", "Error", "Error", "unknown", "unknown"]
  )
})
