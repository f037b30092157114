/** A typed integration from end to end: real servers, real sockets, every way an answer can fail. */
import { assert, describe, it } from "@effect/vitest"
import * as Auth from "@switchboard/core/Auth"
import * as Integration from "@switchboard/core/Integration"
import * as Stores from "@switchboard/core/Stores"
import * as Answer from "@switchboard/testing/Answer"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as HttpApiSchema from "effect/http-api/HttpApiSchema"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

import { fork } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import * as NodeSwitchboard from "../src/NodeSwitchboard.ts"
import { serveAnswers } from "./support/answers.ts"
import { serve, until } from "./support/server.ts"

const Charge = Schema.Struct({ id: Schema.String, amount: Schema.Int })
const charge = { id: "ch_1", amount: 250 }

class Charges extends HttpApiGroup.make("charges").add(
  HttpApiEndpoint.get("get", "/charges/:id", { params: { id: Schema.String }, success: Charge }),
  HttpApiEndpoint.post("create", "/charges", { payload: Schema.Struct({ amount: Schema.Int }), success: Charge })
) {}
class Files extends HttpApiGroup.make("files").add(
  HttpApiEndpoint.get("download", "/files/:id", {
    params: { id: Schema.String },
    success: HttpApiSchema.StreamUint8Array()
  }),
  HttpApiEndpoint.put("upload", "/files/:id", {
    params: { id: Schema.String },
    payload: HttpApiSchema.StreamUint8Array(),
    success: Schema.Struct({ size: Schema.Int })
  })
) {}
class PaymentsApi extends HttpApi.make("payments").add(Charges).add(Files) {}
class Payments extends Integration.Service<Payments>()("test/RealPayments", { api: PaymentsApi, auth: Auth.bearer }) {}

const token = Redacted.make("sk_test")
type Settings = Omit<Parameters<typeof Payments.layer>[0], "token" | "baseUrl">

const live = (baseUrl: string, settings: Settings = {}) => Layer.build(Payments.layer({ baseUrl, token, ...settings }))
const onNode = Effect.provide(NodeSwitchboard.layer)

/** The client of an integration against a server that answers as told. */
const against = (handler: (url: string) => Answer.Answer, settings?: Settings) =>
  Effect.gen(function*() {
    const server = yield* serveAnswers(({ url }) => handler(url))
    const context = yield* live(server.origin, settings)
    return { server, payments: Context.get(context, Payments) }
  })

const alone = { retry: false, breaker: false } as const
const get = (payments: Payments["Service"], id = "1") => payments.charges.get({ params: { id } })
const reason = (payments: Payments["Service"], id?: string) =>
  Effect.map(Effect.flip(get(payments, id)), (error) => error.reason)

describe("each failure of a real server arrives as its reason", () => {
  const cases: ReadonlyArray<readonly [string, Answer.Answer, Settings, object]> = [
    ["a 503", Answer.status(503), {}, { _tag: "UnexpectedStatus", status: 503 }],
    ["a 429", Answer.status(429, { "retry-after": "7" }), {}, { _tag: "RateLimited", by: "remote" }],
    ["a 401", Answer.status(401), {}, { _tag: "Unauthenticated", wasSent: true }],
    ["V4: a reset before the headers", Answer.reset, {}, { _tag: "Transport", kind: "Reset", wasSent: true }],
    ["V4: a reset in the body", Answer.cut(Answer.json(200, charge), "reset"), {}, {
      _tag: "Transport",
      wasSent: true
    }],
    ["a body cut short", Answer.cut(Answer.json(200, charge), "truncated"), {}, {
      _tag: "Transport",
      kind: "Truncated"
    }],
    ["V2: a body of garbage", Answer.text(200, "<html>", { "content-type": "application/json" }), {}, {
      _tag: "InvalidResponse",
      status: 200
    }],
    ["V2: JSON of another shape", Answer.json(200, { id: 1 }), {}, { _tag: "InvalidResponse", status: 200 }],
    ["V2: a page in place of JSON", Answer.text(200, "<html>", { "content-type": "text/html" }), {}, {
      _tag: "InvalidResponse"
    }],
    ["F9: a body that hangs", Answer.cut(Answer.json(200, charge), "hang"), { attemptTimeout: "100 millis" }, {
      _tag: "AttemptTimeout",
      wasSent: true
    }],
    ["an answer that never comes", Answer.hang, { attemptTimeout: "100 millis" }, { _tag: "AttemptTimeout" }],
    ["V1: an answer that is too large", Answer.bytes(200, new Uint8Array(100_000)), { maxResponseBytes: 1000 }, {
      _tag: "ResponseTooLarge",
      limit: 1000
    }],
    ["V1: a gzip bomb", Answer.bytes(200, gzipSync(Buffer.alloc(5_000_000)), { "content-encoding": "gzip" }), {
      maxResponseBytes: 100_000
    }, { _tag: "ResponseTooLarge" }]
  ]
  for (const [name, answer, settings, expected] of cases) {
    it.live(name, () =>
      Effect.gen(function*() {
        const { payments } = yield* against(() => answer, { ...alone, ...settings })
        assert.deepInclude(yield* reason(payments), expected)
      }).pipe(onNode))
  }

  it.live("I2: a host where nobody listens, with the proof that nothing was sent", () =>
    Effect.gen(function*() {
      const context = yield* live("http://127.0.0.1:1", alone)
      assert.deepInclude(yield* reason(Context.get(context, Payments)), {
        _tag: "Transport",
        kind: "Refused",
        wasSent: false
      })
    }).pipe(onNode))
})

