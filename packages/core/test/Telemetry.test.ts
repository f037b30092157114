import { assert, describe, it } from "@effect/vitest"
import * as Auth from "@switchboard/core/Auth"
import * as Events from "@switchboard/core/Events"
import * as Resilience from "@switchboard/core/Resilience"
import * as Telemetry from "@switchboard/core/Telemetry"
import * as Answer from "@switchboard/testing/Answer"
import * as TestTransport from "@switchboard/testing/TestTransport"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Tracer from "effect/Tracer"
import { CardDeclined, charge, layer, Payments } from "./payments.ts"
import { menu, remote as shopRemote, shop } from "./shop.ts"
import { recording } from "./spans.ts"
import { client, item, remote } from "./vault.ts"

const ok = Answer.json(200, charge)
const declined = Answer.json(402, { error: { code: "no_funds" } })
const busy = Answer.status(503, { "retry-after": "1" })
const get = Effect.flatMap(Payments, (payments) => payments.charges.get({ params: { id: "ch_1" } }))
const create = Effect.flatMap(Payments, (payments) => payments.charges.create({ payload: { amount: 250 } }))
const quick = Effect.flatMap(Payments, (payments) => payments.charges.quick())
const download = Effect.flatMap(Payments, (payments) => payments.files.download({ params: { id: "f1" } }))
const wire = TestTransport.TestTransport

/** Records the spans of an effect, in the order in which they began. */
const traced = <A, E, R>(self: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const { spans, tracer } = recording()
    return Effect.map(Effect.exit(Effect.withTracer(self, tracer)), (exit) => ({ exit, spans }))
  })

const elapsed = <A, E, R>(self: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(self)
    yield* TestClock.adjust("1 minute")
    return yield* Fiber.join(fiber)
  })

const attributesOf = (span: Tracer.NativeSpan | undefined) => Object.fromEntries(span?.attributes ?? [])
const parentOf = (span: Tracer.NativeSpan | undefined) =>
  span?.parent._tag === "Some" ? span.parent.value.spanId : undefined
const exitOf = (span: Tracer.NativeSpan | undefined) => span?.status._tag === "Ended" ? span.status.exit : undefined

