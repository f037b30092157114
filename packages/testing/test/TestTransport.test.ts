import { describe, expect, it } from "@effect/vitest"
import * as Transport from "@switchboard/core/Transport"
import * as Answer from "@switchboard/testing/Answer"
import * as TestTransport from "@switchboard/testing/TestTransport"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { get, open, send } from "./wire.ts"

const origin = "https://payments.example"

/** What a test that does this, with that script, would fail with. */
const unscripted = (
  use: Effect.Effect<unknown, unknown, HttpClient.HttpClient | Scope.Scope>,
  script: TestTransport.Script
) =>
  Effect.gen(function*() {
    const exit = yield* Effect.exit(Effect.scoped(Effect.provide(use, TestTransport.layer(script))))
    return Exit.isFailure(exit) ? Cause.prettyErrors(exit.cause).map(String).join("\n") : "no failure"
  })

describe("a script", () => {
  it.effect("is a list of answers, given in order", () =>
    Effect.gen(function*() {
      const channel = yield* open
      const [first, second] = [yield* send(channel, get("/a")), yield* send(channel, get("/b"))]
      expect(first).toMatchObject({ status: 200, body: "{\"id\":1}" })
      expect(second).toMatchObject({ status: 503, headers: { "retry-after": "2" }, body: "" })
    }).pipe(
      Effect.provide(TestTransport.layer([Answer.json(200, { id: 1 }), Answer.status(503, { "Retry-After": "2" })]))
    ))

  it.effect("is a handler that is given the request and its number", () =>
    Effect.gen(function*() {
      const channel = yield* open
      const sent = { ...get("/sum?a=1"), method: "POST", body: "{\"b\":2}" }
      expect(yield* send(channel, sent)).toMatchObject({ body: "{\"a\":\"1\",\"b\":2,\"n\":1}" })
      expect(yield* send(channel, sent)).toMatchObject({ body: "{\"a\":\"1\",\"b\":2,\"n\":2}" })
    }).pipe(Effect.provide(TestTransport.layer((request, n) =>
      Answer.json(200, { a: request.query.get("a"), b: request.json.b, n })
    ))))

  it.effect("is a table of routes, each counting for itself", () =>
    Effect.gen(function*() {
      const channel = yield* open
      expect(yield* send(channel, get("/charges/ch%201"))).toMatchObject({ status: 200, body: "\"ch 1\"" })
      expect(yield* send(channel, get("/files/a/b"))).toMatchObject({ status: 201 })
      expect(yield* send(channel, get("/files/c"))).toMatchObject({ status: 202 })
      expect(yield* send(channel, { ...get("/token"), origin: "https://auth.example" })).toMatchObject({ status: 204 })
      expect(yield* send(channel, get("/token"))).toMatchObject({ status: 418 })
    }).pipe(Effect.provide(TestTransport.layer(TestTransport.routes({
      "GET /charges/:id": ({ params }) => Answer.json(200, params["id"]),
      "* /files/*": [Answer.status(201), Answer.status(202)],
      "GET https://auth.example/token": Answer.status(204),
      "* /*": Answer.status(418)
    })))))

  it.effect("can be replaced while it is in use", () =>
    Effect.gen(function*() {
      const wire = yield* TestTransport.TestTransport
      const channel = yield* open
      expect(yield* send(channel, get("/"))).toMatchObject({ status: 200 })
      yield* wire.use(Answer.status(500))
      expect(yield* send(channel, get("/"))).toMatchObject({ status: 500 })
    }).pipe(Effect.provide(TestTransport.layer(Answer.status(200)))))

  it.effect("may answer with an effect, on the caller's clock", () =>
    Effect.gen(function*() {
      const channel = yield* open
      const fiber = yield* Effect.forkChild(send(channel, get("/")))
      yield* TestClock.adjust("4 seconds")
      expect(fiber.pollUnsafe()).toBeUndefined()
      yield* TestClock.adjust("1 second")
      expect(yield* Fiber.join(fiber)).toMatchObject({ status: 200 })
    }).pipe(Effect.provide(TestTransport.layer(() => Effect.delay(Effect.succeed(Answer.status(200)), "5 seconds")))))
})