describe("nothing is left behind", () => {
  const activeFibers = Effect.contextWith((context: Context.Context<never>) =>
    Effect.sync(() =>
      Metric.snapshotUnsafe(context).filter(({ id }) => id === "child_fibers_active")
        .reduce((sum, { state }) => sum + Number((state as { readonly value: number | bigint }).value), 0)
    )
  )
  const answers: ReadonlyArray<Answer.Answer> = [
    Answer.json(200, charge),
    Answer.status(503),
    Answer.reset,
    Answer.cut(Answer.json(200, charge), "hang"),
    Answer.cut(Answer.json(200, charge), "truncated"),
    Answer.garbage,
    Answer.bytes(500, new Uint8Array(200_000)),
    Answer.hang
  ]

  it.live("by any answer, whether the caller waits for it or is interrupted", () =>
    Effect.gen(function*() {
      const server = yield* serveAnswers(({ url }) => answers[Number(url.split("/").at(-1)) % answers.length]!)
      const before = yield* activeFibers
      let during = 0
      yield* Effect.scoped(Effect.gen(function*() {
        const context = yield* live(server.origin, { ...alone, attemptTimeout: "150 millis" })
        const payments = Context.get(context, Payments)
        const fibers = yield* Effect.forEach(
          Array.from({ length: 96 }, (_, i) => i),
          (i) => Effect.forkChild(Effect.exit(get(payments, String(i))))
        )
        during = yield* activeFibers
        // Every third caller is interrupted, at whichever point it has come to.
        yield* Effect.forEach(fibers.filter((_, i) => i % 3 === 0), (fiber, i) =>
          Effect.andThen(
            Effect.forEach(Array.from({ length: i % 7 }), () => Effect.yieldNow),
            Fiber.interrupt(fiber)
          ))
        yield* Effect.forEach(fibers, Fiber.await)
        // What was not healthy was closed at once; what is left is idle and kept alive, within the pool.
        yield* until(() => server.sockets.size <= 16)
        assert.deepStrictEqual(yield* get(payments, "0"), charge)
      }))
      yield* until(() => server.sockets.size === 0)
      assert.isAbove(during, before)
      assert.strictEqual(yield* activeFibers, before)
    }).pipe(Effect.provide(NodeSwitchboard.layer), Metric.enableRuntimeMetrics))
})

describe("a dead host", () => {
  const callers = (payments: Payments["Service"]) =>
    Effect.forEach(Array.from({ length: 100 }), () => Effect.exit(get(payments)), { concurrency: "unbounded" })

  it.live("O4: that resets every connection sees at most 20 requests of 100 callers", () =>
    Effect.gen(function*() {
      const server = yield* serve((socket) => socket.resetAndDestroy())
      const context = yield* live(server.origin)
      const exits = yield* callers(Context.get(context, Payments))
      assert.isTrue(exits.every(Exit.isFailure))
      assert.isAtMost(server.opened, 20)
    }).pipe(onNode))

  it.live("O4: that accepts and says nothing sees at most 20 requests of 100 callers", () =>
    Effect.gen(function*() {
      const server = yield* serve(() => {})
      const context = yield* live(server.origin, { attemptTimeout: "200 millis", totalTimeout: "2 seconds" })
      const exits = yield* callers(Context.get(context, Payments))
      assert.isTrue(exits.every(Exit.isFailure))
      assert.isAtMost(server.received.split("GET /charges").length - 1, 20)
    }).pipe(onNode))
})