describe("spans", () => {
  it.effect("one for the call and one for its attempt, under the span of the caller", () =>
    Effect.gen(function*() {
      const { spans } = yield* traced(Effect.withSpan(get, "caller"))
      const [caller, call, attempt] = spans
      assert.deepStrictEqual(spans.map(({ kind, name }) => [kind, name]), [
        ["internal", "caller"],
        ["internal", "test/Payments charges.get"],
        ["client", "GET /charges/{id}"]
      ])
      assert.strictEqual(parentOf(call), caller?.spanId)
      assert.strictEqual(parentOf(attempt), call?.spanId)
      const [request] = yield* (yield* wire).requests
      assert.deepStrictEqual(attributesOf(call), {
        "switchboard.integration": "test/Payments",
        "switchboard.operation": "charges.get",
        "switchboard.request_id": request?.headers["x-request-id"],
        "switchboard.attempts": 1
      })
      assert.deepStrictEqual(attributesOf(attempt), {
        "http.request.method": "GET",
        "url.template": "/charges/{id}",
        "url.full": "https://payments.example/v1/charges/ch_1",
        "server.address": "payments.example",
        "server.port": "443",
        "http.response.status_code": 200
      })
      assert.deepStrictEqual(exitOf(call), Exit.succeed(charge))
      assert.isTrue(Exit.isSuccess(exitOf(attempt)!))
    }).pipe(Effect.provide(layer(ok))))

  it.effect("one for each attempt, those that failed with their failure, and the number of those before", () =>
    Effect.gen(function*() {
      const { exit, spans } = yield* elapsed(traced(get))
      assert.deepStrictEqual(exit, Exit.succeed(charge))
      const [call, ...attempts] = spans
      assert.strictEqual(attempts.length, 3)
      assert.strictEqual(attributesOf(call)["switchboard.attempts"], 3)
      assert.notProperty(attributesOf(call), "error.type")
      for (const attempt of attempts) assert.strictEqual(parentOf(attempt), call?.spanId)
      assert.deepStrictEqual(attempts.map((span) => attributesOf(span)["http.request.resend_count"]), [undefined, 1, 2])
      assert.deepStrictEqual(attempts.map((span) => attributesOf(span)["http.response.status_code"]), [
        503,
        undefined,
        200
      ])
      assert.deepStrictEqual(attempts.map((span) => attributesOf(span)["error.type"]), [
        "UnexpectedStatus",
        "Transport",
        undefined
      ])
      assert.deepStrictEqual(attempts.map((span) => exitOf(span)?._tag), ["Failure", "Failure", "Success"])
    }).pipe(Effect.provide(layer([busy, Answer.reset, ok]))))

  it.effect("of a streamed operation are the same", () =>
    Effect.gen(function*() {
      const { spans } = yield* traced(Effect.flatMap(download, Stream.runDrain))
      const [call, attempt] = spans
      assert.deepStrictEqual(spans.map(({ name }) => name), ["test/Payments files.download", "GET /files/{id}"])
      assert.strictEqual(parentOf(attempt), call?.spanId)
      assert.deepStrictEqual(attributesOf(attempt), {
        "http.request.method": "GET",
        "url.template": "/files/{id}",
        "url.full": "https://payments.example/v1/files/f1",
        "server.address": "payments.example",
        "server.port": "443",
        "http.response.status_code": 200
      })
    }).pipe(Effect.provide(layer(Answer.bytes(200, Uint8Array.of(1))))))

  it.effect("of a call that fails say why, declared or not", () =>
    Effect.gen(function*() {
      const { spans: [call, attempt] } = yield* traced(create)
      assert.strictEqual(attributesOf(call)["error.type"], "CardDeclined")
      assert.strictEqual(attributesOf(attempt)["error.type"], "CardDeclined")
      assert.strictEqual(attributesOf(attempt)["http.response.status_code"], 402)
      assert.deepStrictEqual(Exit.findErrorOption(exitOf(call)!), Option.some(new CardDeclined({ code: "no_funds" })))
      yield* (yield* wire).use(Answer.reset)
      const failed = yield* traced(create)
      assert.strictEqual(attributesOf(failed.spans[0])["error.type"], "Transport")
      const failure = exitOf(failed.spans[0])
      assert.isTrue(failure !== undefined && Exit.isFailure(failure))
    }).pipe(Effect.provide(layer(declined))))

  it.effect("of a call that cannot be made: one, without an attempt", () =>
    Effect.gen(function*() {
      const payments = yield* Payments
      const { spans } = yield* traced(payments.charges.create({ payload: { amount: 1.5 } }))
      assert.deepStrictEqual(spans.map(({ name }) => name), ["test/Payments charges.create"])
      assert.deepInclude(attributesOf(spans[0]), { "switchboard.attempts": 0, "error.type": "InvalidRequest" })
      assert.strictEqual(exitOf(spans[0])?._tag, "Failure")
    }).pipe(Effect.provide(layer(ok))))

  it.effect("end when the caller is interrupted", () =>
    Effect.gen(function*() {
      const { spans, tracer } = recording()
      const fiber = yield* Effect.forkChild(Effect.withTracer(get, tracer))
      yield* (yield* wire).received(1)
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(spans.length, 2)
      for (const span of spans) assert.isTrue(Exit.hasInterrupts(exitOf(span)!))
      assert.strictEqual(attributesOf(spans[0])["error.type"], "interrupted")
    }).pipe(Effect.provide(layer(Answer.hang))))

  it.effect("of a tracer that throws keep no call from its answer, nor from its end", () =>
    Effect.gen(function*() {
      const fail = () => {
        throw new Error("no")
      }
      const throwing = Tracer.make({
        span: (options) => {
          const span = new Tracer.NativeSpan(options)
          const attribute = (name: string, value: unknown) =>
            name === "switchboard.attempts" ? fail() : Tracer.NativeSpan.prototype.attribute.call(span, name, value)
          return Object.assign(span, { attribute }, options.kind === "client" ? { end: fail } : undefined)
        }
      })
      const listened = Effect.withTracer(get, throwing)
      assert.deepStrictEqual(yield* Effect.exit(listened), yield* Effect.exit(get))
      yield* (yield* wire).use(Answer.hang)
      const before = yield* (yield* wire).inFlight
      const fiber = yield* Effect.forkChild(listened)
      yield* (yield* wire).received(3)
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(yield* (yield* wire).inFlight, before)
    }).pipe(Effect.provide(layer(ok))))

  it.effect("hold no attribute that the table does not list, and every one it lists somewhere", () =>
    Effect.gen(function*() {
      const { spans } = yield* elapsed(traced(Effect.exit(get)))
      const names = (kind: string) =>
        new Set(spans.filter((span) => span.kind === kind).flatMap((span) => Array.from(span.attributes.keys())))
      assert.deepStrictEqual(Array.from(names("internal")).toSorted(), [...Telemetry.spans.call.attributes].toSorted())
      assert.deepStrictEqual(Array.from(names("client")).toSorted(), [...Telemetry.spans.attempt.attributes].toSorted())
    }).pipe(Effect.provide(layer(busy))))

  it.effect("hide what auth and convention name in a URL, and leave its placeholders alone", () =>
    Effect.gen(function*() {
      const scheme = Auth.custom({
        settings: { key: Auth.Secret },
        places: [{ in: "path", name: "tenant" }, { in: "query", name: "q" }],
        authenticator: ({ key }) => ({ path: { tenant: Redacted.value(key) }, query: { s: Redacted.value(key) } })
      })
      const vault = yield* client(scheme, { key: Redacted.make("CANARY"), baseUrl: "https://vault.example/{tenant}" })
      const query = { q: "hidden", api_key: "hidden" }
      const { spans } = yield* traced(Effect.all([
        vault.get({ params: { id: "a" }, query }),
        Effect.flatMap(vault.download({ params: { id: "a" }, query: { q: "hidden" } }), Stream.runDrain)
      ]))
      const urls = spans.filter((span) => span.kind === "client").map((span) => attributesOf(span)["url.full"])
      assert.deepStrictEqual(urls, [
        "https://vault.example/{tenant}/items/a?q=<redacted>&api_key=<redacted>",
        "https://vault.example/{tenant}/files/a?q=<redacted>"
      ])
    }).pipe(
      Effect.provide(
        remote(({ path }) => path.includes("files") ? Answer.bytes(200, Uint8Array.of(1)) : Answer.json(200, item))
      )
    ))
})

