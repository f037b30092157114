/** Idempotency keys: the operation's, the caller's own, and those of the contract; buffered and streamed alike. */
import { assert, describe, it } from "@effect/vitest"
import * as Auth from "@switchboard/core/Auth"
import * as Integration from "@switchboard/core/Integration"
import * as Resilience from "@switchboard/core/Resilience"
import * as Answer from "@switchboard/testing/Answer"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as HttpApiSchema from "effect/http-api/HttpApiSchema"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { remote, sent } from "./vault.ts"

const Thing = Schema.Struct({ id: Schema.String })
const payload = { name: "n" }
const Payload = Schema.Struct({ name: Schema.String })
const stream = HttpApiSchema.StreamUint8Array()
const Form = Schema.Struct({ title: Schema.String }).pipe(HttpApiSchema.asMultipart())
const own = { "idempotency-key": Schema.optionalKey(Schema.String), "x-key": Schema.optionalKey(Schema.String) }

class Things extends HttpApiGroup.make("things", { topLevel: true }).add(
  HttpApiEndpoint.post("make", "/things", { payload: Payload, headers: own, success: Thing }),
  HttpApiEndpoint.post("tell", "/things/told", { payload: Payload, headers: own, success: stream }),
  HttpApiEndpoint.post("upload", "/things/files", { payload: Form, success: Thing })
) {}
class Api extends HttpApi.make("things").add(Things) {}

const client = (resilience: Resilience.Options = {}, auth: Auth.Auth<{}> = Auth.none) =>
  Integration.make("test/Things", { api: Api, baseUrl: "https://things.example", auth, resilience })({})

type Client = Effect.Success<ReturnType<typeof client>>
type Headers = Readonly<Record<string, string>>

const calls: ReadonlyArray<readonly [string, (things: Client, headers?: Headers) => Effect.Effect<unknown, unknown>]> =
  [
    ["buffered", (things, headers = {}) => things.make({ payload, headers })],
    ["streamed", (things, headers = {}) => Effect.flatMap(things.tell({ payload, headers }), Stream.runDrain)]
  ]

/** A remote that answers what is repeated. */
const ok = Answer.json(200, { id: "a" })
const flaky = remote([Answer.reset, ok, Answer.reset, ok, ok])

const settled = <A, E, R>(self: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(Effect.exit(self))
    yield* TestClock.adjust("30 seconds")
    return yield* Fiber.join(fiber)
  })

const keysOf = (header: string) => Effect.map(sent, (requests) => requests.map(({ headers }) => headers[header]))

const issueOf = (exit: Exit.Exit<unknown, unknown>) => {
  const error = Exit.isFailure(exit) ? exit.cause.reasons[0] : undefined
  const { reason } = (error as { readonly error: { readonly reason: { _tag: string; issue?: string } } }).error
  assert.strictEqual(reason._tag, "InvalidRequest")
  return reason.issue!
}

describe.each(calls)("a key of the caller's own, %s", (_, call) => {
  it.effect("is sent on every attempt, and makes the call repeatable", () =>
    Effect.gen(function*() {
      const one = call(yield* client()).pipe(Resilience.withIdempotencyKey("order-1"))
      assert.isTrue(Exit.isSuccess(yield* settled(one)))
      assert.deepStrictEqual(yield* keysOf("idempotency-key"), ["order-1", "order-1"])
    }).pipe(Effect.provide(flaky)))

  it.effect("stands in the header of the operation, whoever gave it", () =>
    Effect.gen(function*() {
      const declared = call(yield* client({ idempotencyKey: { header: "X-Key" } }))
      assert.isTrue(Exit.isSuccess(yield* settled(declared.pipe(Resilience.withIdempotencyKey("order-1")))))
      const atCall = call(yield* client()).pipe(
        Resilience.withOptions({ idempotencyKey: { header: "X-Key" } }),
        Resilience.withIdempotencyKey("order-2")
      )
      assert.isTrue(Exit.isSuccess(yield* settled(atCall)))
      assert.deepStrictEqual(yield* keysOf("x-key"), ["order-1", "order-1", "order-2", "order-2"])
      assert.deepStrictEqual(yield* keysOf("idempotency-key"), [undefined, undefined, undefined, undefined])
    }).pipe(Effect.provide(flaky)))

  it.effect.each(["", " ", "a\r\nx-admin: 1", "a\u0000", "€"])(
    "%j is refused, not shown, and nothing is sent",
    (key) =>
      Effect.gen(function*() {
        const exit = yield* Effect.exit(call(yield* client()).pipe(Resilience.withIdempotencyKey(key)))
        assert.strictEqual(
          issueOf(exit),
          "Expected an idempotency key that is not empty and holds what a header may hold"
        )
        assert.deepStrictEqual(yield* sent, [])
      }).pipe(Effect.provide(flaky))
  )

  it.effect("is not seen by the calls that auth makes", () =>
    Effect.gen(function*() {
      const seen: Array<unknown> = []
      const auth = Auth.custom({
        settings: {},
        places: [],
        authenticator: () => () => Effect.map(Resilience.CurrentOptions, (options) => (seen.push(options), {}))
      })
      yield* settled(call(yield* client({}, auth)).pipe(Resilience.withIdempotencyKey("order-1")))
      assert.deepStrictEqual(seen, [undefined, undefined])
    }).pipe(Effect.provide(flaky)))
})

