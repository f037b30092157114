import { assert, describe, it } from "@effect/vitest"
import * as Events from "@switchboard/core/Events"
import * as Fallback from "@switchboard/core/Fallback"
import * as Stores from "@switchboard/core/Stores"
import * as Answer from "@switchboard/testing/Answer"
import * as TestTransport from "@switchboard/testing/TestTransport"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { charge, layer, Payments, token } from "./payments.ts"
import { NotFound, remote, shop } from "./shop.ts"

const ok = Answer.json(200, charge)
const declined = Answer.json(402, { error: { code: "no_funds" } })
const busy = Answer.status(503, { "retry-after": "1" })
const get = Effect.flatMap(Payments, (payments) => payments.charges.get({ params: { id: "ch_1" } }))
const create = Effect.flatMap(Payments, (payments) => payments.charges.create({ payload: { amount: 250 } }))
const wire = TestTransport.TestTransport

type Event = Events.IntegrationEvent
type Settings = Parameters<typeof layer>[1]

/** Runs an effect under an integration, and gives what a listener was told. */
const told = <A, E>(
  script: TestTransport.Script,
  self: Effect.Effect<A, E, Payments | TestTransport.TestTransport>,
  settings: Settings = {}
) =>
  Effect.gen(function*() {
    const events: Array<Event> = []
    const listener = Events.layerListener((event) => void events.push(event))
    yield* Effect.provide(self, layer(script, settings).pipe(Layer.provide(listener)))
    return events
  })

const elapsed = <A, E, R>(self: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(Effect.exit(self))
    yield* TestClock.adjust("1 minute")
    return yield* Fiber.join(fiber)
  })

const without = (event: Event, ...names: ReadonlyArray<string>) =>
  Object.fromEntries(Object.entries(event).filter(([name]) => !names.includes(name)))

describe("the events of a call", () => {
  it.effect("that is answered at once: its attempt, then the call", () =>
    Effect.gen(function*() {
      const events = yield* told(Answer.delay("2 seconds", ok), elapsed(get))
      const about = { integration: "test/Payments", operation: "charges.get", at: 2000 }
      assert.deepStrictEqual(events.map((event) => without(event, "requestId")), [
        { _tag: "AttemptEnded", ...about, attempt: 1, duration: 2000, waited: 0, started: true, status: 200 },
        { _tag: "CallAnswered", ...about, attempts: 1, duration: 2000, outcome: "success" }
      ])
    }))

  it.effect("that is retried: each attempt, the retry it leads to, at last the call; all with one request id", () =>
    Effect.gen(function*() {
      const events = yield* told([busy, Answer.reset, ok], elapsed(get))
      assert.deepStrictEqual(
        events.map((event) => [event._tag, "attempt" in event ? event.attempt : 0, "reason" in event && event.reason]),
        [
          ["AttemptEnded", 1, "UnexpectedStatus"],
          ["RetryScheduled", 1, "UnexpectedStatus"],
          ["AttemptEnded", 2, "Transport"],
          ["RetryScheduled", 2, "Transport"],
          ["AttemptEnded", 3, false],
          ["CallAnswered", 0, false]
        ]
      )
      const [, scheduled] = events
      assert.isAtLeast(scheduled?._tag === "RetryScheduled" ? scheduled.delay : 0, 1000)
      assert.strictEqual(new Set(events.map((event) => "requestId" in event && event.requestId)).size, 1)
    }))

  it.effect("that ends in a declared error: answered, and the outcome names the error", () =>
    Effect.gen(function*() {
      const events = yield* told(declined, elapsed(create))
      assert.deepInclude(events.at(-1), { _tag: "CallAnswered", outcome: "CardDeclined", attempts: 1 })
      assert.deepInclude(events[0], { _tag: "AttemptEnded", reason: "CardDeclined", status: 402 })
    }))

  it.effect("that fails: the tag of the reason and its message", () =>
    Effect.gen(function*() {
      const events = yield* told(busy, elapsed(get), { retry: { maxRetries: 1 } })
      const last = events.at(-1)
      assert.deepInclude(last, { _tag: "CallFailed", reason: "UnexpectedStatus", attempts: 2 })
      assert.include(last?._tag === "CallFailed" ? last.message : "", "unexpected status 503")
      const stopped = events.find(({ _tag }) => _tag === "RetryStopped")
      assert.deepInclude(stopped, { attempts: 2, why: "Exhausted" })
    }))

  it.effect("that is refused by one of our policies: its attempt did not start", () =>
    Effect.gen(function*() {
      const isolated = Effect.gen(function*() {
        yield* (yield* Payments.circuit)!.isolate
        yield* Effect.exit(get)
      })
      const events = yield* told(ok, isolated)
      assert.deepInclude(events[0], { _tag: "CircuitChanged", from: "Closed", to: "Isolated", cause: "Isolated" })
      assert.deepInclude(events[1], { _tag: "AttemptEnded", started: false, reason: "CircuitOpen" })
      assert.deepInclude(events[2], { _tag: "CallFailed", reason: "CircuitOpen" })
    }))

  it.effect("that cannot be made: failed, with no attempt", () =>
    Effect.gen(function*() {
      const wrong = Effect.flatMap(Payments, ({ charges }) => charges.create({ payload: { amount: 1.5 } }))
      const events = yield* told(ok, elapsed(wrong))
      assert.strictEqual(events.length, 1)
      assert.deepInclude(events[0], { _tag: "CallFailed", reason: "InvalidRequest", attempts: 0 })
    }))

  it.effect("that dies: failed with a defect, whose message is not repeated; buffered and streamed", () =>
    Effect.gen(function*() {
      const settings = {
        classify: () => {
          throw new Error("CANARY")
        }
      }
      const download = Effect.flatMap(Payments, ({ files }) => files.download({ params: { id: "f" } }))
      for (const call of [Effect.asVoid(get), Effect.asVoid(download)]) {
        const events = yield* told(ok, elapsed(call), settings)
        assert.deepStrictEqual(events.map(({ _tag }) => _tag), ["AttemptEnded", "CallFailed"])
        assert.deepInclude(events.at(-1), { _tag: "CallFailed", reason: "defect", duration: 0 })
        assert.notInclude(JSON.stringify(events), "CANARY")
      }
    }))

  it.effect("that is interrupted: CallInterrupted, once, and nothing after it", () =>
    Effect.gen(function*() {
      const events = yield* told(
        Answer.hang,
        Effect.gen(function*() {
          const fiber = yield* Effect.forkChild(get)
          yield* (yield* wire).received(1)
          yield* TestClock.adjust("3 seconds")
          yield* Fiber.interrupt(fiber)
        })
      )
      assert.deepStrictEqual(events.map(({ _tag }) => _tag), ["CallInterrupted"])
      assert.deepInclude(events[0], { attempts: 1, duration: 3000, operation: "charges.get" })
    }))

  it.effect("that is interrupted while it waits for its next attempt", () =>
    Effect.gen(function*() {
      const events = yield* told(
        Answer.status(503, { "retry-after": "20" }),
        Effect.gen(function*() {
          const fiber = yield* Effect.forkChild(get)
          yield* TestClock.adjust("3 seconds")
          yield* Fiber.interrupt(fiber)
        })
      )
      assert.deepStrictEqual(events.map(({ _tag }) => _tag), ["AttemptEnded", "RetryScheduled", "CallInterrupted"])
    }))
})