const script: TestTransport.Script = ({ path }) => path.includes("files") ? Answer.bytes(200, Uint8Array.of(1)) : ok

describe("trace headers", () => {
  const both = Effect.all([get, Effect.flatMap(download, Stream.runDrain)])
  const traceparents = Effect.flatMap(
    wire,
    (wire) => Effect.map(wire.requests, (requests) => requests.map((request) => request.headers["traceparent"]))
  )

  it.effect("are not sent, buffered or streamed", () =>
    Effect.gen(function*() {
      yield* traced(Effect.withSpan(both, "caller"))
      for (const { headers } of yield* (yield* wire).requests) {
        assert.isFalse(Object.keys(headers).some((name) => /trace|b3|baggage/.test(name)))
      }
      assert.strictEqual((yield* traceparents).length, 2)
    }).pipe(Effect.provide(layer(script))))

  it.effect("name the span of the attempt where they are asked for, buffered and streamed", () =>
    Effect.gen(function*() {
      const { spans } = yield* traced(both)
      const attempts = spans.filter(({ kind }) => kind === "client")
      assert.deepStrictEqual(
        yield* traceparents,
        attempts.map(({ spanId, traceId }) => `00-${traceId}-${spanId}-01`)
      )
    }).pipe(Effect.provide(layer(script, { propagateTrace: true }))))

  it.effect("are not sent without a tracer: then there is no span", () =>
    Effect.gen(function*() {
      yield* Effect.withSpan(both, "caller")
      assert.deepStrictEqual(yield* traceparents, [undefined, undefined])
    }).pipe(Effect.provide(layer(script, { propagateTrace: true }))))
})

/** With a registry of its own. */
const measured = <A, E, R>(self: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => Effect.provideService(self, Metric.MetricRegistry, new Map()))

const series = (name: string) =>
  Effect.map(Metric.snapshot, (all) =>
    all.filter(({ id }) => id === name).map(({ attributes, state }) => {
      const { time_unit: _t, unit: _u, ...labels } = { ...attributes }
      return { labels, state: state as { readonly count?: number; readonly value?: number; readonly sum?: number } }
    }))

const counts = (name: string) =>
  Effect.map(
    series(name),
    (all) => all.map(({ labels, state }): Record<string, unknown> => ({ ...labels, count: Number(state.count) }))
  )

/** A call that is hedged, and one that a cache answers. */
const hedgedAndKept = Effect.gen(function*() {
  const { menu: api } = yield* shop({ resilience: { hedge: { delay: 0 }, cache: { ttl: "1 minute" } } })
  yield* api.list({ params: { shop: "berlin" } })
  yield* api.list({ params: { shop: "berlin" } })
}).pipe(Effect.scoped, Effect.provide(shopRemote(Answer.json(200, menu))))