describe.each(calls)("a key of the operation, %s", (_, call) => {
  it.effect("asked for at the call site is one per call, in the header that was asked for", () =>
    Effect.gen(function*() {
      const one = call(yield* client()).pipe(Resilience.withOptions({ idempotencyKey: { header: "X-Key" } }))
      assert.isTrue(Exit.isSuccess(yield* settled(one)))
      assert.isTrue(Exit.isSuccess(yield* settled(one)))
      const keys = yield* keysOf("x-key")
      assert.strictEqual(keys.length, 4)
      assert.strictEqual(new Set(keys).size, 2)
      assert.isString(keys[0])
    }).pipe(Effect.provide(flaky)))

  it.effect("of another header takes the place of the declared one", () =>
    Effect.gen(function*() {
      const one = call(yield* client({ idempotencyKey: true }))
      yield* settled(one.pipe(Resilience.withOptions({ idempotencyKey: { header: "X-Key" } })))
      assert.deepStrictEqual(yield* keysOf("idempotency-key"), [undefined, undefined])
      assert.isString((yield* keysOf("x-key"))[0])
    }).pipe(Effect.provide(flaky)))
})

describe.each(calls)("a key in a header of the contract, %s", (_, call) => {
  it.effect("makes the call repeatable, and stays as it is", () =>
    Effect.gen(function*() {
      assert.isTrue(Exit.isSuccess(yield* settled(call(yield* client(), { "idempotency-key": "mine" }))))
      const keyed = call(yield* client({ idempotencyKey: { header: "X-Key" } }), { "x-key": "mine" })
      assert.isTrue(Exit.isSuccess(yield* settled(keyed.pipe(Resilience.withIdempotencyKey("other")))))
      assert.deepStrictEqual(yield* keysOf("idempotency-key"), ["mine", "mine", undefined, undefined])
      assert.deepStrictEqual(yield* keysOf("x-key"), [undefined, undefined, "mine", "mine"])
    }).pipe(Effect.provide(flaky)))
})

describe.each(calls)("an empty key in a header of the contract, %s", (_, call) => {
  it.effect("is none, so that nothing is repeated", () =>
    Effect.gen(function*() {
      assert.isTrue(Exit.isFailure(yield* settled(call(yield* client(), { "idempotency-key": "" }))))
      assert.strictEqual((yield* sent).length, 1)
    }).pipe(Effect.provide(flaky)))
})

describe.each(calls)("retries asked for at the call site, %s", (_, call) => {
  const retried = Resilience.withOptions({ retry: { maxRetries: 2 } })

  it.effect("are not made of what may not be sent twice: the combinator may stand around a whole program", () =>
    Effect.gen(function*() {
      yield* settled(call(yield* client()).pipe(retried))
      assert.strictEqual((yield* sent).length, 1)
    }).pipe(Effect.provide(flaky)))

  it.effect("are made with a key, from wherever, and none has to be", () =>
    Effect.gen(function*() {
      const things = yield* client()
      yield* settled(call(things).pipe(retried, Resilience.withIdempotencyKey("order-1")))
      yield* settled(call(things, { "idempotency-key": "mine" }).pipe(retried))
      assert.deepStrictEqual(yield* keysOf("idempotency-key"), ["order-1", "order-1", "mine", "mine"])
      const once = yield* settled(call(things).pipe(Resilience.withOptions({ retry: { maxRetries: 0 } })))
      assert.isTrue(Exit.isSuccess(once))
    }).pipe(Effect.provide(flaky)))
})

describe("a multipart body", () => {
  const form = (text: string, file: string) => {
    const data = new FormData()
    data.append("title", text)
    data.append("file", new Blob([file]), "f.bin")
    return data
  }

  it.effect("is sent with the key as well", () =>
    Effect.gen(function*() {
      const things = yield* client()
      const upload = things.upload({ payload: form("t", "f") }).pipe(Resilience.withIdempotencyKey("order-1"))
      assert.isTrue(Exit.isSuccess(yield* settled(upload)))
      assert.deepStrictEqual(yield* keysOf("idempotency-key"), ["order-1", "order-1"])
    }).pipe(Effect.provide(flaky)))

  it.effect("over the limit is refused before anything is sent: text in UTF-8, files, and what surrounds them", () =>
    Effect.gen(function*() {
      const things = yield* client({ maxRequestBytes: 1000 })
      for (const [text, file] of [["x".repeat(1001), ""], ["€".repeat(300), ""], ["", "x".repeat(990)]] as const) {
        const exit = yield* Effect.exit(things.upload({ payload: form(text, file) }))
        assert.strictEqual(issueOf(exit), "Expected a body of at most 1000 bytes")
      }
      const asked = yield* Effect.exit(things.tell({ payload: { name: "x".repeat(1000) }, headers: {} }))
      assert.strictEqual(issueOf(asked), "Expected a body of at most 1000 bytes")
      assert.deepStrictEqual(yield* sent, [])
      assert.isTrue(
        Exit.isSuccess(yield* Effect.exit(things.upload({ payload: form("x".repeat(200), "y".repeat(300)) })))
      )
    }).pipe(Effect.provide(remote(Answer.json(200, { id: "a" })))))
})