describe("a live integration", () => {
  it.live("calls, decodes compressed answers, and keeps its connections", () =>
    Effect.gen(function*() {
      const body = gzipSync(JSON.stringify(charge))
      const { payments, server } = yield* against(() =>
        Answer.bytes(200, body, { "content-type": "application/json", "content-encoding": "gzip" })
      )
      for (let i = 0; i < 20; i++) assert.deepStrictEqual(yield* get(payments), charge)
      assert.strictEqual(server.sockets.size, 1)
      assert.strictEqual(server.requests[0]?.headers.authorization, "Bearer sk_test")
    }).pipe(onNode))

  it.live("F1: a timeout closes the connection of the request that it gives up", () =>
    Effect.gen(function*() {
      const { payments, server } = yield* against(() => Answer.hang, { ...alone, attemptTimeout: "100 millis" })
      yield* reason(payments)
      yield* until(() => server.sockets.size === 0)
    }).pipe(onNode))

  it.live("L2: interrupting a caller closes the connection of its request", () =>
    Effect.gen(function*() {
      const { payments, server } = yield* against(() => Answer.hang)
      const fiber = yield* Effect.forkChild(get(payments))
      yield* until(() => server.requests.length === 1)
      yield* Fiber.interrupt(fiber)
      yield* until(() => server.sockets.size === 0)
    }).pipe(onNode))

  it.live("S8: a redirect is not followed, and so carries no credentials anywhere", () =>
    Effect.gen(function*() {
      const other = yield* serveAnswers(() => Answer.json(200, charge))
      const { payments } = yield* against(
        () => Answer.status(307, { location: `${other.origin}/stolen` }),
        alone
      )
      assert.deepInclude(yield* reason(payments), { _tag: "UnexpectedStatus", status: 307 })
      assert.deepStrictEqual(other.requests, [])
    }).pipe(onNode))

  it.live("a layer that is closed leaves the circuit as it is to the next one", () =>
    Effect.gen(function*() {
      const server = yield* serveAnswers(({ url }) => url.endsWith("hang") ? Answer.hang : Answer.json(200, charge))
      const scope = yield* Scope.make()
      const layer = Payments.layer({ baseUrl: server.origin, token })
      const first = Context.get(yield* Layer.buildWithScope(layer, scope), Payments)
      const fibers = yield* Effect.forEach(Array.from({ length: 6 }), () =>
        Effect.forkChild(Effect.flip(get(first, "hang"))))
      yield* until(() =>
        server.requests.length === 6
      )
      yield* Scope.close(scope, Exit.void)
      const errors = yield* Effect.forEach(fibers, Fiber.join)
      assert.deepStrictEqual(
        errors.map(({ reason }) => reason._tag === "Transport" && reason.kind),
        fibers.map(() => "Closed" as const)
      )
      const next = Context.get(yield* Layer.build(layer), Payments)
      assert.deepStrictEqual(yield* get(next), charge)
    }).pipe(Effect.provide(Layer.merge(NodeSwitchboard.layerHttpClient({ closeGrace: 50 }), Stores.layerMemory))))

  it.live("has connections of its own, as many as its settings say", () =>
    Effect.gen(function*() {
      const { payments, server } = yield* against(
        () => Answer.delay("20 millis", Answer.json(200, charge)),
        { pool: { maxConnections: 3 } }
      )
      yield* Effect.forEach(Array.from({ length: 30 }), () => get(payments), { concurrency: "unbounded" })
      assert.isAtMost(server.sockets.size, 3)
    }).pipe(onNode))

  it.live("streams a download as it comes", () =>
    Effect.gen(function*() {
      const chunk = new Uint8Array(64 * 1024).fill(7)
      const { payments } = yield* against(() =>
        Answer.stream(200, Stream.fromIterable(Array.from({ length: 64 }, () => chunk)), {
          "content-type": "application/octet-stream"
        })
      )
      const file = yield* payments.files.download({ params: { id: "1" } })
      assert.strictEqual(yield* Stream.runFold(file, () => 0, (size, part) => size + part.length), 64 * chunk.length)
    }).pipe(onNode))

  it.live("tells a download that breaks off as the failure of its call", () =>
    Effect.gen(function*() {
      const { payments } = yield* against(() =>
        Answer.cut(Answer.bytes(200, new Uint8Array(500_000), { "content-type": "application/octet-stream" }), "reset")
      )
      const file = yield* payments.files.download({ params: { id: "1" } })
      const error = yield* Effect.flip(Stream.runDrain(file))
      assert.strictEqual(error._tag, "IntegrationError")
      assert.strictEqual(error.operation, "files.download")
      assert.strictEqual(error.reason._tag, "Transport")
    }).pipe(onNode))

  it.live("I3: an upload whose body is a stream is not sent a second time", () =>
    Effect.gen(function*() {
      const { payments, server } = yield* against(() => Answer.status(503))
      const payload = Stream.make(new Uint8Array([1, 2, 3]))
      const error = yield* Effect.flip(payments.files.upload({ params: { id: "1" }, payload }))
      assert.deepInclude(error.reason, { _tag: "NotReplayable" })
      assert.deepStrictEqual(server.requests.map(({ body }) => body.length), [3])
    }).pipe(onNode))

  it.live(
    "B12: a program that has nothing else to do ends, though its last call armed a deadline",
    () =>
      Effect.gen(function*() {
        const server = yield* serveAnswers(() => Answer.json(200, charge))
        const program = fork(join(import.meta.dirname, "support/oneCall.ts"), [server.origin], {
          execArgv: ["--conditions=switchboard-source", "--no-warnings"],
          stdio: ["ignore", "ignore", "inherit", "ipc"]
        })
        const [code] = yield* Effect.promise(() => once(program, "exit"))
        assert.strictEqual(code, 0)
        assert.strictEqual(server.requests.length, 1)
      }).pipe(onNode),
    5_000
  )
})