describe("metrics", () => {
  it.effect("of the table exist, each with exactly its labels", () =>
    measured(
      Effect.gen(function*() {
        yield* elapsed(Effect.exit(get))
        yield* (yield* wire).use(Answer.reset)
        yield* elapsed(Effect.exit(create))
        yield* (yield* wire).use(ok)
        yield* elapsed(Effect.exit(get))
        const circuit = yield* Payments.circuit
        yield* circuit!.isolate
        yield* Effect.exit(get)
        yield* hedgedAndKept
        for (const [name, { description, labels }] of Object.entries(Telemetry.metrics)) {
          const found = yield* series(name)
          const names = new Set(found.flatMap((one) => Object.keys(one.labels)))
          assert.deepStrictEqual(Array.from(names).toSorted(), [...labels].toSorted(), name)
          const snapshot = (yield* Metric.snapshot).find(({ id }) => id === name)
          assert.strictEqual(snapshot?.description, description)
        }
        const known = Object.keys(Telemetry.metrics)
        for (const { id } of yield* Metric.snapshot) {
          if (/^(http|switchboard)/.test(id)) assert.include(known, id)
        }
      }).pipe(Effect.provide(layer(busy)))
    ))

  it.effect("count calls, attempts, retries and refusals by how they ended", () =>
    measured(
      Effect.gen(function*() {
        yield* elapsed(get)
        yield* Effect.exit(create)
        const circuit = yield* Payments.circuit
        yield* circuit!.isolate
        yield* Effect.exit(get)
        const server = { "server.address": "payments.example", "server.port": "443" }
        const gets = { ...server, "http.request.method": "GET", "url.template": "/charges/{id}" }
        assert.deepStrictEqual(yield* counts("http.client.request.duration"), [
          { ...gets, "http.response.status_code": "503", "error.type": "UnexpectedStatus", count: 1 },
          { ...gets, "http.response.status_code": "200", count: 1 },
          {
            ...server,
            "http.request.method": "POST",
            "url.template": "/charges",
            "http.response.status_code": "402",
            "error.type": "CardDeclined",
            count: 1
          }
        ])
        const ours = { "switchboard.integration": "test/Payments", "switchboard.operation": "charges.get" }
        assert.deepStrictEqual(yield* counts("switchboard.call.duration"), [
          { ...ours, "switchboard.outcome": "success", count: 1 },
          { ...ours, "switchboard.operation": "charges.create", "switchboard.outcome": "CardDeclined", count: 1 },
          { ...ours, "switchboard.outcome": "CircuitOpen", count: 1 }
        ])
        assert.deepStrictEqual(yield* counts("switchboard.retries"), [
          { ...ours, "error.type": "UnexpectedStatus", count: 1 }
        ])
        assert.deepStrictEqual(yield* counts("switchboard.refusals"), [{
          ...ours,
          "error.type": "CircuitOpen",
          count: 1
        }])
      }).pipe(Effect.provide(layer([busy, ok, declined])))
    ))

  it.effect("are in seconds, waits included in those of the call only", () =>
    measured(
      Effect.gen(function*() {
        yield* elapsed(get)
        const [attempt] = yield* series("http.client.request.duration")
        const [call] = yield* series("switchboard.call.duration")
        assert.strictEqual(attempt?.state.sum, 2)
        assert.isAtLeast(call?.state.sum ?? 0, 8)
      }).pipe(
        Effect.provide(
          layer([Answer.delay("2 seconds", Answer.status(503, { "retry-after": "5" })), Answer.delay("1 second", ok)])
        )
      )
    ))

  it.effect("R7: have bounded labels: no id, key or URL, and no more series for more calls", () =>
    measured(
      Effect.gen(function*() {
        const payments = yield* Payments
        const some = (from: number) =>
          Effect.forEach(
            Array.from({ length: 20 }, (_, i) => `ch_${from + i}`),
            (id) => payments.charges.get({ params: { id } })
          )
        yield* some(0)
        const before = (yield* Metric.snapshot).length
        yield* some(100)
        const after = yield* Metric.snapshot
        assert.strictEqual(after.length, before)
        const labels = JSON.stringify(after.map(({ attributes }) => attributes))
        for (const part of ["ch_", "https://", "sk_test"]) assert.notInclude(labels, part)
        const [request] = yield* (yield* wire).requests
        assert.notInclude(labels, request!.headers["x-request-id"]!)
      }).pipe(Effect.provide(layer(ok)))
    ))

  it.effect("R8: the gauge of the circuit says its state right after each transition", () =>
    measured(
      Effect.gen(function*() {
        const registry = yield* Metric.MetricRegistry
        const seen: Array<readonly [string, number]> = []
        const gauge = () =>
          Array.from(registry.values()).filter(({ id }) => id === "switchboard.circuit.state")
            .map(({ hooks }) => (hooks.get(context) as { readonly value: number }).value)[0]!
        const context = yield* Effect.context<never>()
        const listener = Events.layerListener((event) => {
          if (event._tag === "CircuitChanged") seen.push([event.to, gauge()])
        })
        const settings = { retry: false, breaker: { failureThreshold: 1, resetTimeout: "10 seconds" } } as const
        yield* Effect.gen(function*() {
          assert.strictEqual(gauge(), 0)
          yield* Effect.exit(get)
          yield* TestClock.adjust("10 seconds")
          yield* (yield* wire).use(ok)
          yield* get
          yield* (yield* Payments.circuit)!.isolate
          yield* (yield* Payments.circuit)!.reset
        }).pipe(Effect.provide(layer(Answer.status(500), settings).pipe(Layer.provide(listener))))
        assert.deepStrictEqual(seen, [["Open", 2], ["HalfOpen", 1], ["Closed", 0], ["Isolated", 3], ["Closed", 0]])
      })
    ))

  it.effect("R8: a second layer of an integration does not reset the gauge of the circuit they share", () =>
    measured(
      Effect.gen(function*() {
        yield* Effect.exit(Effect.provide(get, twin))
        const [before] = yield* series("switchboard.circuit.state")
        assert.strictEqual(before?.state.value, 2)
        yield* Effect.provide(Effect.flip(get), twin)
        const [after] = yield* series("switchboard.circuit.state")
        assert.strictEqual(after?.state.value, 2)
      }).pipe(Effect.provide(remote(Answer.status(500))))
    ))
  const twin = Payments.layer({
    token: Redacted.make("t"),
    retry: false,
    breaker: { failureThreshold: 1, resetTimeout: "10 seconds" }
  })

  it.effect("of a call that is interrupted: its outcome is interrupted", () =>
    measured(
      Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(get)
        yield* (yield* wire).received(1)
        yield* Fiber.interrupt(fiber)
        assert.deepStrictEqual(
          (yield* counts("switchboard.call.duration")).map((one) => one["switchboard.outcome"]),
          ["interrupted"]
        )
      }).pipe(Effect.provide(layer(Answer.hang)))
    ))

  it.effect("of a total timeout that ends an attempt, and of a bulkhead that is full", () =>
    measured(
      Effect.gen(function*() {
        const one = yield* Effect.forkChild(Effect.exit(quick))
        yield* (yield* wire).received(1)
        yield* Effect.exit(quick.pipe(Resilience.withOptions({ retry: false })))
        yield* TestClock.adjust("10 seconds")
        yield* Fiber.join(one)
        assert.deepStrictEqual(
          (yield* counts("switchboard.refusals")).map((one) => one["error.type"]),
          ["BulkheadFull"]
        )
        assert.deepStrictEqual(
          (yield* counts("http.client.request.duration")).map((one) => one["error.type"]),
          ["AttemptTimeout", "DeadlineExceeded"]
        )
      }).pipe(Effect.provide(layer(Answer.hang, { bulkhead: { maxConcurrent: 1, maxQueue: 0 } })))
    ))
})

describe("the names of how something ended", () => {
  it("are tags, and bounded for what has none", () => {
    assert.strictEqual(Telemetry.tagOf(Exit.void), "success")
    assert.strictEqual(Telemetry.tagOf(Exit.fail(new CardDeclined({ code: "x" }))), "CardDeclined")
    // @effect-diagnostics-next-line globalErrorInEffectFailure:off
    assert.strictEqual(Telemetry.tagOf(Exit.fail(new TypeError("anything"))), "TypeError")
    assert.strictEqual(Telemetry.tagOf(Exit.fail("anything")), "error")
    assert.strictEqual(Telemetry.tagOf(Exit.die(new Error("anything"))), "defect")
    assert.strictEqual(Telemetry.tagOf(Exit.interrupt()), "interrupted")
  })
})
