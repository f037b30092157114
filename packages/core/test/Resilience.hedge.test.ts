/** Hedging at its place in the pipeline. */
import { assert, describe, it } from "@effect/vitest"
import * as Events from "@switchboard/core/Events"
import * as Resilience from "@switchboard/core/Resilience"
import * as Answer from "@switchboard/testing/Answer"
import * as TestTransport from "@switchboard/testing/TestTransport"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { menu, remote, requests, sent, shop } from "./shop.ts"

const ok = Answer.json(200, menu)
const hedge = { delay: "100 millis" } as const
const list = { params: { shop: "berlin" } }
const wire = TestTransport.TestTransport

const after = <A, E, R>(self: Effect.Effect<A, E, R>, time: number) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(self)
    yield* TestClock.adjust(time)
    return yield* Fiber.await(fiber)
  })

describe("a hedged call", () => {
  it.effect("M1: that is answered in time sends one request", () =>
    Effect.gen(function*() {
      const { menu: api } = yield* shop({ resilience: { hedge } })
      assert.deepStrictEqual(yield* after(api.list(list), 99), Exit.succeed(menu))
      assert.strictEqual(yield* sent, 1)
    }).pipe(Effect.provide(remote(Answer.delay("99 millis", ok)))))

  it.effect("M2: takes the first answer, and gives up the request that lost before it ends", () =>
    Effect.gen(function*() {
      const { menu: api } = yield* shop({ resilience: { hedge } })
      assert.deepStrictEqual(yield* after(api.list(list), 100), Exit.succeed(menu))
      assert.deepStrictEqual((yield* requests).map(({ attempt }) => attempt), [1, 2])
      assert.strictEqual(yield* (yield* wire).cancelled, 1)
      assert.strictEqual(yield* (yield* wire).inFlight, 0)
    }).pipe(Effect.provide(remote([Answer.hang, ok]))))

  it.effect("M6: has one request id, and numbers its attempts", () =>
    Effect.gen(function*() {
      const { menu: api } = yield* shop({ resilience: { hedge } })
      yield* after(api.list(list), 100)
      const [first, second] = yield* requests
      assert.strictEqual(first?.headers["x-request-id"], second?.headers["x-request-id"])
      assert.strictEqual(second?.headers["x-retry-attempt"], "1")
    }).pipe(Effect.provide(remote([Answer.hang, ok]))))

  it.effect("M3: whose attempts all fail ends as the first did, and is not retried", () =>
    Effect.gen(function*() {
      const { menu: api } = yield* shop({ resilience: { hedge } })
      const error = yield* Effect.flip(api.list(list))
      assert.deepInclude(error, { _tag: "IntegrationError", attempts: 2 })
      assert.propertyVal(error._tag === "IntegrationError" && error.reason, "status", 502)
      assert.strictEqual(yield* sent, 2)
    }).pipe(Effect.provide(remote([Answer.status(502), Answer.status(500), ok]))))

  it.effect("M7: that is interrupted gives up all its requests, and begins none", () =>
    Effect.gen(function*() {
      const { menu: api } = yield* shop({ resilience: { hedge: { delay: "100 millis", maxHedges: 2 } } })
      const fiber = yield* Effect.forkChild(api.list(list))
      yield* TestClock.adjust("150 millis")
      yield* Fiber.interrupt(fiber)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* sent, 2)
      assert.strictEqual(yield* (yield* wire).cancelled, 2)
    }).pipe(Effect.provide(remote(Answer.hang))))

  it.effect("J5, M8: pays from the budget of retries, and sends one request where that is empty", () =>
    Effect.gen(function*() {
      const { menu: api } = yield* shop({ resilience: { retry: { budget: { ratio: 0, minPerSecond: 0 } } } }, { hedge })
      assert.isTrue(Exit.isFailure(yield* after(api.list(list), 10_000)))
      assert.strictEqual(yield* sent, 1)
    }).pipe(Effect.provide(remote(Answer.hang))))

  it.effect("ends with the total timeout, and gives up all requests", () =>
    Effect.gen(function*() {
      const { menu: api } = yield* shop({ resilience: { hedge, totalTimeout: "1 second" } })
      const exit = yield* after(api.list(list), 1000)
      assert.include(String(exit), "deadline exceeded after 1s")
      assert.strictEqual(yield* (yield* wire).inFlight, 0)
    }).pipe(Effect.provide(remote(Answer.hang))))

  it.effect("is told of", () => {
    const seen: Array<Events.IntegrationEvent> = []
    return Effect.gen(function*() {
      const { menu: api } = yield* shop({ resilience: { hedge } })
      yield* after(api.list(list), 100)
      assert.deepStrictEqual(
        seen.map((event) => "attempt" in event ? `${event._tag} ${event.attempt}` : event._tag),
        ["HedgeStarted 2", "AttemptEnded 2", "CallAnswered"]
      )
    }).pipe(
      Effect.provideService(Events.CurrentListener, (event) => void seen.push(event)),
      Effect.provide(remote([Answer.hang, ok]))
    )
  })
})

