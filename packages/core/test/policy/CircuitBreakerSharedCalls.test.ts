import { assert, describe } from "@effect/vitest"
import * as Answer from "@switchboard/testing/Answer"
import * as TestTransport from "@switchboard/testing/TestTransport"
import { Effect, Exit, Fiber, Layer, Redacted } from "effect"
import * as Stores from "../../src/Stores.ts"
import { charge, Payments } from "../payments.ts"
import { adjust, test } from "./fixtures.ts"
import { makeStore } from "./sharedCircuits.ts"

const settings = {
  token: Redacted.make("sk_1"),
  retry: false,
  attemptTimeout: "5 seconds",
  totalTimeout: "8 seconds",
  breaker: { failureThreshold: 2, resetTimeout: "10 seconds" }
} as const

/** A program with the integration, over a remote of its own, that shares its state. */
const makeProgram = (shared: Stores.Shared) =>
  Effect.gen(function*() {
    const context = yield* Layer.build(
      Payments.layer(settings).pipe(
        Layer.provideMerge(TestTransport.layer(Answer.status(500))),
        Layer.provide(Layer.sync(Stores.Stores, () => Stores.fromShared(shared)))
      )
    )
    const inside = Effect.provide(context)
    const get = inside(Effect.flatMap(Payments, (payments) => payments.charges.get({ params: { id: "ch_1" } })))
    return {
      get,
      tag: Effect.map(Effect.flip(get), (error) => error.reason._tag),
      becomes: (script: TestTransport.Script) =>
        inside(Effect.flatMap(TestTransport.TestTransport, (wire) => wire.use(script))),
      sent: inside(
        Effect.flatMap(TestTransport.TestTransport, (wire) => Effect.map(wire.requests, ({ length }) => length))
      )
    }
  })

describe("CircuitBreaker, shared, in the pipeline", () => {
  test("R12: one program opens the circuit of both, and of all their calls one is the probe", () =>
    Effect.gen(function*() {
      const { control, shared } = yield* makeStore()
      const [a, b] = [yield* makeProgram(shared), yield* makeProgram(shared)]
      assert.deepStrictEqual([yield* b.tag, yield* b.tag, yield* b.tag], [
        "UnexpectedStatus",
        "UnexpectedStatus",
        "CircuitOpen"
      ])
      yield* adjust("10 seconds")
      control.latency = 5
      for (const program of [a, b]) yield* program.becomes(Answer.delay("1 second", Answer.json(200, charge)))
      const calls = yield* Effect.forEach([a, b], ({ get }) =>
        Effect.forkChild(
          Effect.all(Array.from({ length: 40 }, () => Effect.exit(get)), { concurrency: "unbounded" }),
          { startImmediately: true }
        ))
      yield* adjust("3 seconds")
      const exits = (yield* Effect.forEach(calls, Fiber.join)).flat()
      assert.strictEqual((yield* a.sent) + (yield* b.sent), 2 + 1)
      assert.strictEqual(exits.filter(Exit.isSuccess).length, 1)
      const after = yield* Effect.forkChild(a.get)
      yield* adjust("2 seconds")
      assert.deepStrictEqual(yield* Fiber.join(after), charge)
    }))

  test("Q1: a call that waits for the store ends with its deadline, and its probe is given back", () =>
    Effect.gen(function*() {
      const { control, shared } = yield* makeStore()
      const [a, b] = [yield* makeProgram(shared), yield* makeProgram(shared)]
      yield* Effect.exit(a.get)
      yield* Effect.exit(a.get)
      yield* adjust("10 seconds")
      control.latency = 20_000
      const call = yield* Effect.forkChild(a.tag, { startImmediately: true })
      yield* adjust("8 seconds")
      assert.strictEqual(yield* Fiber.join(call), "DeadlineExceeded")
      yield* adjust("1 minute")
      control.latency = 0
      yield* b.becomes(Answer.json(200, charge))
      assert.deepStrictEqual(yield* b.get, charge)
    }))
})
