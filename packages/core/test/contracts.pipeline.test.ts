/** What a contract says of its operations, seen from outside: which values are secret, which streams have declared errors. */
import { assert, it } from "@effect/vitest"
import * as Integration from "@switchboard/core/Integration"
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
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Tracer from "effect/Tracer"

class Busy extends Schema.TaggedError<Busy>()("Busy", {}) {}
const Secret = Schema.RedactedFromValue(Schema.String)

class Vault extends HttpApiGroup.make("vault").add(
  HttpApiEndpoint.get("open", "/vault/:code", {
    params: { code: Secret },
    query: { pin: Schema.optionalKey(Secret) },
    success: Schema.Struct({ ok: Schema.Boolean })
  }),
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

const layer = (script: TestTransport.Script) =>
  Vaults.layer().pipe(Layer.provideMerge(TestTransport.layer(script)), Layer.provide(Stores.layerMemory))

const secret = (value: string) => Redacted.make(value)

it.effect("a value that the contract keeps redacted is sent, and its URL is shown as the template", () => {
  const spans: Array<Tracer.Span> = []
  const tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      spans.push(span)
      return span
    }
  })
  return Effect.gen(function*() {
    const { vault } = yield* Vaults
    yield* vault.open({ params: { code: secret("CANARY-1") }, query: { pin: secret("CANARY-2") } })
    yield* Stream.runDrain(yield* vault.stream({ params: { code: secret("CANARY-1") } }))
    const [open, stream] = yield* (yield* TestTransport.TestTransport).requests
    assert.strictEqual(open?.url, "https://vault.example/vault/CANARY-1?pin=CANARY-2")
    assert.strictEqual(stream?.url, "https://vault.example/vault/CANARY-1/stream")
    const shown = spans.map(({ attributes }) => attributes.get("url.full")).filter((url) => url !== undefined)
    assert.deepStrictEqual(shown, ["https://vault.example/vault/{code}", "https://vault.example/vault/{code}/stream"])
    assert.notInclude(JSON.stringify(spans.map(({ attributes, name }) => [name, ...attributes])), "CANARY")
  }).pipe(
    Effect.provide(layer([
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