describe("a request without an answer", () => {
  it.effect("fails the test even if the code under test handles the failure", () =>
    Effect.gen(function*() {
      const swallowed = Effect.flatMap(open, (channel) => Effect.ignore(send(channel, get("/x?key=k"))))
      expect(yield* unscripted(swallowed, [])).toContain(
        "TestTransport: there is no answer for GET https://payments.example/x, request 1"
      )
    }))

  it.effect("is not worth a retry", () =>
    Effect.gen(function*() {
      let retryable: boolean | undefined
      const failure = Effect.flatMap(open, (channel) => Effect.flip(send(channel, get("/x"))))
      yield* unscripted(Effect.map(failure, ({ isRetryable }) => retryable = isRetryable), [])
      expect(retryable).toBe(false)
    }))

  it.effect("is a defect of a plain HttpClient", () =>
    Effect.gen(function*() {
      const exit = yield* Effect.exit(HttpClient.get(`${origin}/x`)).pipe(
        Effect.provide(TestTransport.layer([])),
        Effect.exit
      )
      expect(Exit.isFailure(exit) && Cause.hasDies(exit.cause)).toBe(true)
    }))

  it.effect("is told from a handler that failed", () =>
    Effect.gen(function*() {
      const call = Effect.flatMap(open, (channel) => Effect.ignore(send(channel, get("/x"))))
      const text = yield* unscripted(call, (request) => request.json)
      expect(text).toContain("TestTransport: the handler failed for GET https://payments.example/x")
    }))
})

describe("a buffered exchange", () => {
  const outcomes: ReadonlyArray<[string, Answer.Answer, object]> = [
    ["reset before the headers", Answer.reset, { kind: "Reset", wasSent: true }],
    ["refused", Answer.refused, { kind: "Refused", wasSent: false }],
    ["an unknown name", Answer.failure("NameNotResolved"), { kind: "NameNotResolved", wasSent: false }],
    ["reset in the body", Answer.resetInBody, { kind: "Reset", wasSent: true }],
    ["truncated", Answer.truncated, { kind: "Truncated", wasSent: true }],
    ["a body beyond the limit", Answer.text(200, "x".repeat(1_001)), { _tag: "ResponseTooLarge", limit: 1_000 }],
    [
      "a declared length beyond the limit",
      Answer.cut(Answer.text(200, "x".repeat(1_001)), "hang"),
      { _tag: "ResponseTooLarge" }
    ],
    [
      "an endless stream",
      Answer.stream(200, Stream.forever(Stream.succeed("drip"))),
      { _tag: "ResponseTooLarge" }
    ]
  ]
  it.effect.each(outcomes)(
    "V4: %s is typed, and says whether it was sent",
    ([, answer, expected]) =>
      Effect.gen(function*() {
        const channel = yield* open
        expect(yield* Effect.flip(send(channel, get("/")))).toMatchObject(expected)
      }).pipe(Effect.provide(TestTransport.layer(answer)))
  )

  it.effect("calls back never from inside send, and once", () =>
    Effect.gen(function*() {
      const channel = yield* open
      const calls: Array<string> = []
      const receiver = { onResponse: () => calls.push("response"), onFailure: () => calls.push("failure") }
      channel.send(get("/"), receiver, yield* Effect.context<never>())
      expect(calls).toEqual([])
      yield* Effect.yieldNow
      yield* TestClock.adjust("1 hour")
      expect(calls).toEqual(["response"])
    }).pipe(Effect.provide(TestTransport.layer(Answer.status(200)))))

  it.effect("is delayed and hangs on the caller's clock", () =>
    Effect.gen(function*() {
      const wire = yield* TestTransport.TestTransport
      const channel = yield* open
      const late = yield* Effect.forkChild(send(channel, get("/late")))
      const never = yield* Effect.forkChild(Effect.timeoutOption(send(channel, get("/never")), "1 minute"))
      yield* TestClock.adjust("3 seconds")
      expect(yield* Fiber.join(late)).toMatchObject({ status: 200 })
      expect(yield* wire.inFlight).toBe(1)
      yield* TestClock.adjust("1 minute")
      expect(Option.isNone(yield* Fiber.join(never))).toBe(true)
      expect(yield* wire.inFlight).toBe(0)
      expect(yield* wire.cancelled).toBe(1)
    }).pipe(Effect.provide(TestTransport.layer(TestTransport.routes({
      "GET /late": Answer.delay("3 seconds", Answer.status(200)),
      "GET /never": Answer.hangInBody
    })))))

  it.effect("knows before its end whether it was sent", () =>
    Effect.gen(function*() {
      const channel = yield* open
      const context = yield* Effect.context<never>()
      const sent = (path: string) => {
        const exchange = channel.send(get(path), { onResponse: () => {}, onFailure: () => {} }, context)
        const { wasSent } = exchange
        exchange.cancel()
        return wasSent
      }
      expect(sent("/hang")).toBe(true)
      expect(sent("/unreachable")).toBe(false)
      expect(sent("/late")).toBe(false)
    }).pipe(Effect.provide(TestTransport.layer(TestTransport.routes({
      "* /hang": Answer.hang,
      "* /unreachable": Answer.neverConnects,
      "* /late": Answer.delay("1 second", Answer.refused)
    })))))

  it.effect("L4: ends when the scope of its pool closes, and later ones are refused", () =>
    Effect.gen(function*() {
      const wire = yield* TestTransport.TestTransport
      const scope = yield* Scope.make()
      const channel = yield* Scope.provide(open, scope)
      const fiber = yield* Effect.forkChild(Effect.flip(send(channel, get("/"))))
      yield* wire.received(1)
      yield* Scope.close(scope, Exit.void)
      expect(yield* Fiber.join(fiber)).toMatchObject({ kind: "Closed", wasSent: true })
      expect(yield* Effect.flip(send(channel, get("/")))).toMatchObject({ wasSent: false })
      expect(yield* wire.pools).toMatchObject([{ isOpen: false }])
      expect(yield* wire.requests).toHaveLength(1)
    }).pipe(Effect.provide(TestTransport.layer(Answer.hang))))
})