describe("every event", () => {
  const everything = Effect.gen(function*() {
    const settings = { breaker: { failureThreshold: 2, resetTimeout: "1 minute" }, retry: { maxRetries: 1 } } as const
    const events = yield* told(
      [ok, busy, busy, busy, Answer.hang],
      Effect.gen(function*() {
        yield* get
        yield* elapsed(get)
        yield* (yield* Payments.circuit)!.reset
        yield* (yield* wire).use(Answer.hang)
        const fiber = yield* Effect.forkChild(get)
        yield* Effect.yieldNow
        yield* Fiber.interrupt(fiber)
        yield* Payments.reload({ token })
        yield* Effect.flip(Payments.reload({ token, totalTimeout: 0 }))
      }),
      settings
    )
    yield* Effect.provide(
      Effect.gen(function*() {
        const dead = () => Effect.fail(new Stores.StoreUnavailable({ store: "redis", retryAfter: 0 }))
        const shared = { ...(yield* Stores.makeShared()), get: dead }
        yield* Effect.exit((yield* Stores.guarded(shared, { store: "redis" })).get("a"))
      }),
      Events.layerListener((event) => void events.push(event))
    )
    return [...events, ...(yield* hedgedAndFallenBack)]
  })

  /** A call that is hedged in vain, and whose fallback fails. */
  const hedgedAndFallenBack = Effect.gen(function*() {
    const seen: Array<Events.IntegrationEvent> = []
    const { menu: api } = yield* Effect.provideService(
      shop({
        id: "test/Payments",
        resilience: { hedge: { delay: 0 } },
        fallback: { menu: { list: Fallback.alternative(() => Effect.fail(new NotFound({ id: "x" }))) } }
      }),
      Events.CurrentListener,
      (event) => void seen.push(event)
    )
    yield* Effect.flip(api.list({ params: { shop: "berlin" } }))
    return seen
  }).pipe(Effect.scoped, Effect.provide(remote(busy)))

  it.effect("of the union happens", () =>
    Effect.gen(function*() {
      const tags = new Set((yield* everything).map(({ _tag }) => _tag))
      const known = Events.IntegrationEvent.members.map((member) => member.fields._tag.schema.literal)
      assert.deepStrictEqual(Array.from(tags).toSorted(), Array.from(known).toSorted())
    }))

  it.effect("is what its Schema says", () =>
    Effect.gen(function*() {
      const is = Schema.is(Events.IntegrationEvent)
      for (const event of yield* everything) {
        assert.isTrue(is(event), event._tag)
        assert.deepStrictEqual(yield* Schema.decodeUnknownEffect(Events.IntegrationEvent)(event), event)
      }
    }))

  it.effect("R22: has an envelope: event id, service name, event type, payload, timestamp, metadata", () =>
    Effect.gen(function*() {
      for (const event of yield* everything) {
        const envelope = Events.toEnvelope(event, "e-1")
        assert.deepStrictEqual(Object.keys(envelope).toSorted(), [
          "eventId",
          "eventType",
          "metadata",
          "payload",
          "serviceName",
          "timestamp"
        ])
        assert.strictEqual(envelope.eventId, "e-1")
        assert.strictEqual(envelope.serviceName, event._tag === "StoreChanged" ? "redis" : "test/Payments")
        assert.strictEqual(envelope.eventType, event._tag)
        assert.strictEqual(envelope.timestamp, new Date(event.at).toISOString())
        assert.deepStrictEqual<object>(envelope.payload, without(event, "_tag", "at", "integration", "store"))
        assert.deepStrictEqual(envelope.metadata, "requestId" in event ? { requestId: event.requestId } : {})
        assert.deepStrictEqual(JSON.parse(JSON.stringify(envelope)), envelope)
      }
    }))
})

