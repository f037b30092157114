import { assert, describe, it } from "@effect/vitest"
import * as Auth from "@switchboard/core/Auth"
import * as Definition from "@switchboard/core/Definition"
import * as Integration from "@switchboard/core/Integration"
import * as Resilience from "@switchboard/core/Resilience"
import * as Answer from "@switchboard/testing/Answer"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Yaml from "effect/encoding/Yaml"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Configuration from "../src/internal/settings/configuration.ts"
import { charge, Payments, PaymentsApi } from "./payments.ts"
import { remote, sent, VaultApi } from "./vault.ts"

/** Every field there is, none at its default. */
const complete = {
  name: "coffee-shop",
  version: "1.2.3",
  baseUrl: "https://payments.example/v2",
  authentication: { scheme: "apiKey", in: "header", name: "X-Key", apiKey: "sk_1" },
  attemptTimeout: "2 seconds",
  totalTimeout: "8 seconds",
  idleTimeout: "3 seconds",
  streamTimeout: "4 seconds",
  maxRequestBytes: 2000,
  maxResponseBytes: 1000,
  retry: {
    maxRetries: 2,
    baseDelay: "100 millis",
    factor: 3,
    maxDelay: "5 seconds",
    jitter: "equal",
    retryAfter: false,
    maxRetryAfter: "20 seconds",
    budget: { ratio: 0.1, minPerSecond: 1, ttl: "20 seconds" }
  },
  cache: {
    ttl: "5 seconds",
    staleWhileRevalidate: "6 seconds",
    staleIfError: "7 seconds",
    capacity: 8,
    cacheControl: true
  },
  coalesce: true,
  breaker: {
    failureThreshold: 3,
    failureRate: { threshold: 0.4, window: "20 seconds", minimumCalls: 4 },
    slowCalls: { duration: "3 seconds", threshold: 0.7, window: "40 seconds", minimumCalls: 5 },
    resetTimeout: "20 seconds",
    resetFactor: 3,
    maxResetTimeout: "2 minutes",
    halfOpenMaxCalls: 2,
    successThreshold: 2,
    halfOpenTimeout: "5 seconds",
    mode: "metrics-only"
  },
  rateLimit: {
    algorithm: "token-bucket",
    limit: 7,
    window: "2 seconds",
    burst: 3,
    adaptive: true,
    maxWait: "4 seconds",
    maxQueue: 8,
    maxHintDelay: "9 seconds",
    hintHeaders: { limit: "x-limit", remaining: "x-left", reset: "x-reset", resetUnit: "millis" }
  },
  bulkhead: { maxConcurrent: 5, maxQueue: 6, adaptive: { minConcurrent: 2, initial: 3, tolerance: 1.25 } },
  pool: { maxConnections: 7, keepAliveTimeout: "10 seconds", connectTimeout: "1 second" },
  deadlineHeader: "x-time-left",
  propagateTrace: true
}
/** In place of retries. */
const hedge = { delay: "20 millis", maxHedges: 2 }

/** As a tree of what an option would be in a document: durations in milliseconds, secrets as they are. */
const plain = (value: unknown): unknown => {
  if (Duration.isDuration(value)) return `${Duration.toMillis(value)} ms`
  if (Redacted.isRedacted(value)) return Redacted.value(value)
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, plain(inner)]))
}
const duration = /^\d+ (millis|seconds?|minutes?)$/
const expected = (value: unknown): unknown => {
  if (typeof value === "string" && duration.test(value)) {
    return `${Duration.toMillis(Duration.fromInputUnsafe(value as Duration.Input))} ms`
  }
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, expected(inner)]))
}

const problemsOf = (input: unknown) =>
  Effect.map(
    Effect.flip(Definition.decode(input)),
    ({ problems }) => problems.map(({ option, problem }) => `${option} ${problem}`)
  )
const minimal = { name: "shop", baseUrl: "https://payments.example", authentication: { scheme: "none" } }

const authentication = (authentication: unknown) => problemsOf({ ...minimal, authentication })