describe("a plain HttpClient", () => {
  it.effect("carries its transport where core looks for it, in the client and in no transformation of it", () =>
    Effect.gen(function*() {
      const client = yield* HttpClient.HttpClient
      expect(Transport.of(client)).toBeDefined()
      expect(Transport.of(HttpClient.mapRequest(client, (request) => request))).toBeUndefined()
    }).pipe(Effect.provide(TestTransport.layer(Answer.status(200)))))

  it.effect("answers as an exchange does", () =>
    Effect.gen(function*() {
      const response = yield* HttpClient.execute(
        HttpClientRequest.post(`${origin}/a?b=1`, { headers: { "x-test": "1" } }).pipe(
          HttpClientRequest.bodyText("hello")
        )
      )
      expect(response.status).toBe(200)
      expect(yield* response.json).toEqual({ text: "hello", header: "1", query: "1" })
      expect(response.cookies.cookies).toHaveProperty("a")
    }).pipe(Effect.provide(TestTransport.layer(({ headers, query, text }) =>
      Answer.json(200, { text, header: headers["x-test"], query: query.get("b") }, { "set-cookie": ["a=1", "b=2"] })
    ))))

  it.effect("sends no trace headers unless they are asked for", () =>
    Effect.gen(function*() {
      const wire = yield* TestTransport.TestTransport
      yield* HttpClient.get(origin)
      yield* Effect.provideService(HttpClient.get(origin), HttpClient.TracerPropagationEnabled, true)
      const [first, second] = yield* wire.requests
      expect(first!.headers).not.toHaveProperty("traceparent")
      expect(second!.headers).toHaveProperty("traceparent")
    }).pipe(Effect.withSpan("test"), Effect.provide(TestTransport.layer(Answer.status(200)))))

  it.effect.each(
    [
      ["reset", Answer.reset, "TransportError"],
      ["refused", Answer.refused, "TransportError"],
      ["resetInBody", Answer.resetInBody, "DecodeError"],
      ["truncated", Answer.truncated, "DecodeError"],
      ["garbage", Answer.garbage, "DecodeError"]
    ] as const
  )("fails typed where the connection does: %s", ([, answer, tag]) =>
    Effect.gen(function*() {
      const failure = yield* Effect.flip(Effect.flatMap(HttpClient.get(origin), (response) => response.json))
      expect(failure.reason._tag).toBe(tag)
    }).pipe(Effect.provide(TestTransport.layer(answer))))

  it.effect("uploads a stream and streams the answer, piece by piece, on the caller's clock", () =>
    Effect.gen(function*() {
      const wire = yield* TestTransport.TestTransport
      const upload = Stream.make("one ", "two").pipe(Stream.encodeText)
      const response = yield* HttpClient.execute(HttpClientRequest.bodyStream(HttpClientRequest.post(origin), upload))
      expect((yield* wire.requests).at(-1)!.text).toBe("one two")
      const seen: Array<string> = []
      const fiber = yield* Effect.forkChild(
        Stream.runForEach(Stream.decodeText(response.stream), (text) => Effect.sync(() => seen.push(text)))
      )
      yield* TestClock.adjust("2 seconds")
      expect(seen).toEqual(["tick", "tick"])
      expect(yield* wire.inFlight).toBe(1)
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(fiber)
      expect(yield* wire.inFlight).toBe(0)
    }).pipe(
      Effect.provide(TestTransport.layer(() =>
        Answer.stream(
          200,
          Stream.make("tick", "tick", "tick").pipe(
            Stream.mapEffect((tick) => Effect.delay(Effect.succeed(tick), "1 second"))
          )
        )
      ))
    ))

  it.effect("counts a response as in flight until its body is read, and an interrupted one as cancelled", () =>
    Effect.gen(function*() {
      const wire = yield* TestTransport.TestTransport
      const response = yield* HttpClient.get(origin)
      expect(yield* wire.inFlight).toBe(1)
      const fiber = yield* Effect.forkChild(response.text)
      yield* Effect.yieldNow
      yield* Fiber.interrupt(fiber)
      expect([yield* wire.inFlight, yield* wire.cancelled]).toEqual([0, 1])
    }).pipe(Effect.provide(TestTransport.layer(Answer.hangInBody))))
})
