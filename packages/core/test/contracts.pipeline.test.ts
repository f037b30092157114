/** What a contract says of its operations, seen from outside: which values are secret, which streams have declared errors. */
import { assert, it } from "@effect/vitest"
import * as Integration from "@switchboard/core/Integration"
import * as Resilience from "@switchboard/core/Resilience"
import * as Stores from "@switchboard/core/Stores"
import * as Answer from "@switchboard/testing/Answer"
import * as TestTransport from "@switchboard/testing/TestTransport"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as HttpApiSchema from "effect/http-api/HttpApiSchema"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Tracer from "effect/Tracer"
import { recording } from "./spans.ts"

class Busy extends Schema.TaggedError<Busy>()("Busy", {}) {}
const Secret = Schema.RedactedFromValue(Schema.String)

class Vault extends HttpApiGroup.make("vault").add(
  HttpApiEndpoint.get("open", "/vault/:code", {
    params: { code: Secret },
    query: { pin: Schema.optionalKey(Secret) },
    success: Schema.Struct({ ok: Schema.Boolean })
  }),
  HttpApiEndpoint.get("find", "/vaults", { payload: { pin: Secret }, success: Schema.Struct({ ok: Schema.Boolean }) }),
  HttpApiEndpoint.get("stream", "/vault/:code/stream", {
    params: { code: Secret },
    success: HttpApiSchema.StreamUint8Array(),
    error: Busy.pipe(HttpApiSchema.status(503))
  })
) {}
class VaultApi extends HttpApi.make("vault").add(Vault) {}
class Vaults
  extends Integration.Service<Vaults>()("test/Vaults", { api: VaultApi, baseUrl: "https://vault.example" })
{}

/** An amount that takes 1.5 seconds to be written. */
const Slow = Schema.Int.pipe(Schema.decodeTo(Schema.Int, {
  decode: SchemaGetter.passthrough(),
  encode: SchemaGetter.transformEffect((amount: number) => Effect.as(Effect.sleep("1500 millis"), amount))
}))
class Ledger extends HttpApiGroup.make("ledger").add(
  HttpApiEndpoint.put("book", "/book", { payload: Schema.Struct({ amount: Slow }), success: HttpApiSchema.NoContent })
) {}
class LedgerApi extends HttpApi.make("ledger").add(Ledger) {}
class Ledgers extends Integration.Service<Ledgers>()("test/Ledgers", {
  api: LedgerApi,
  baseUrl: "https://ledger.example"
}) {}

const ledger = (script: TestTransport.Script) =>
  Ledgers.layer().pipe(Layer.provideMerge(TestTransport.layer(script)), Layer.provide(Stores.layerMemory))

it.effect("F9: a request that takes time to be encoded takes it from the call's own", () =>
  Effect.gen(function*() {
    const book = Effect.flatMap(Ledgers, (ledgers) => ledgers.ledger.book({ payload: { amount: 1 } }))
    const hasty = yield* Effect.forkChild(Effect.flip(book.pipe(Resilience.withOptions({ totalTimeout: "1 second" }))))
    yield* TestClock.adjust("1 second")
    const error = yield* Fiber.join(hasty)
    assert.deepInclude(error.reason, { _tag: "DeadlineExceeded", wasSent: false })
    const hung = yield* Effect.forkChild(Effect.flip(book.pipe(Resilience.withOptions({ totalTimeout: "2 seconds" }))))
    yield* TestClock.adjust("2 seconds")
    const late = yield* Fiber.join(hung)
    assert.deepInclude(late.reason, { _tag: "DeadlineExceeded", wasSent: true })
    assert.strictEqual((yield* (yield* TestTransport.TestTransport).requests).length, 1)
  }).pipe(Effect.provide(ledger(Answer.hang))))

it.effect("F1: an attempt has its whole timeout, however long its request took to be encoded", () =>
  Effect.gen(function*() {
    const book = Effect.flatMap(Ledgers, (ledgers) => ledgers.ledger.book({ payload: { amount: 1 } }))
    const fiber = yield* Effect.forkChild(book.pipe(Resilience.withOptions({ attemptTimeout: "2 seconds" })))
    yield* TestClock.adjust("3 seconds")
    yield* Fiber.join(fiber)
    assert.strictEqual((yield* (yield* TestTransport.TestTransport).requests).length, 1)
  }).pipe(Effect.provide(ledger(Answer.delay("1 second", Answer.text(204, ""))))))

const layer = (script: TestTransport.Script) =>
  Vaults.layer().pipe(Layer.provideMerge(TestTransport.layer(script)), Layer.provide(Stores.layerMemory))

const secret = (value: string) => Redacted.make(value)

it.effect("a value that the contract keeps redacted is sent, and its URL is shown as the template", () => {
  const { spans, tracer } = recording()
  return Effect.gen(function*() {
    const { vault } = yield* Vaults
    yield* vault.open({ params: { code: secret("CANARY-1") }, query: { pin: secret("CANARY-2") } })
    yield* vault.find({ payload: { pin: secret("CANARY-2") } })
    yield* Stream.runDrain(yield* vault.stream({ params: { code: secret("CANARY-1") } }))
    const [open, find, stream] = yield* (yield* TestTransport.TestTransport).requests
    assert.strictEqual(open?.url, "https://vault.example/vault/CANARY-1?pin=CANARY-2")
    assert.strictEqual(find?.url, "https://vault.example/vaults?pin=CANARY-2")
    assert.strictEqual(stream?.url, "https://vault.example/vault/CANARY-1/stream")
    const shown = spans.map(({ attributes }) => attributes.get("url.full")).filter((url) => url !== undefined)
    assert.deepStrictEqual(shown, [
      "https://vault.example/vault/{code}",
      "https://vault.example/vaults",
      "https://vault.example/vault/{code}/stream"
    ])
    assert.notInclude(JSON.stringify(spans.map(({ attributes, name }) => [name, ...attributes])), "CANARY")
  }).pipe(
    Effect.provide(layer([
      Answer.json(200, { ok: true }),
      Answer.json(200, { ok: true }),
      Answer.bytes(200, new Uint8Array([1]), { "content-type": "application/octet-stream" })
    ])),
    Effect.provideService(Tracer.Tracer, tracer)
  )
})

it.effect("H1: Retry-After of a declared error counts where the success is a stream as well", () =>
  Effect.gen(function*() {
    const { vault } = yield* Vaults
    const wire = yield* TestTransport.TestTransport
    const fiber = yield* Effect.forkChild(vault.stream({ params: { code: secret("1") } }))
    yield* TestClock.adjust("2999 millis")
    assert.strictEqual((yield* wire.requests).length, 1)
    yield* TestClock.adjust("2 seconds")
    yield* Stream.runDrain(yield* Fiber.join(fiber))
    assert.strictEqual((yield* wire.requests).length, 2)
  }).pipe(Effect.provide(layer([
    Answer.json(503, { _tag: "Busy" }, { "retry-after": "3" }),
    Answer.bytes(200, new Uint8Array([1]), { "content-type": "application/octet-stream" })
  ]))))
