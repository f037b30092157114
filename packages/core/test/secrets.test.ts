/**
 * A canary is put wherever auth can put a secret; everything that an observer can see is collected while calls succeed
 * and fail in every way, and the canary must not be in it: as it is, percent-encoded, or in base64.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Auth from "@switchboard/core/Auth"
import * as Events from "@switchboard/core/Events"
import * as Integration from "@switchboard/core/Integration"
import { IntegrationError, isIntegrationError } from "@switchboard/core/IntegrationError"
import * as ProblemDetails from "@switchboard/core/ProblemDetails"
import * as Redaction from "@switchboard/core/Redaction"
import * as Resilience from "@switchboard/core/Resilience"
import * as Answer from "@switchboard/testing/Answer"
import type * as TestTransport from "@switchboard/testing/TestTransport"
import * as Cause from "effect/Cause"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Base64 from "effect/encoding/Base64"
import * as Base64Url from "effect/encoding/Base64Url"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Formatter from "effect/Formatter"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import * as PrometheusMetrics from "effect/observability/PrometheusMetrics"
import * as Redacted from "effect/Redacted"
import * as References from "effect/References"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { inspect } from "node:util"
import { recording } from "./spans.ts"
import { baseUrl, client, item, remote, sent, VaultApi } from "./vault.ts"

const canary = "CaNaRy/+ =7&x"
const key = Redacted.make(canary)
const userAndPassword = `someone:${canary}`

/** How the canary could look; the first is in all that is not base64. */
const looks = [
  "CaNaRy",
  ...[canary, userAndPassword].flatMap((text) => [
    encodeURIComponent(text),
    Base64.encode(text).replaceAll("=", ""),
    Base64Url.encode(text)
  ])
]
const reveals = (text: string) => looks.filter((look) => text.toLowerCase().includes(look.toLowerCase()))

/** Where auth can put a secret. */
const tenantUrl = "https://vault.example/bot{tenant}/v1"
const place = (where: Auth.Auth["places"][number]["in"], name: string, value: (key: string) => string = (key) => key) =>
  Auth.custom({
    settings: { key: Auth.Secret },
    places: [{ in: where, name }],
    authenticator: ({ key }) => ({ [where]: { [name]: value(Redacted.value(key)) } })
  })
const schemes: Record<string, { auth: Auth.Auth<any>; settings: object }> = {
  "bearer": { auth: Auth.bearer, settings: { token: key } },
  "basic": { auth: Auth.basic, settings: { username: "someone", password: key } },
  "apiKey in a header": { auth: Auth.apiKey({ header: "X-Vault" }), settings: { apiKey: key } },
  "apiKey in the query": { auth: Auth.apiKey({ query: "who am i" }), settings: { apiKey: key } },
  "apiKey in a cookie": { auth: Auth.apiKey({ cookie: "session" }), settings: { apiKey: key } },
  "custom in a header": { auth: place("header", "X-Own"), settings: { key } },
  "custom in the body": { auth: place("body", "who"), settings: { key } },
  "custom in the path": { auth: place("path", "tenant"), settings: { key, baseUrl: tenantUrl } },
  "custom that signs": {
    auth: Auth.custom({
      settings: { key: Auth.Secret },
      places: [{ in: "header", name: "x-signature" }, { in: "query", name: "sig" }, { in: "body", name: "stamp" }],
      authenticator: ({ key }) => () =>
        Effect.succeed({
          header: { "x-signature": Redacted.value(key) },
          query: { sig: Redacted.value(key) },
          body: { stamp: Redacted.value(key) }
        })
    }),
    settings: { key }
  }
}

type Vault = Effect.Success<ReturnType<typeof client<{}>>>

/** Requests of each kind: with and without a body, answered whole and as a stream. */
const calls = (vault: Vault): ReadonlyArray<Effect.Effect<unknown, unknown>> => [
  vault.get({ params: { id: "a" }, query: { q: "x" } }),
  vault.create({ payload: { name: "n" } }),
  vault.submit({ payload: { name: "n" } }),
  Effect.flatMap(vault.download({ params: { id: "a" } }), Stream.runDrain),
  Effect.flatMap(vault.ask({ payload: { prompt: "p" } }), Stream.runDrain)
]
const buffered = (vault: Vault) => calls(vault).slice(0, 3)

const invalid = (vault: Vault): ReadonlyArray<Effect.Effect<unknown, unknown>> => [
  vault.get({ params: { id: ".." } }),
  vault.create({ payload: { name: 1 as never } })
]

interface Scenario {
  readonly script: TestTransport.Script
  readonly settings?: Resilience.Options
  readonly calls?: typeof calls
}

/** A remote that tells all it was told. */
const echo = (status: number): TestTransport.Script => (request) =>
  Answer.json(status, { error: `no ${canary}`, [canary]: request.headers, url: request.url, text: request.text }, {
    "x-echo": canary,
    "www-authenticate": `Bearer ${canary}`,
    "location": `https://vault.example/?${canary}`,
    "set-cookie": canary
  })