describe("without Node's transport", () => {
  it.live("S8: fetch does not follow a redirect either, for calls or streams", () =>
    Effect.gen(function*() {
      const other = yield* serveAnswers(() => Answer.json(200, charge))
      const { payments } = yield* against(() => Answer.status(307, { location: `${other.origin}/stolen` }), alone)
      assert.deepInclude(yield* reason(payments), { _tag: "UnexpectedStatus", status: 307 })
      const download = yield* Effect.flip(payments.files.download({ params: { id: "1" } }))
      assert.deepInclude(download.reason, { _tag: "UnexpectedStatus", status: 307 })
      assert.deepStrictEqual(other.requests, [])
    }).pipe(Effect.provide(Layer.merge(FetchHttpClient.layer, Stores.layerMemory))))

  it.live("runs over Effect's fetch client: answers, retries, timeouts, limits, streams", () =>
    Effect.gen(function*() {
      let calls = 0
      const { payments, server } = yield* against((url) => {
        if (url.endsWith("flaky")) return ++calls < 3 ? Answer.status(503) : Answer.json(200, charge)
        if (url.endsWith("hang")) return Answer.hang
        if (url.endsWith("large")) return Answer.bytes(200, new Uint8Array(100_000))
        if (url.endsWith("reset")) return Answer.reset
        if (url.endsWith("file")) return Answer.bytes(200, new Uint8Array(200_000))
        return Answer.json(200, charge)
      }, { maxResponseBytes: 10_000, breaker: false, retry: { baseDelay: "1 millis" } })
      assert.deepStrictEqual(yield* get(payments), charge)
      assert.deepStrictEqual(yield* get(payments, "flaky"), charge)
      assert.strictEqual(calls, 3)
      assert.deepInclude(yield* reason(payments, "large"), { _tag: "ResponseTooLarge", limit: 10_000 })
      assert.strictEqual((yield* reason(payments, "reset"))._tag, "Transport")
      assert.strictEqual(server.requests[0]?.headers.authorization, "Bearer sk_test")
      const file = yield* payments.files.download({ params: { id: "file" } })
      assert.strictEqual(yield* Stream.runFold(file, () => 0, (size, part) => size + part.length), 200_000)
      const fiber = yield* Effect.forkChild(get(payments, "hang"))
      yield* until(() => server.requests.some(({ url }) => url.endsWith("hang")))
      yield* Fiber.interrupt(fiber)
    }).pipe(Effect.provide(Layer.merge(FetchHttpClient.layer, Stores.layerMemory))))
})
