/** Settings that change while an integration runs. */
import { assert, describe, it } from "@effect/vitest"
import * as Definition from "@switchboard/core/Definition"
import * as Events from "@switchboard/core/Events"
import * as Stores from "@switchboard/core/Stores"
import * as Answer from "@switchboard/testing/Answer"
import * as TestTransport from "@switchboard/testing/TestTransport"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { charge, layer, Payments, token } from "./payments.ts"

const ok = Answer.json(200, charge)
const get = Effect.flatMap(Payments, (payments) => payments.charges.get({ params: { id: "ch_1" } }))
const wire = TestTransport.TestTransport
const open = Effect.flatMap(wire, (wire) => Effect.map(wire.pools, (pools) => pools.map(({ isOpen }) => isOpen)))
const sent = Effect.flatMap(wire, (wire) => wire.requests)
/** One a second. */
const twoBytes = Stream.make(new Uint8Array([1]), new Uint8Array([2])).pipe(
  Stream.tap(() => Effect.sleep("1 second"))
)
const begin = <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.forkChild(self, { startImmediately: true })

describe("a reload", () => {
  it.effect("R1: calls in flight end on the old settings, new ones use the new, and the old end after the last call", () =>
    Effect.gen(function*() {
      const old = yield* begin(get)
      yield* Payments.reload({ token: Redacted.make("sk_new"), baseUrl: "https://new.example" })
      assert.deepStrictEqual(yield* open, [true, true])
      const fresh = yield* begin(get)
      assert.deepStrictEqual(
        (yield* sent).map(({ headers, url }) => [url, headers["authorization"]]),
        [
          ["https://payments.example/v1/charges/ch_1", "Bearer sk_test_canary"],
          ["https://new.example/charges/ch_1", "Bearer sk_new"]
        ]
      )
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* Fiber.join(old), charge)
      assert.deepStrictEqual(yield* Fiber.join(fresh), charge)
      assert.deepStrictEqual(yield* open, [false, true])
    }).pipe(Effect.provide(layer(Answer.delay("1 second", ok)))))

  it.effect("holds for effects that were made before it, and run after it", () =>
    Effect.gen(function*() {
      const { charges } = yield* Payments
      const prepared = charges.get({ params: { id: "ch_1" } })
      yield* Payments.reload({ token, baseUrl: "https://new.example" })
      yield* prepared
      assert.strictEqual((yield* sent)[0]?.origin, "https://new.example")
    }).pipe(Effect.provide(layer(ok))))

  it.effect("R2: one that cannot work keeps the last good settings and says so; a later one works", () => {
    const told: Array<unknown> = []
    return Effect.gen(function*() {
      const error = yield* Effect.flip(Payments.reload({ token, totalTimeout: "0 seconds", retry: { maxRetries: -1 } }))
      assert.include(error.message, "test/Payments: invalid options: totalTimeout must be positive and finite")
      assert.deepStrictEqual(yield* get, charge)
      assert.strictEqual((yield* sent)[0]?.origin, "https://payments.example")
      assert.deepStrictEqual(yield* open, [true])
      yield* Payments.reload({ token, baseUrl: "https://new.example" })
      yield* get
      assert.strictEqual((yield* sent)[1]?.origin, "https://new.example")
      assert.deepStrictEqual(told, [
        { _tag: "SettingsRefused", options: ["totalTimeout", "retry.maxRetries"] },
        { _tag: "SettingsChanged", options: undefined }
      ])
    }).pipe(Effect.provide(
      layer(ok).pipe(Layer.provide(Events.layerListener((event) => {
        if (event._tag !== "SettingsChanged" && event._tag !== "SettingsRefused") return
        const options = "problems" in event ? event.problems.map(({ option }) => option) : undefined
        told.push({ _tag: event._tag, options })
      })))
    ))
  })

  it.effect("R3: what is known of the circuit stays", () =>
    Effect.gen(function*() {
      for (let i = 0; i < 4; i++) yield* Effect.flip(get)
      yield* Payments.reload({ token, retry: false, totalTimeout: "5 seconds" })
      yield* Effect.flip(get)
      assert.strictEqual((yield* (yield* Payments.circuit)!.state)._tag, "Open")
      yield* Payments.reload({ token, retry: false })
      const refused = yield* Effect.flip(get)
      assert.strictEqual(refused.reason._tag, "CircuitOpen")
      assert.strictEqual((yield* sent).length, 5)
    }).pipe(Effect.provide(layer(Answer.status(503), { retry: false }))))

  it.effect("R3: permits that are taken stay taken", () =>
    Effect.gen(function*() {
      const first = yield* begin(get)
      yield* Payments.reload({ token, bulkhead: { maxConcurrent: 1, maxQueue: 0 }, retry: false })
      const refused = yield* Effect.flip(get)
      assert.strictEqual(refused.reason._tag, "BulkheadFull")
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(first)
    }).pipe(Effect.provide(layer(Answer.delay("1 second", ok), { bulkhead: { maxConcurrent: 1, maxQueue: 0 } }))))

  it.effect("R5: waits for calls in flight where asked to, and leaves them interruptible", () =>
    Effect.gen(function*() {
      const call = yield* begin(get)
      const waiting = yield* begin(Payments.reload({ token }, { awaitInFlight: true }))
      yield* TestClock.adjust("1 second")
      assert.isUndefined(waiting.pollUnsafe())
      yield* Fiber.interrupt(call)
      yield* TestClock.adjust(0)
      assert.isTrue(Exit.isSuccess(yield* Fiber.await(waiting)))
      assert.deepStrictEqual(yield* open, [false, true])
    }).pipe(Effect.provide(layer(Answer.hang))))

  it.effect("R5: an interrupted wait has reloaded all the same", () =>
    Effect.gen(function*() {
      yield* begin(get)
      const waiting = yield* begin(Payments.reload({ token, baseUrl: "https://new.example" }, { awaitInFlight: true }))
      yield* Fiber.interrupt(waiting)
      yield* begin(get)
      assert.strictEqual((yield* sent)[1]?.origin, "https://new.example")
    }).pipe(Effect.provide(layer(Answer.hang))))

  it.effect("a stream that is being read keeps its connection", () =>
    Effect.gen(function*() {
      const payments = yield* Payments
      const download = Stream.unwrap(payments.files.download({ params: { id: "f1" } }))
      const reading = yield* begin(Stream.runCollect(download))
      yield* TestClock.adjust("1 second")
      yield* Payments.reload({ token })
      assert.deepStrictEqual(yield* open, [true, true])
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual((yield* Fiber.join(reading)).length, 2)
      assert.deepStrictEqual(yield* open, [false, true])
    }).pipe(Effect.provide(layer(Answer.stream(200, twoBytes, { "content-type": "application/octet-stream" })))))

  it.effect("L4: the layer ends with all of it", () =>
    Effect.gen(function*() {
      const pools = yield* Effect.scoped(
        Effect.gen(function*() {
          yield* begin(get)
          yield* Payments.reload({ token })
          assert.deepStrictEqual(yield* open, [true, true])
          return (yield* wire).pools
        }).pipe(Effect.provide(layer(Answer.hang)))
      )
      assert.deepStrictEqual((yield* pools).map(({ isOpen }) => isOpen), [false, false])
    }))

  describe("of a layer that was built from a definition", () => {
    const definition = (settings: object) =>
      Definition.decode({
        name: "coffee",
        baseUrl: "https://one.example",
        authentication: { scheme: "apiKey", in: "header", name: "x-key", apiKey: "key_1" },
        ...settings
      })
    const reloaded = <E>(reload: Effect.Effect<void, E, Payments>) =>
      Effect.gen(function*() {
        yield* get
        yield* reload
        yield* get
        const requests = yield* sent
        return requests.slice(1).map(({ headers, origin }) => [
          origin,
          headers["user-agent"],
          headers["x-key"] ?? headers["authorization"]
        ])
      }).pipe(Effect.provide(
        Layer.unwrap(Effect.map(definition({}), Payments.layerDefinition)).pipe(
          Layer.provideMerge(TestTransport.layer(ok)),
          Layer.provide(Stores.layerMemory)
        )
      ))

    it.effect("R1: takes another definition, with another name and scheme", () =>
      Effect.gen(function*() {
        const next = yield* definition({
          name: "tea",
          version: "2",
          baseUrl: "https://two.example",
          authentication: { scheme: "bearer", token: "key_2" }
        })
        assert.deepStrictEqual(
          yield* reloaded(Payments.reloadDefinition(next)),
          [["https://two.example", "tea/2", "Bearer key_2"]]
        )
      }))

    it.effect("R1: takes settings as the class has them, and is then what the class says", () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(
          yield* reloaded(Payments.reload({ token })),
          [["https://payments.example", "Payments", "Bearer sk_test_canary"]]
        )
      }))

    it.effect("R2: keeps the last good one where the new one cannot work", () =>
      Effect.gen(function*() {
        const wrong = { ...(yield* definition({})), retry: { maxRetries: -1 } }
        const refused = Effect.flip(Payments.reloadDefinition(wrong)).pipe(
          Effect.map(({ message }) => assert.include(message, "test/Payments: invalid options: retry.maxRetries"))
        )
        assert.deepStrictEqual(yield* reloaded(refused), [["https://one.example", "coffee", "key_1"]])
      }))
  })

  it.effect("R2: of a layer that is closed is refused", () => {
    const told: Array<string> = []
    const changes = Events.layerListener(({ _tag }) => {
      if (_tag.startsWith("Settings")) told.push(_tag)
    })
    return Effect.gen(function*() {
      const [payments, pools] = yield* Effect.scoped(
        Effect.map(Layer.build(Layer.provide(layer(ok), changes)), (context) =>
          [
            Context.get(context, Payments),
            Context.get(context, wire).pools
          ] as const)
      )
      const error = yield* Effect.flip(Effect.provideService(Payments.reload({ token }), Payments, payments))
      assert.strictEqual(error.message, "test/Payments: invalid options: the layer is closed")
      assert.strictEqual((yield* pools).length, 1)
      assert.deepStrictEqual(told, ["SettingsRefused"])
    })
  })

  it.effect("of a test layer does nothing", () =>
    Effect.gen(function*() {
      yield* Payments.reload({ token })
    }).pipe(Effect.provide(Payments.layerTest({}))))

  it.effect("from configuration reads what is there now", () => {
    const env: Record<string, string> = { PAYMENTS_TOKEN: "t" }
    const provider = ConfigProvider.layer(ConfigProvider.fromEnvRecord(env))
    return Effect.gen(function*() {
      env["PAYMENTS_BASE_URL"] = "https://new.example"
      yield* Payments.reloadConfig()
      yield* get
      assert.strictEqual((yield* sent)[0]?.origin, "https://new.example")
      env["PAYMENTS_TOTAL_TIMEOUT"] = "soon"
      const { message } = yield* Effect.flip(Payments.reloadConfig())
      assert.include(message, "PAYMENTS_TOTAL_TIMEOUT (totalTimeout) must be a duration")
      assert.deepStrictEqual(yield* get, charge)
    }).pipe(Effect.provide(Layer.mergeAll(layer(ok), provider)))
  })
})