describe("what may not be sent twice", () => {
  const place = { payload: { item: "flat white" } }

  it.effect("M10: is never hedged", () =>
    Effect.gen(function*() {
      const { orders } = yield* shop({ resilience: { hedge } })
      assert.isTrue(Exit.isFailure(yield* after(orders.place(place), 30_000)))
      assert.strictEqual(yield* sent, 1)
    }).pipe(Effect.provide(remote(Answer.hang))))

  it.effect("is retried as without hedging, where nothing was sent", () =>
    Effect.gen(function*() {
      for (const [own, at] of [[{ hedge }, {}], [{}, { hedge }]] as const) {
        const exit = yield* Effect.gen(function*() {
          const { orders } = yield* shop({ resilience: { ...own, breaker: false } })
          return [yield* after(orders.place(place).pipe(Resilience.withOptions(at)), 60_000), yield* sent] as const
        }).pipe(Effect.provide(remote([Answer.refused, Answer.refused, Answer.json(200, { id: "o" })])))
        assert.deepStrictEqual(exit, [Exit.succeed({ id: "o" }), 3])
      }
    }))

  it.effect("is hedged with a key, and then not retried", () =>
    Effect.gen(function*() {
      const { orders } = yield* shop({ resilience: { hedge } })
      yield* after(orders.place(place).pipe(Resilience.withIdempotencyKey("order-1")), 30_000)
      assert.strictEqual(yield* sent, 2)
    }).pipe(Effect.provide(remote(Answer.status(503)))))

  it.effect("is retried as without hedging, where nothing was sent", () =>
    Effect.gen(function*() {
      const { orders } = yield* shop({ resilience: { hedge } })
      assert.deepStrictEqual(yield* after(orders.place(place), 1000), Exit.succeed({ id: "o" }))
      assert.strictEqual(yield* sent, 2)
    }).pipe(Effect.provide(remote([Answer.refused, Answer.json(200, { id: "o" })]))))

  it.effect("is hedged with a key, which is the same on every attempt", () =>
    Effect.gen(function*() {
      const { orders } = yield* shop({ resilience: { hedge } })
      yield* after(orders.place(place).pipe(Resilience.withIdempotencyKey("order-1")), 100)
      assert.deepStrictEqual(
        (yield* requests).map(({ headers }) => headers["idempotency-key"]),
        ["order-1", "order-1"]
      )
    }).pipe(Effect.provide(remote([Answer.hang, Answer.json(200, { id: "o" })]))))
})

describe("hedging or retrying", () => {
  const tries = (resilience: Resilience.Options, settings: Resilience.Options = {}) =>
    Effect.gen(function*() {
      const { menu: api } = yield* shop({ resilience }, settings)
      yield* after(Effect.exit(api.list(list)), 30_000)
      return yield* sent
    }).pipe(Effect.provide(remote(Answer.status(503))))

  it.effect("the narrower scope decides", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* tries({ retry: { maxRetries: 3 } }, { hedge }), 2)
      assert.strictEqual(yield* tries({ hedge }, { retry: { maxRetries: 3 } }), 4)
      assert.strictEqual(yield* tries({ hedge }, { retry: { budget: { ratio: 1 } } }), 2)
      const merged = Resilience.merge<Resilience.Options>({ retry: { maxRetries: 3 } }, { hedge })
      assert.strictEqual(yield* tries({}, merged), 2)
      assert.strictEqual(yield* tries(merged, { hedge: false }), 4)
    }))

  it.effect("not both in one place", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(shop({ resilience: { hedge, retry: { maxRetries: 1 } } }))
      assert.include(error.message, "hedge must not stand beside retry")
    }).pipe(Effect.scoped, Effect.provide(remote(ok))))
})
