import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Stream } from "effect"
import * as Sse from "effect/encoding/Sse"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientError from "effect/http/HttpClientError"
import type * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import {
  InvalidRequest,
  InvalidResponse,
  RateLimited,
  ResponseTooLarge,
  Transport,
  UnexpectedStatus
} from "../../../src/IntegrationError.ts"
import { compile } from "../../../src/internal/contract/compile.ts"
import type { Streamed } from "../../../src/internal/contract/operation.ts"
import { NotFound, TestApi } from "../../contract.ts"

const operation = (endpoint: string): Streamed =>
  compile(TestApi).map((compiled) => compiled.operation).find((operation): operation is Streamed =>
    operation._tag === "Streamed" && operation.name === `streams.${endpoint}`
  )!

const octets = { "content-type": "application/octet-stream" }
const sse = { "content-type": "text/event-stream; charset=utf-8" }
const lines = { "content-type": "application/x-ndjson" }
const json = { "content-type": "application/json" }

/** A client that answers every request so, and what it was asked. */
const answering = (response: () => Response) => {
  const sent: Array<HttpClientRequest.HttpClientRequest> = []
  const urls: Array<string> = []
  const client = HttpClient.make((request, url) =>
    Effect.sync(() => {
      sent.push(request)
      urls.push(url.href)
      return HttpClientResponse.fromWeb(request, response())
    })
  )
  return { client, sent, urls }
}

type Answered = Stream.Stream<any, unknown>

const call = (endpoint: string, request: unknown, response: () => Response, maxResponseBytes = 1000) =>
  operation(endpoint).run(answering(response).client, "https://third.party/base", maxResponseBytes)(
    request
  ) as Effect.Effect<
    any,
    any
  >

const endless = (onCancel: () => void) =>
  new ReadableStream({
    pull: (controller) => controller.enqueue(new Uint8Array(1000)),
    cancel: onCancel
  })

const page = () => new Response("<p>", { headers: { "content-type": "text/html" } })
const notFound = () => new Response("{\"_tag\":\"NotFound\",\"id\":\"a\"}", { status: 404, headers: json })
const wrong = () => new Response("{\"secret\":1}", { status: 404, headers: json })
const limited = () => new Response(null, { status: 429, headers: { "retry-after": "3" } })
const large = () => new Response(endless(() => {}), { headers: json })

describe("streams in answers", () => {
  it.effect("bytes", () =>
    Effect.gen(function*() {
      const stream: Answered = yield* call("bytes", { params: { id: "a" } }, () =>
        new Response("abc", { headers: octets }))
      assert.strictEqual(yield* Stream.mkString(Stream.decodeText(stream)), "abc")
    }))

  it.effect("server-sent events", () =>
    Effect.gen(function*() {
      const stream: Answered = yield* call("events", undefined, () =>
        new Response("data: {\"seq\":1}\n\ndata: {\"seq\":2}\n\n", { headers: sse }))
      assert.deepStrictEqual(yield* Stream.runCollect(stream), [{ seq: 1 }, { seq: 2 }])
    }))

  it.effect("a wish of the remote's to be asked later stays what it is", () =>
    Effect.gen(function*() {
      const stream: Answered = yield* call("events", undefined, () =>
        new Response("retry: 500\n\ndata: {\"seq\":1}\n\n", { headers: sse }))
      assert.instanceOf(yield* Effect.flip(Stream.runCollect(stream)), Sse.Retry)
    }))

  it.effect("lines of JSON", () =>
    Effect.gen(function*() {
      const stream: Answered = yield* call("lines", undefined, () =>
        new Response("{\"n\":1}\n{\"n\":2}\n", { headers: lines }))
      assert.deepStrictEqual(yield* Stream.runCollect(stream), [{ n: 1 }, { n: 2 }])
    }))

  it.effect.each<[string, string, BodyInit, Record<string, string>]>([
    ["an event of another shape", "events", "data: {\"seq\":\"secret\"}\n\n", sse],
    ["an event that is no JSON", "events", "data: secret\n\n", sse],
    ["a line of another shape", "lines", "{\"n\":\"secret\"}\n", lines],
    ["a line that is no JSON", "lines", "secret\n", lines],
    ["a line that is too long", "lines", "x".repeat(2_000_000), lines]
  ])("fail with InvalidResponse: %s", ([_, endpoint, body, headers]) =>
    Effect.gen(function*() {
      const stream: Answered = yield* call(endpoint, undefined, () => new Response(body, { headers }))
      const error = yield* Effect.flip(Stream.runCollect(stream))
      assert.instanceOf(error, InvalidResponse)
      assert.notInclude((error as InvalidResponse).issue, "secret")
    }))

  it.effect("fail with Transport when the connection breaks", () =>
    Effect.gen(function*() {
      const broken = new ReadableStream({
        pull: (controller) => controller.error(Object.assign(new Error("secret"), { code: "ECONNRESET" }))
      })
      const stream: Answered = yield* call("bytes", { params: { id: "a" } }, () =>
        new Response(broken, { headers: octets }))
      assert.deepStrictEqual(
        yield* Effect.flip(Stream.runCollect(stream)),
        new Transport({ kind: "Reset", code: "ECONNRESET", wasSent: true })
      )
    }))

  it.effect.each(["events", "lines", "bytes"])(
    "are refused where a page comes instead: %s",
    (endpoint) =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(call(endpoint, { params: { id: "a" } }, page))
        assert.instanceOf(error, InvalidResponse)
      })
  )
})