const scenarios: Record<string, Scenario> = {
  "success": {
    script: (request) =>
      /files|ask/.test(request.path)
        ? Answer.bytes(200, Uint8Array.of(1))
        : Answer.json(200, item, { "x-echo": canary })
  },
  "a declared error": { script: Answer.json(402, { code: "no_funds" }, { "x-echo": canary }) },
  "UnexpectedStatus 503 that is retried": { script: echo(503), settings: { retry: { maxRetries: 2 } } },
  "UnexpectedStatus 418": { script: echo(418) },
  "a redirect": { script: echo(307) },
  "Unauthenticated": { script: echo(401) },
  "RateLimited": { script: echo(429) },
  "InvalidResponse: another shape": { script: echo(200) },
  "InvalidResponse: a declared status with another shape": { script: echo(402) },
  "InvalidResponse: not JSON": { script: Answer.text(200, canary, { "content-type": "application/json" }) },
  "InvalidResponse: another type": { script: Answer.text(200, canary, { "content-type": "text/CaNaRy" }) },
  "InvalidResponse: garbage": { script: Answer.garbage },
  "ResponseTooLarge": { script: echo(200), settings: { maxResponseBytes: 1 } },
  "Transport: reset": { script: Answer.reset },
  "Transport: refused": { script: Answer.refused },
  "Transport: truncated": { script: Answer.truncated },
  "Transport: a stream that breaks": {
    script: Answer.cut(Answer.stream(200, Stream.make(canary), { "content-type": "application/octet-stream" }), "reset")
  },
  "AttemptTimeout": { script: Answer.hang, settings: { attemptTimeout: "1 second" } },
  "AttemptTimeout in the body": {
    script: Answer.hangInBody,
    settings: { attemptTimeout: "1 second" },
    calls: buffered
  },
  "DeadlineExceeded": { script: Answer.hang, settings: { totalTimeout: "1 second" } },
  "CircuitOpen": { script: echo(500), settings: { breaker: { failureThreshold: 1 } } },
  "BulkheadFull": { script: Answer.hang, settings: { bulkhead: { maxConcurrent: 1, maxQueue: 0 } } },
  "InvalidRequest": { script: Answer.status(200), calls: invalid }
}

/** All that an observer sees of some calls. */
const observe = (scheme: (typeof schemes)[string], scenario: Scenario) =>
  Effect.gen(function*() {
    const seen: Array<string> = []
    const show = (...values: ReadonlyArray<unknown>) => {
      for (const value of values) {
        seen.push(String(value), Formatter.format(value), inspect(value, { depth: 12, showHidden: true }))
        seen.push(json(value))
      }
    }
    const { spans, tracer } = recording()
    const logger = Logger.make(({ cause, message }) => show(message, cause))
    const registry: Map<string, any> = new Map()

    const run = Effect.gen(function*() {
      const { stream } = yield* Events.Events
      const collecting = yield* Effect.forkChild(Stream.runForEach(stream, (event) => Effect.sync(() => show(event))))
      yield* Effect.yieldNow
      const vault = yield* client(scheme.auth, {
        retry: { maxRetries: 0 },
        ...scenario.settings,
        ...scheme.settings
      })
      const all = yield* Effect.forkChild(Effect.forEach(
        (scenario.calls ?? calls)(vault as Vault),
        (call) => Effect.exit(Effect.tapCause(call, (cause) => Effect.logError("a call failed", cause))),
        { concurrency: "unbounded" }
      ))
      yield* TestClock.adjust("1 minute")
      const exits = yield* Fiber.join(all)
      for (const exit of exits) {
        show(exit)
        if (Exit.isSuccess(exit)) continue
        seen.push(Cause.pretty(exit.cause))
        const error = Cause.squash(exit.cause)
        show(error, error instanceof Error ? error.message : "", error instanceof Error ? error.stack : "")
        if (!isIntegrationError(error)) continue
        show(error.reason, error.reason.message, yield* Schema.encodeEffect(IntegrationError)(error))
        show(yield* ProblemDetails.fromError(error))
      }
      show(yield* Metric.snapshot, yield* PrometheusMetrics.format())
      const requests = yield* sent
      show(...requests)
      show(vault)
      yield* Fiber.interrupt(collecting)
      return { exits, requests }
    }).pipe(
      Effect.provide(
        Events.layer().pipe(Layer.provideMerge(Events.layerListener((event) => {
          show(event, Events.toEnvelope(event, "e1"))
        })))
      ),
      Effect.withSpan("test"),
      Effect.withTracer(tracer),
      Effect.provide(Logger.layer([logger])),
      Effect.provideService(References.MinimumLogLevel, "All"),
      Effect.provideService(Metric.MetricRegistry, registry)
    )
    const redaction = Redaction.make(scheme.auth.places, tenantUrl)
    const result = yield* Effect.provide(run, remote(scenario.script, { redaction }))
    for (const span of spans) {
      show(span.name, Object.fromEntries(span.attributes), span.events, span.status, span.links)
      if (span.status._tag === "Ended") show(span.status.exit)
    }
    assert.isAbove(spans.length, result.exits.length)
    return { ...result, seen }
  })