const throws: Events.Listener = () => {
  throw new Error("broken")
}

describe("listeners", () => {
  const settings = { breaker: { failureThreshold: 1 }, retry: false } as const

  /** One call that succeeds and one that opens the circuit. */
  const calls = Effect.gen(function*() {
    assert.deepStrictEqual(yield* get, charge)
    const failed = yield* Effect.exit(get)
    const refused = yield* Effect.flip(get)
    assert.isTrue(Exit.isFailure(failed))
    assert.strictEqual(refused.reason._tag, "CircuitOpen")
  })

  it.effect("E8: one that throws breaks neither the call nor the circuit", () =>
    Effect.provide(calls, layer([ok, busy], settings).pipe(Layer.provide(Events.layerListener(throws)))))

  it.effect("E8: nor does one that is provided by hand", () =>
    Effect.provide(
      calls,
      layer([ok, busy], settings).pipe(Layer.provide(Layer.succeed(Events.CurrentListener, throws)))
    ))

  it.effect("E8: and those beside it are told all the same, the outer first", () =>
    Effect.gen(function*() {
      const told: Array<string> = []
      const listener = (name: string) => Events.layerListener((event) => void told.push(`${name} ${event._tag}`))
      yield* Effect.provide(
        get,
        layer(ok).pipe(
          Layer.provide(listener("inner")),
          Layer.provide(Events.layerListener(throws)),
          Layer.provide(listener("outer")),
          Layer.provide(Layer.succeed(Events.CurrentListener, throws))
        )
      )
      assert.deepStrictEqual(told, [
        "outer AttemptEnded",
        "inner AttemptEnded",
        "outer CallAnswered",
        "inner CallAnswered"
      ])
    }))

  it.effect("without one the calls are the same", () => Effect.provide(calls, layer([ok, busy], settings)))
})

const under = (capacity?: number) =>
  layer(ok).pipe(Layer.provideMerge(Events.layer(capacity === undefined ? {} : { capacity })))

describe("the stream", () => {
  it.effect("gives every subscriber what happens from its subscription on", () =>
    Effect.gen(function*() {
      const { stream } = yield* Events.Events
      yield* get
      const collect = () => Effect.forkChild(Stream.runCollect(Stream.take(stream, 2)), { startImmediately: true })
      const first = yield* collect()
      const second = yield* collect()
      yield* get
      const expected = ["AttemptEnded", "CallAnswered"]
      assert.deepStrictEqual((yield* Fiber.join(first)).map(({ _tag }) => _tag), expected)
      assert.deepStrictEqual((yield* Fiber.join(second)).map(({ _tag }) => _tag), expected)
    }).pipe(Effect.provide(under())))

  it.effect("drops the oldest for a slow subscriber, and no call waits for it", () =>
    Effect.gen(function*() {
      const { stream } = yield* Events.Events
      const asked = yield* Queue.unbounded<void>()
      const seen: Array<string> = []
      const slow = Stream.runForEach(stream, (event) =>
        Effect.andThen(
          Queue.take(asked),
          Effect.sync(() =>
            void seen.push("requestId" in event ? `${event._tag} ${event.requestId.split("-").at(-1)}` : "")
          )
        ))
      yield* Effect.forkChild(slow, { startImmediately: true })
      for (let i = 0; i < 50; i++) assert.deepStrictEqual(yield* get, charge)
      for (let i = 0; i < 100; i++) yield* Queue.offer(asked, undefined)
      yield* TestClock.adjust("1 second")
      assert.isAtMost(seen.length, 10)
      assert.strictEqual(seen.at(-1), `CallAnswered ${(50).toString(36)}`)
      assert.strictEqual(seen.at(-2), `AttemptEnded ${(50).toString(36)}`)
    }).pipe(Effect.provide(under(4))))

  it.effect("L4: ends with its scope", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.scoped(Effect.gen(function*() {
        const context = yield* Layer.build(Events.layer())
        const { stream } = yield* Effect.provideContext(Events.Events, context)
        return yield* Effect.forkDetach(Stream.runCollect(stream), { startImmediately: true })
      }))
      const exit = yield* Fiber.await(fiber)
      assert.isTrue(Exit.isSuccess(exit) || Exit.hasInterrupts(exit))
    }))
})