describe("a definition", () => {
  it.effect("of every field is read from code", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(plain(yield* Definition.decode(complete)), expected(complete))
      const { retry: _, ...hedged } = { ...complete, hedge }
      assert.deepStrictEqual(plain(yield* Definition.decode(hedged)), expected(hedged))
      const percentile = { ...minimal, hedge: { delay: { percentile: 0.9, minimumCalls: 5, window: "10 seconds" } } }
      assert.deepStrictEqual(plain(yield* Definition.decode(percentile)), expected(percentile))
    }))

  it.effect("is read from JSON", () =>
    Effect.gen(function*() {
      const parsed = JSON.parse(JSON.stringify(complete))
      assert.deepStrictEqual(plain(yield* Definition.decode(parsed)), expected(complete))
    }))

  it.effect("is read from YAML", () =>
    Effect.gen(function*() {
      const yaml = `
name: coffee-shop
baseUrl: https://payments.example/v2
authentication: { scheme: basic, username: shop, password: pa55 }
attemptTimeout: 2 seconds
retry:
  maxRetries: 2
  jitter: equal
  budget:
    ratio: 0.1
breaker:
  failureThreshold: 3
propagateTrace: true
`
      const decoded = yield* Definition.decode(Yaml.parse(yaml))
      assert.deepStrictEqual(plain(decoded), {
        name: "coffee-shop",
        baseUrl: "https://payments.example/v2",
        authentication: { scheme: "basic", username: "shop", password: "pa55" },
        attemptTimeout: "2000 ms",
        retry: { maxRetries: 2, jitter: "equal", budget: { ratio: 0.1 } },
        breaker: { failureThreshold: 3 },
        propagateTrace: true
      })
    }))

  it.effect("needs a name, a base URL and an authentication, and nothing else", () =>
    Effect.gen(function*() {
      yield* Definition.decode(minimal)
      assert.deepStrictEqual(yield* problemsOf({}), [
        "name is missing",
        "baseUrl is missing",
        "authentication is missing"
      ])
    }))

  it.effect("is refused with every problem at once, each by its option", () =>
    Effect.gen(function*() {
      const problems = yield* problemsOf({
        name: "two words",
        baseUrl: "payments.example",
        authentication: { scheme: "bearer" },
        attemptTimeout: "soon",
        totalTimeout: 5,
        maxResponseBytes: 0,
        retry: { maxRetries: -1, jitter: "some", factor: "x", tries: 3, budget: { ratio: -1, per: 1 } },
        breaker: { failureRate: { threshold: 2, window: "0 seconds" } },
        bulkhead: { maxConcurrent: 1.5 },
        pool: { connectTimeout: "-1 seconds" },
        propagateTrace: "yes",
        timeout: "1 second"
      })
      for (
        const problem of [
          "name must be letters, digits and - . _ without spaces",
          "baseUrl must be an absolute URL",
          "authentication.token is missing",
          "attemptTimeout must be a duration such as \"10 seconds\"",
          "totalTimeout must be a duration such as \"10 seconds\"",
          "maxResponseBytes must be a whole number of at least 1, got 0",
          "retry.maxRetries must be a whole number of at least 0, got -1",
          "retry.jitter must be \"full\" | \"equal\" | \"none\"",
          "retry.factor must be a number",
          "retry.tries is not an option",
          "retry.budget.per is not an option",
          "breaker.failureRate.minimumCalls is missing",
          "bulkhead.maxConcurrent must be a whole number of at least 1, got 1.5",
          "pool.connectTimeout must be positive and finite, got -1s",
          "propagateTrace must be true or false",
          "timeout is not an option"
        ]
      ) {
        assert.include(problems, problem)
      }
      assert.isTrue(problems.some((problem) => problem.startsWith("retry.budget.ratio must be")))
      assert.strictEqual(new Set(problems).size, problems.length)
    }))

  it.effect("F5: no timeout may be zero, negative or infinite", () =>
    Effect.gen(function*() {
      for (const timeout of ["0 seconds", "-1 seconds", "Infinity"]) {
        for (const option of ["attemptTimeout", "totalTimeout"]) {
          const [problem] = yield* problemsOf({ ...minimal, [option]: timeout })
          assert.match(problem!, new RegExp(`^${option} must be (positive and finite|a duration)`), timeout)
        }
      }
    }))

  it.effect("O5: an attempt may not take as long as the whole call", () =>
    Effect.gen(function*() {
      const [problem, ...more] = yield* problemsOf({
        ...minimal,
        attemptTimeout: "5 seconds",
        totalTimeout: "5 seconds"
      })
      assert.strictEqual(problem, "attemptTimeout must be shorter than totalTimeout, which is 5s")
      assert.deepStrictEqual(more, [])
      const [nested] = yield* problemsOf({ ...minimal, breaker: { halfOpenMaxCalls: 2, successThreshold: 3 } })
      assert.strictEqual(nested, "breaker.successThreshold must not be more than halfOpenMaxCalls, which is 2")
    }))

  it.effect("O5: what contradicts a default is refused when the layer is built, unless the class says otherwise", () =>
    Effect.gen(function*() {
      const definition = yield* Definition.decode({
        ...minimal,
        attemptTimeout: "31 seconds",
        breaker: { successThreshold: 2 }
      })
      const build = (resilience: Resilience.Options) => {
        class Some extends Integration.Service<Some>()("test/Some", { api: VaultApi, resilience }) {}
        return Effect.scoped(Layer.build(Some.layerDefinition(definition)))
      }
      const { problems } = yield* Effect.flip(build({}))
      assert.deepStrictEqual(problems.map(({ option, problem }) => `${option} ${problem}`), [
        "attemptTimeout must be shorter than totalTimeout, which is 30s",
        "breaker.successThreshold must not be more than halfOpenMaxCalls, which is 1"
      ])
      yield* build({ totalTimeout: "1 minute", breaker: { halfOpenMaxCalls: 2 } })
    }).pipe(Effect.provide(remote(Answer.reset))))

  it.effect("says which schemes there are, and what is wrong within one", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* authentication({ scheme: "oauth" }), [
        "authentication must be a scheme, \"none\", \"bearer\", \"basic\" or \"apiKey\", with its settings"
      ])
      assert.deepStrictEqual(yield* authentication({ scheme: "apiKey", in: "body", name: "" }), [
        "authentication.in must be \"header\" | \"query\" | \"cookie\"",
        "authentication.name must be a value with a length of at least 1",
        "authentication.apiKey is missing"
      ])
      assert.deepStrictEqual(yield* authentication({ scheme: "basic", username: "a:b", password: "CANARY\n" }), [
        "authentication.username must be a user name without colon or control characters",
        "authentication.password must be a value without control characters"
      ])
    }))

  it.effect("takes the place of the class's base URL and authentication, and names itself", () =>
    Effect.gen(function*() {
      const definition = yield* Definition.decode(complete)
      const payments = Payments.layerDefinition(definition)
      yield* Effect.provide(Effect.flatMap(Payments, ({ charges }) => charges.get({ params: { id: "a" } })), payments)
      const [request] = yield* sent
      assert.strictEqual(request?.url, "https://payments.example/v2/charges/a")
      assert.strictEqual(request?.headers["user-agent"], "coffee-shop/1.2.3")
      assert.strictEqual(request?.headers["x-key"], "sk_1")
      assert.notProperty(request!.headers, "authorization")
    }).pipe(Effect.provide(remote(Answer.json(200, charge)))))
})