const json = (value: unknown): string => {
  try {
    return JSON.stringify(value, (_, inner) => typeof inner === "bigint" ? String(inner) : inner) ?? ""
  } catch {
    return ""
  }
}

describe.each(Object.keys(schemes))("a secret of %s is seen by no observer", (name) => {
  const scheme = schemes[name]!

  it.effect.each(Object.keys(scenarios))("%s", (title) =>
    Effect.gen(function*() {
      const { exits, requests, seen } = yield* observe(scheme, scenarios[title]!)
      const revealed = seen.filter((text) => reveals(text).length > 0)
      assert.deepStrictEqual(revealed.map((text) => text.slice(0, 500)), [])
      const [tag] = title.split(/[ :]/)
      const tags = exits.map((exit) => {
        const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
        return isIntegrationError(error) ? error.reason._tag : undefined
      })
      if (/^[A-Z]/.test(tag!)) assert.include(tags, tag as never)
      // The canary was there to be seen.
      if (title !== "InvalidRequest" && title !== "BulkheadFull") {
        assert.isTrue(requests.some(({ headers, text, url }) => reveals(json({ headers, text, url })).length > 0))
      }
    }))
})

describe("the body of an undeclared answer", () => {
  it.effect("is kept in this process, and shown by nothing", () =>
    Effect.gen(function*() {
      const vault = yield* client(Auth.none, { retry: false })
      const error = yield* Effect.flip(vault.get({ params: { id: "a" } }))
      assert.isTrue(error._tag === "IntegrationError" && error.reason._tag === "UnexpectedStatus")
      if (error._tag !== "IntegrationError" || error.reason._tag !== "UnexpectedStatus") return
      assert.include(Redacted.value(error.reason.body!) as string, canary)
      for (const text of [String(error), json(error), inspect(error, { depth: 9, showHidden: true })]) {
        assert.deepStrictEqual(reveals(text), [])
      }
    }).pipe(Effect.provide(remote(echo(418)))))
})

const all = (error: { readonly message: string }) =>
  [
    String(error),
    error.message,
    json(error),
    inspect(error, { depth: 12, showHidden: true }),
    Formatter.format(error)
  ]
    .join("\n")

describe("settings that are refused, listed or explained", () => {
  it.effect("never hold the secret: from values", () =>
    Effect.gen(function*() {
      const control = Redacted.make(`${canary}\n`)
      const wrong: ReadonlyArray<[Auth.Auth<any>, object]> = [
        [Auth.bearer, { token: control }],
        [Auth.bearer, { token: canary }],
        [Auth.bearer, { token: { value: canary } }],
        [Auth.basic, { username: "a:b", password: control }],
        [Auth.apiKey({ query: "k" }), { apiKey: control, baseUrl: `https://u:${canary}@vault.example` }],
        [Auth.bearer, { token: key, baseUrl: canary }],
        [Auth.bearer, { token: key, baseUrl: `https://vault.example/?key=${canary}` }],
        [Auth.bearer, { token: key, attemptTimeout: canary, retry: { jitter: canary, maxRetries: canary } }]
      ]
      for (const [auth, settings] of wrong) {
        const error = yield* Effect.flip(client(auth, settings))
        assert.strictEqual(error._tag, "InvalidOptions")
        assert.deepStrictEqual(reveals(all(error)), [])
      }
    }).pipe(Effect.provide(remote(Answer.reset))))

  it.effect("never hold the secret: from configuration", () =>
    Effect.gen(function*() {
      for (const [name, { auth }] of Object.entries(schemes)) {
        class Vault extends Integration.Service<Vault>()("test/Vault", { api: VaultApi, baseUrl: tenantUrl, auth }) {}
        assert.deepStrictEqual(reveals(json(Vault.environment)), [], name)
        const env = Object.fromEntries(Vault.environment.map(({ variable }) => [variable, `${canary}\n`]))
        const provider = ConfigProvider.fromEnvRecord(env)
        const error = yield* Effect.flip(Layer.build(Vault.layerConfig)).pipe(
          Effect.provide(ConfigProvider.layer(provider))
        )
        assert.deepStrictEqual(reveals(all(error)), [], name)
      }
    }).pipe(Effect.provide(remote(Answer.reset))))

  it("never hold the secret: explained", () => {
    const settings = { token: key, baseUrl } as Resilience.Options
    assert.deepStrictEqual(reveals(json(Resilience.explain(settings))), [])
  })
})