describe("streams in requests", () => {
  it.effect("are one-shot, and forms are not", () =>
    Effect.gen(function*() {
      const { client, sent, urls } = answering(() => new Response("{\"size\":3}", { headers: json }))
      const push = operation("push")
      const request = { payload: Stream.make(new Uint8Array([1, 2, 3])) }
      assert.strictEqual(push.oneShot(request), true)
      assert.deepStrictEqual(yield* push.run(client, "https://third.party/base/", 1000)(request), { size: 3 })
      assert.deepStrictEqual(urls, ["https://third.party/base/streams/push"])
      assert.strictEqual(sent[0]!.body._tag, "Stream")
    }))

  it.effect("a form goes out as one, and can be sent again", () =>
    Effect.gen(function*() {
      const { client, sent } = answering(() => new Response(null, { status: 204 }))
      const payload = new FormData()
      payload.append("title", "t")
      const upload = operation("upload")
      assert.strictEqual(upload.oneShot({ payload }), false)
      assert.isUndefined(yield* upload.run(client, "https://third.party", 1000)({ payload }))
      assert.strictEqual(sent[0]!.body._tag, "FormData")
    }))

  it.effect.each<[string, string, unknown]>([
    ["no stream", "push", { payload: "secret" }],
    ["no form", "upload", { payload: { title: "secret" } }],
    ["nothing", "push", undefined],
    ["a dot segment", "bytes", { params: { id: ".." } }],
    ["a missing parameter", "bytes", {}]
  ])("InvalidRequest before anything is sent: %s", ([_, endpoint, request]) =>
    Effect.gen(function*() {
      const { client, sent } = answering(() => new Response("x"))
      const { head, run } = operation(endpoint)
      const sending = run(client, "https://third.party", 1000)(request)
      const error = yield* Effect.flip(Effect.andThen(head(request), sending))
      assert.instanceOf(error, InvalidRequest)
      assert.notInclude((error as InvalidRequest).issue, "secret")
      assert.deepStrictEqual(sent, [])
    }))
})

describe("answers that are no streams", () => {
  it.effect("a declared error keeps its own class", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(
        yield* Effect.flip(call("bytes", { params: { id: "a" } }, notFound)),
        new NotFound({ id: "a" })
      )
    }))

  it.effect("a declared error of another shape is one InvalidResponse", () =>
    Effect.gen(function*() {
      const exit = yield* Effect.exit(call("bytes", { params: { id: "a" } }, wrong))
      if (Exit.isSuccess(exit)) throw new Error("succeeded")
      assert.deepStrictEqual(exit.cause.reasons.map((reason) => Cause.isFailReason(reason) && reason.error), [
        new InvalidResponse({ status: 404, issue: "Missing key at [\"_tag\"]" })
      ])
    }))

  it.effect("an undeclared status is typed, and its body given up within a bound", () =>
    Effect.gen(function*() {
      let cancelled = false
      const body = endless(() => {
        cancelled = true
      })
      const error = yield* Effect.flip(
        call("bytes", { params: { id: "a" } }, () => new Response(body, { status: 503 }), 10_000_000)
      )
      assert.instanceOf(error, UnexpectedStatus)
      assert.strictEqual(cancelled, true)
    }))

  it.effect("an undeclared 429 carries the remote's wish", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(call("bytes", { params: { id: "a" } }, limited))
      assert.deepStrictEqual(error, new RateLimited({ by: "remote", retryAfter: error.retryAfter }))
      assert.isDefined(error.retryAfter)
    }))

  it.effect("a declared answer is read up to the limit", () =>
    Effect.gen(function*() {
      const request = { payload: Stream.make(new Uint8Array(1)) }
      assert.deepStrictEqual(yield* Effect.flip(call("push", request, large)), new ResponseTooLarge({ limit: 1000 }))
    }))

  it.effect("a connection that is refused proves that nothing was sent", () =>
    Effect.gen(function*() {
      const client = HttpClient.make((request) =>
        Effect.fail(
          new HttpClientError.HttpClientError({
            reason: new HttpClientError.TransportError({
              request,
              cause: new TypeError("fetch failed", {
                cause: Object.assign(new Error("secret"), { code: "ECONNREFUSED" })
              })
            })
          })
        )
      )
      assert.deepStrictEqual(
        yield* Effect.flip(operation("lines").run(client, "https://third.party", 1000)(undefined)),
        new Transport({ kind: "Refused", code: "ECONNREFUSED", wasSent: false })
      )
    }))
})