/** What the layer of an integration makes of some configuration. */
const built = (
  service: { readonly layerConfig: Layer.Layer<any, any, any> },
  provider: ConfigProvider.ConfigProvider
) =>
  Effect.scoped(Layer.build(service.layerConfig)).pipe(
    Effect.provide(Layer.merge(remote(Answer.json(200, charge)), ConfigProvider.layer(provider)))
  )

const of = (id: string, configName?: string) => {
  class Some extends Integration.Service<Some>()(id, { api: PaymentsApi, configName }) {}
  return Some.environment[0]!.variable
}

const messageOf = (service: Parameters<typeof built>[0], env: Record<string, string>) =>
  Effect.map(
    Effect.flip(built(service, ConfigProvider.fromEnvRecord(env))),
    (error) => (error as { readonly message: string }).message
  )

describe("configuration", () => {
  const settingsOf = Definition.settings(Auth.bearer, "https://payments.example")

  it("F5: lists each option as a variable, with the secret of the scheme, and what is required", () => {
    const variables = Payments.environment.map(({ variable }) => variable)
    assert.include(variables, "PAYMENTS_BASE_URL")
    assert.include(variables, "PAYMENTS_TOKEN")
    assert.include(variables, "PAYMENTS_RETRY_BUDGET_MIN_PER_SECOND")
    assert.strictEqual(new Set(variables).size, variables.length)
    assert.deepStrictEqual(
      Payments.environment.filter(({ required }) => required).map(({ variable }) => variable),
      ["PAYMENTS_TOKEN"]
    )
  })

  it("is prefixed with the last part of the id, or configName; two words are two words", () => {
    assert.strictEqual(of("coffee/Payments"), "PAYMENTS_BASE_URL")
    assert.strictEqual(of("coffee/LoyaltyProgram"), "LOYALTY_PROGRAM_BASE_URL")
    assert.strictEqual(of("Payments"), "PAYMENTS_BASE_URL")
    assert.strictEqual(of("coffee/Payments", "cardPayments"), "CARD_PAYMENTS_BASE_URL")
    assert.strictEqual(of("coffee/Payments", "shop"), "SHOP_BASE_URL")
    assert.strictEqual(of("coffee/HTTPBin"), "HTTP_BIN_BASE_URL")
    assert.strictEqual(of("coffee/SMSGateway"), "SMS_GATEWAY_BASE_URL")
    assert.strictEqual(of("coffee/MyHTTPBin"), "MY_HTTP_BIN_BASE_URL")
    assert.strictEqual(of("coffee/SMS"), "SMS_BASE_URL")
    assert.strictEqual(of("shop/決済", "kessai"), "KESSAI_BASE_URL")
  })

  /** A value of each option that is not its default, as text. */
  const { authentication: _a, name: _n, version: _v, ...options } = complete
  const tree = { ...options, hedge, token: "sk_2" }
  const flat = (value: object, path: ReadonlyArray<string> = []): ReadonlyArray<readonly [string, string]> =>
    Object.entries(value).flatMap(([name, inner]) =>
      typeof inner === "object" ? flat(inner, [...path, name]) : [[[...path, name].join("."), String(inner)] as const]
    )
  const values = new Map(flat(tree))

  const sections = ["retry", "hedge", "cache", "breaker", "rateLimit", "bulkhead"]

  it("has a value in these tests for each option it lists, and lists each option there is", () => {
    assert.deepStrictEqual(
      Payments.environment.map(({ path }) => path.join(".")).toSorted(),
      [...values.keys(), ...sections].toSorted()
    )
  })

  const read = (provider: ConfigProvider.ConfigProvider) =>
    Effect.gen(function*() {
      const found = yield* Effect.provide(
        Configuration.read("payments", Payments.environment),
        ConfigProvider.layer(provider)
      )
      return plain(yield* Definition.decodeWith(Schema.toCodecStringTree(settingsOf))(found))
    })

  it.effect("of every option is read from the environment", () =>
    Effect.gen(function*() {
      const env = Object.fromEntries(
        Payments.environment.filter(({ path }) => !sections.includes(path.join(".")))
          .map(({ path, variable }) => [variable, values.get(path.join("."))!])
      )
      assert.deepStrictEqual(yield* read(ConfigProvider.fromEnvRecord(env)), expected(tree))
    }))

  it.effect("of every option is read from JSON, under the integration's name", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* read(ConfigProvider.fromUnknown({ payments: tree })), expected(tree))
    }))

  it.effect.each(Array.from(values.keys()).filter((path) => path !== "token"))(
    "%s: its variable alone changes what is read",
    (path) =>
      Effect.gen(function*() {
        const { variable } = Payments.environment.find((one) => one.path.join(".") === path)!
        const share = { threshold: "0.5", window: "1 minute", minimumCalls: "9" }
        const rate = { "breaker.failureRate.": share, "breaker.slowCalls.": { ...share, duration: "2 seconds" } }
        const needed = Object.entries(rate).flatMap(([prefix, fields]) =>
          path.startsWith(prefix) ? Object.entries(fields).map(([name, value]) => [prefix + name, value] as const) : []
        )
        const base = Object.fromEntries(needed.map(([name, value]) => [
          Payments.environment.find((one) => one.path.join(".") === name)!.variable,
          value
        ]))
        const without = yield* read(ConfigProvider.fromEnvRecord({ PAYMENTS_TOKEN: "t", ...base }))
        const changed = yield* read(
          ConfigProvider.fromEnvRecord({ PAYMENTS_TOKEN: "t", ...base, [variable]: values.get(path)! })
        )
        assert.notDeepEqual(changed, without)
      })
  )

  it.effect("is refused with every problem at once, by variable and option, and no value of a secret", () =>
    Effect.gen(function*() {
      const message = yield* messageOf(Payments, {
        PAYMENTS_TOKEN: "CANARY\n",
        PAYMENTS_BASE_URL: "nowhere",
        PAYMENTS_TOTAL_TIMEOUT: "5",
        PAYMENTS_RETRY_MAX_RETRIES: "many",
        PAYMENTS_BREAKER_FAILURE_THRESHOLD: "0",
        PAYMENTS_PROPAGATE_TRACE: "maybe"
      })
      for (
        const part of [
          "PAYMENTS_TOKEN (token) must be a value without control characters",
          "PAYMENTS_BASE_URL (baseUrl) must be an absolute URL",
          "PAYMENTS_TOTAL_TIMEOUT (totalTimeout) must be a duration such as \"10 seconds\"",
          "PAYMENTS_RETRY_MAX_RETRIES (retry.maxRetries) must be a number",
          "PAYMENTS_BREAKER_FAILURE_THRESHOLD (breaker.failureThreshold) must be a whole number of at least 1, got 0",
          "PAYMENTS_PROPAGATE_TRACE (propagateTrace) must be true or false"
        ]
      ) {
        assert.include(message, part)
      }
      assert.notInclude(message, "CANARY")
      assert.include(yield* messageOf(Payments, {}), "PAYMENTS_TOKEN (token) is missing")
    }))

  it.effect("that contradicts the class, or an operation, says so by name", () =>
    Effect.gen(function*() {
      const total = yield* messageOf(Payments, { PAYMENTS_TOKEN: "t", PAYMENTS_ATTEMPT_TIMEOUT: "1 minute" })
      assert.include(total, "PAYMENTS_ATTEMPT_TIMEOUT (attemptTimeout) must be shorter than totalTimeout, which is 30s")
      const operation = yield* messageOf(Payments, { PAYMENTS_TOKEN: "t", PAYMENTS_ATTEMPT_TIMEOUT: "3 seconds" })
      assert.include(operation, "PAYMENTS_ATTEMPT_TIMEOUT (charges.quick: attemptTimeout) must be shorter than")
    }))

  it.effect("false switches a section off, whatever its options say beside it", () =>
    Effect.gen(function*() {
      for (const section of sections) {
        const { variable } = Payments.environment.find(({ path }) => path.join(".") === section)!
        const inner = Payments.environment.find(({ path }) => path[0] === section && path.length === 2)!
        const off = { PAYMENTS_TOKEN: "t", [variable]: "false", [inner.variable]: values.get(inner.path.join("."))! }
        assert.deepStrictEqual(yield* read(ConfigProvider.fromEnvRecord(off)), { token: "t", [section]: false })
        const json = ConfigProvider.fromUnknown({ payments: { token: "t", [section]: false } })
        assert.deepStrictEqual(yield* read(json), { token: "t", [section]: false })
        yield* built(Payments, json)
        const definition = { ...minimal, [section]: false }
        assert.deepStrictEqual(yield* Definition.decode(definition), definition)
      }
    }))

  it.effect("the environment is read over a document, option by option", () =>
    Effect.gen(function*() {
      const document = {
        token: "t",
        retry: { maxRetries: 1, jitter: "none" },
        breaker: false,
        bulkhead: { maxQueue: 1 }
      }
      const provider = ConfigProvider.fromUnknown({
        payments: document,
        PAYMENTS_RETRY_MAX_RETRIES: "2",
        PAYMENTS_BREAKER_FAILURE_THRESHOLD: "4",
        PAYMENTS_BULKHEAD: "false"
      })
      assert.deepStrictEqual(yield* read(provider), {
        token: "t",
        retry: { maxRetries: 2, jitter: "none" },
        breaker: { failureThreshold: 4 },
        bulkhead: false
      })
    }))

  it.effect("in the environment spelled as a path, or in upper case from a path, is read, too", () =>
    Effect.gen(function*() {
      const spelled = ConfigProvider.fromEnvRecord({
        payments_token: "t",
        payments_retry_maxRetries: "1",
        payments_retry_mode: "x"
      })
      assert.deepStrictEqual(yield* read(spelled), { token: "t", retry: { maxRetries: 1 } })
      const upper = ConfigProvider.fromEnvRecord({
        PAYMENTS_TOKEN: "t",
        PAYMENTS_RETRY_MAX_RETRIES: "1",
        PAYMENTS_X: "x"
      })
      assert.deepStrictEqual(yield* read(ConfigProvider.constantCase(upper)), { token: "t", retry: { maxRetries: 1 } })
    }))

  const sectionProblem = "must be false, or options by name"
  it.effect.each<[object, string]>([
    [{ retry: { maxRetires: 0 } }, "retry.maxRetires is not an option"],
    [{ retry: { budget: { rate: null } } }, "retry.budget.rate is not an option"],
    [{ timeOut: "5 seconds" }, "timeOut is not an option"],
    [{ totalTimeout: { seconds: 5 } }, "PAYMENTS_TOTAL_TIMEOUT (totalTimeout) must be a duration such as"],
    [{ totalTimeout: [1, 2] }, "PAYMENTS_TOTAL_TIMEOUT (totalTimeout) must be a duration such as"],
    [{ maxRequestBytes: [1] }, "PAYMENTS_MAX_REQUEST_BYTES (maxRequestBytes) must be a string"],
    [{ retry: "off" }, `PAYMENTS_RETRY (retry) ${sectionProblem}`],
    [{ retry: true }, `PAYMENTS_RETRY (retry) ${sectionProblem}`],
    [{ retry: [{ maxRetries: 1 }] }, `PAYMENTS_RETRY (retry) ${sectionProblem}`],
    [{ pool: 16 }, "pool must be options by name"],
    [{ token: ["CANARY"] }, "PAYMENTS_TOKEN (token) must be"],
    [{ token: { value: "CANARY" } }, "PAYMENTS_TOKEN (token) must be"]
  ])("in JSON is refused by name: %j", ([document, problem]) =>
    Effect.gen(function*() {
      for (const token of [{ token: "t" }, {}]) {
        const provider = ConfigProvider.fromUnknown({ payments: { ...token, ...document } })
        const { message } = (yield* Effect.flip(built(Payments, provider))) as { readonly message: string }
        assert.include(message, problem)
        assert.notInclude(message, "CANARY")
      }
      // The environment beside it hides nothing.
      const both = ConfigProvider.fromUnknown({
        payments: document,
        PAYMENTS_TOKEN: "t",
        PAYMENTS_RETRY_MAX_RETRIES: "1"
      })
      if (!("token" in document)) {
        const { message } = (yield* Effect.flip(built(Payments, both))) as { readonly message: string }
        assert.include(message, problem)
      }
    }))

  it.effect("in JSON that is no record is refused", () =>
    Effect.gen(function*() {
      for (const payments of ["off", false, ["t"]]) {
        const provider = ConfigProvider.fromUnknown({ payments, PAYMENTS_TOKEN: "t" })
        const { message } = (yield* Effect.flip(built(Payments, provider))) as { readonly message: string }
        assert.include(message, "the settings must be options by name")
      }
    }))

  it.effect("of a section that is neither off nor options is refused by its variable", () =>
    Effect.gen(function*() {
      const message = yield* messageOf(Payments, { PAYMENTS_TOKEN: "t", PAYMENTS_BREAKER: "maybe" })
      assert.include(message, `PAYMENTS_BREAKER (breaker) ${sectionProblem}`)
    }))

  it.effect("says of which integration it is", () =>
    Effect.gen(function*() {
      assert.match(yield* messageOf(Payments, {}), /test\/Payments: invalid settings: PAYMENTS_TOKEN/)
      const wrong = yield* Effect.flip(Effect.scoped(Layer.build(
        Payments.layer({ token: Redacted.make("t"), totalTimeout: 0 })
      )))
      assert.strictEqual(wrong.subject, "test/Payments")
      assert.match(wrong.message, /^test\/Payments: invalid options: totalTimeout must be/)
      const definition = yield* Effect.flip(Definition.decode({ ...minimal, retry: 1 }))
      assert.strictEqual(definition.message, `shop: invalid options: retry ${sectionProblem}`)
      const unnamed = yield* Effect.flip(Definition.decode({ ...minimal, name: "two words" }))
      assert.match(unnamed.message, /^invalid options: name must be/)
    }).pipe(Effect.provide(remote(Answer.reset))))

  it.effect("in JSON refuses keys that nobody knows, at any depth", () =>
    Effect.gen(function*() {
      const provider = ConfigProvider.fromUnknown({
        payments: { token: "t", timeout: "1 second", retry: { maxRetries: 1, tries: 2 } }
      })
      const { message } = (yield* Effect.flip(built(Payments, provider))) as { readonly message: string }
      assert.include(message, "timeout is not an option")
      assert.include(message, "retry.tries is not an option")
    }))

  it.effect("is below the name in lower camel case in a document, acronyms included", () =>
    Effect.gen(function*() {
      class HTTPBin extends Integration.Service<HTTPBin>()("test/HTTPBin", { api: PaymentsApi }) {}
      yield* built(HTTPBin, ConfigProvider.fromUnknown({ httpBin: { baseUrl: "https://bin.example" } }))
    }))

  it.effect("of an id without a letter from A to Z needs configName", () =>
    Effect.gen(function*() {
      const options = { api: PaymentsApi, baseUrl: "https://shop.example" }
      class Unnamed extends Integration.Service<Unnamed>()("shop/決済", options) {}
      assert.deepStrictEqual(Unnamed.environment, [])
      assert.include(yield* messageOf(Unnamed, {}), "shop/決済: invalid settings: configName must be given")
      class Named extends Integration.Service<Named>()("shop/決済", { ...options, configName: "kessai" }) {}
      yield* built(Named, ConfigProvider.fromEnvRecord({}))
    }))

  it.effect("builds the layer from what is required alone", () =>
    built(Payments, ConfigProvider.fromEnvRecord({ PAYMENTS_TOKEN: "t" })))

  it.effect("without a base URL anywhere is refused", () =>
    Effect.gen(function*() {
      class Nowhere extends Integration.Service<Nowhere>()("test/Nowhere", { api: PaymentsApi }) {}
      assert.include(yield* messageOf(Nowhere, {}), "NOWHERE_BASE_URL (baseUrl) is missing")
    }))
})

describe("the defaults", () => {
  it("are those that the pipeline has in effect", () => {
    assert.strictEqual(Duration.toSeconds(Resilience.defaults.attemptTimeout), 10)
    assert.strictEqual(Duration.toSeconds(Resilience.defaults.totalTimeout), 30)
    assert.strictEqual(Resilience.defaults.maxResponseBytes, 10 * 1024 * 1024)
  })
})
