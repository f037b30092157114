/** Whose answers are kept: no caller gets what was fetched for another, and no key tells what it stands for. */
import { assert, describe, it } from "@effect/vitest"
import * as Auth from "@switchboard/core/Auth"
import * as Fallback from "@switchboard/core/Fallback"
import * as Integration from "@switchboard/core/Integration"
import { Unauthenticated } from "@switchboard/core/IntegrationError"
import * as Provenance from "@switchboard/core/Provenance"
import * as Resilience from "@switchboard/core/Resilience"
import * as Stores from "@switchboard/core/Stores"
import * as Answer from "@switchboard/testing/Answer"
import * as TestTransport from "@switchboard/testing/TestTransport"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { inspect } from "node:util"
import { menu, remote, requests, sent, ShopApi } from "./shop.ts"

const ok = Answer.json(200, menu)
const list = { params: { shop: "berlin" } }
const cache = { ttl: "1 minute" } as const

/** Who is asking. */
const CurrentUser = Context.Reference<string>("test/CurrentUser", { defaultValue: () => "nobody" })
const as = (user: string) => Effect.provideService(CurrentUser, user)

const perCall = (audience?: Auth.Audience) =>
  Auth.custom({
    settings: {},
    places: [],
    authenticator: () => () => Effect.map(CurrentUser, (user) => ({ header: { "x-user": user } })),
    audience
  })
const byUser = perCall(CurrentUser)

const withAuth = (auth: Auth.Auth<any>, resilience: Resilience.Options, fallback: object = {}) => {
  class Shop extends Integration.Service<Shop>()("test/Shop", {
    api: ShopApi,
    baseUrl: "https://shop.example",
    auth: auth as Auth.Auth<{}>,
    resilience
  }).withFallback(fallback) {}
  return Shop
}

const built = (auth: Auth.Auth<any>, resilience: Resilience.Options, fallback: object = {}) => {
  const Shop = withAuth(auth, resilience, fallback)
  return (settings: object = {}) => Effect.map(Layer.build(Shop.layer(settings)), Context.get(Shop))
}

describe("credentials that differ from call to call", () => {
  const names = (answers: ReadonlyArray<ReadonlyArray<{ readonly name: string }>>) => answers.map(([one]) => one!.name)

  it.live.each(["cache", "coalesce"] as const)(
    "keep answers apart by their audience: %s",
    (option) =>
      Effect.gen(function*() {
        const { menu: api } = yield* built(byUser, option === "cache" ? { cache } : { coalesce: true })()
        const users = ["alice", "bob", "alice", "bob"]
        const all = yield* Effect.all(users.map((user) => api.list(list).pipe(as(user))), { concurrency: "unbounded" })
        assert.deepStrictEqual(names(all), users)
        assert.strictEqual(yield* sent, 2)
        if (option === "coalesce") return
        assert.deepStrictEqual(names([yield* api.list(list).pipe(as("bob"))]), ["bob"])
        assert.strictEqual(yield* sent, 2)
      }).pipe(
        Effect.provide(remote((request) => Answer.json(200, [{ name: request.headers["x-user"]!, price: 1 }])))
      )
  )

  it.live("keep last good answers apart by their audience", () =>
    Effect.gen(function*() {
      const last = { menu: { list: Fallback.cache({ maxAge: "1 hour" }) } }
      const { menu: api } = yield* built(byUser, { retry: false }, last)()
      yield* api.list(list).pipe(as("alice"))
      const reported = yield* Provenance.reported(api.list(list).pipe(as("alice")))
      assert.deepInclude(reported, { value: menu, source: "fallback" })
      assert.strictEqual((yield* Effect.flip(api.list(list).pipe(as("bob"))))._tag, "IntegrationError")
    }).pipe(Effect.provide(remote([ok, Answer.status(503), Answer.status(503)]))))

  it.effect("ask for an audience only where an answer may be shared, and without what the call site asked for", () =>
    Effect.gen(function*() {
      const seen: Array<unknown> = []
      const audience = Effect.map(Resilience.CurrentOptions, (options) => {
        seen.push(options)
        return ""
      })
      const { menu: api, orders } = yield* built(perCall(audience), { cache })()
      yield* orders.place({ payload: { item: "a" } })
      assert.deepStrictEqual(seen, [])
      yield* api.list(list).pipe(Resilience.withOptions({ retry: false }))
      assert.deepStrictEqual(seen, [undefined])
    }).pipe(Effect.provide(remote((request) => Answer.json(200, request.method === "GET" ? menu : { id: "o" })))))

  it.effect("without an audience for this call are no credentials", () =>
    Effect.gen(function*() {
      const nobody = Effect.fail(new Unauthenticated({ wasSent: false, detail: "nobody is signed in" }))
      const { menu: api } = yield* built(perCall(nobody), { cache })()
      const error = yield* Effect.flip(api.list(list))
      assert.propertyVal(error._tag === "IntegrationError" && error.reason, "_tag", "Unauthenticated")
      assert.strictEqual(yield* sent, 0)
    }).pipe(Effect.provide(remote(ok))))

  it.effect.each<[string, Resilience.Options, object, string]>([
    ["cache", { cache }, {}, "menu.list: cache needs an audience of the auth scheme"],
    ["coalesce", { coalesce: true }, {}, "menu.list: coalesce needs an audience of the auth scheme"],
    [
      "Fallback.cache",
      {},
      { menu: { list: Fallback.cache({ maxAge: "1 hour" }) } },
      "menu.list: fallback has a cache, which needs an audience of the auth scheme"
    ]
  ])(
    "of which nobody can say whose they are are refused by name: %s",
    ([, resilience, fallback, message]) =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(Effect.scoped(built(perCall(), resilience, fallback)()))
        assert.include(error.message, `${message}, because credentials may differ from call to call`)
        assert.notInclude(error.message, "orders.place")
        assert.notInclude(error.message, "menu.feed")
        yield* Effect.scoped(built(perCall(Effect.succeed("")), resilience, fallback)())
        yield* Effect.scoped(built(perCall(), {}, { menu: { list: Fallback.value(menu) } })())
      }).pipe(Effect.provide(remote(ok)))
  )
})

describe("settings of an auth scheme", () => {
  const anything = Auth.custom({ settings: { who: Schema.Unknown }, places: [], authenticator: () => ({}) })

  const asked = (...whos: ReadonlyArray<unknown>) =>
    Effect.gen(function*() {
      for (const who of whos) {
        const { menu } = yield* built(anything, { cache })({ who })
        yield* menu.list(list)
      }
      return yield* sent
    }).pipe(Effect.scoped, Effect.provide(remote(ok)))

  const around: Array<unknown> = []
  around.push(around)

  it.live.each<[string, unknown, unknown]>([
    ["addresses", new URL("https://a.example"), new URL("https://b.example")],
    ["dates", new Date(1), new Date(2)],
    ["maps", new Map([["a", 1]]), new Map([["a", 2]])],
    ["equal instances", new Date(1), new Date(1)],
    ["functions", () => 1, () => 2],
    ["symbols", Symbol("a"), Symbol("a")],
    ["what holds itself", around, around],
    ["null and a text", null, "null"],
    ["nothing and a text", undefined, "undefined"],
    ["a number and a text", 1, "1"],
    ["a list and a record", ["a"], { 0: "a" }],
    ["secrets", Redacted.make("a"), Redacted.make("b")],
    ["what is deep within", { a: [{ b: 1 }] }, { a: [{ b: 2 }] }]
  ])("keep answers apart: %s", ([, one, other]) => Effect.map(asked(one, other), (sent) => assert.strictEqual(sent, 2)))

  it.live("do not hide credentials that a scheme has without them", () =>
    Effect.gen(function*() {
      for (const who of ["alice", "bob", "alice"]) {
        const auth = Auth.custom({ settings: {}, places: [], authenticator: () => ({ header: { "x-user": who } }) })
        const { menu } = yield* built(auth, { cache })()
        yield* menu.list(list)
      }
      assert.strictEqual(yield* sent, 2)
    }).pipe(Effect.provide(remote(ok))))

  it.live("that are equal share them", () =>
    Effect.map(
      asked(...[1, 2].map(() => ({ a: [Redacted.make("a"), null, 1, "1", { b: true }] }))),
      (sent) => assert.strictEqual(sent, 1)
    ))
})

describe("what is kept in this process", () => {
  it.live("is there for as long as someone has the credentials, and shows none of them", () =>
    Effect.gen(function*() {
      const states = new Set<unknown>()
      const stores = yield* Stores.Stores
      const watched: Stores.Stores["Service"] = {
        shared: undefined,
        state: (name, initial) =>
          Effect.tap(stores.state(name, initial), (state) => Effect.sync(() => states.add(state)))
      }
      const Shop = withAuth(Auth.bearer, { cache }, { menu: { list: Fallback.cache({ maxAge: "1 hour" }) } })
      const token = (index: number) => ({ token: Redacted.make(`canary-${index}-canary`) })
      yield* Effect.gen(function*() {
        const { menu: api } = yield* Shop
        for (let i = 1; i <= 50; i++) {
          yield* api.list(list)
          yield* Shop.reload(token(i), { awaitInFlight: true })
        }
        assert.strictEqual(yield* sent, 50)
        const held = inspect([...states], { depth: Infinity, maxArrayLength: Infinity, maxStringLength: Infinity })
        assert.notInclude(held, "canary")
        assert.notInclude(held, "flat white")
        yield* api.list(list)
        assert.include(inspect([...states], { depth: Infinity }), "flat white")
        // With the same credentials, and with those of before.
        yield* Shop.reload({ ...token(50), retry: false }, { awaitInFlight: true })
        yield* api.list(list)
        assert.strictEqual(yield* sent, 51)
        yield* Shop.reload(token(49), { awaitInFlight: true })
        yield* api.list(list)
        assert.strictEqual(yield* sent, 52)
      }).pipe(
        Effect.provide(Shop.layer(token(0) as {})),
        Effect.provideService(Stores.Stores, watched)
      )
    }).pipe(Effect.provide(remote(Answer.json(200, menu, { "set-cookie": "session=canary" })))))
})

describe("what is kept in a store that processes share", () => {
  const canaries = ["berlin", "lang-canary", "header-canary", "item-canary", "token-canary", "cookie-canary"]

  /** A store whose keys and values are seen. */
  const watch = (shared: Stores.Shared) => {
    const keys = new Set<string>()
    const values: Array<string> = []
    const watched: Stores.Shared = {
      ...shared,
      get: (key) => (keys.add(key), shared.get(key)),
      modify: (key, change) => (keys.add(key), shared.modify(key, change)),
      set: (key, value, timeToLive) => {
        keys.add(key)
        values.push(value)
        return shared.set(key, value, timeToLive)
      }
    }
    return { keys, values, watched }
  }

  const process = (shared: Stores.Shared, token = "token-canary") =>
    Effect.gen(function*() {
      const Shop = withAuth(Auth.bearer, { cache }, { menu: { list: Fallback.cache({ maxAge: "1 hour" }) } })
      return yield* Effect.gen(function*() {
        const { menu: api } = yield* Shop
        yield* api.list({ ...list, query: { lang: "lang-canary" }, headers: { "accept-language": "header-canary" } })
        return yield* sent
      }).pipe(Effect.provide(Shop.layer({ token: Redacted.make(token) } as {})))
    }).pipe(Effect.provide(Layer.merge(
      TestTransport.layer(Answer.json(200, menu, { "set-cookie": "cookie-canary", "x-kept": "kept" })),
      Layer.succeed(Stores.Stores, Stores.fromShared(shared))
    )))

  it.live("has keys that tell nothing of a request, nor of credentials, and cannot be guessed", () =>
    Effect.gen(function*() {
      const one = watch(yield* Stores.makeShared())
      const other = watch(yield* Stores.makeShared())
      assert.deepStrictEqual([yield* process(one.watched), yield* process(one.watched)], [1, 0])
      assert.strictEqual(yield* process(one.watched, "another"), 1)
      yield* process(other.watched)
      for (const canary of canaries) assert.notInclude([...one.keys].join("\n"), canary)
      assert.isTrue([...one.keys].some((key) => /^cache\/test%2FShop%2Fmenu\.list\/[0-9a-f]{64}$/.test(key)))
      assert.strictEqual([...one.keys].filter((key) => other.keys.has(key) && /[0-9a-f]{64}$/.test(key)).length, 0)
      assert.include(one.values.join("\n"), "x-kept")
      for (const gone of ["cookie-canary", "token-canary"]) assert.notInclude(one.values.join("\n"), gone)
    }))

  it.live("is unknown while the store cannot be reached, and known again afterwards", () =>
    Effect.gen(function*() {
      const shared = yield* Stores.makeShared()
      let dead = true
      const gone = Effect.suspend(() => Effect.fail(new Stores.StoreUnavailable({ store: "test", retryAfter: 0 })))
      const flaky: Stores.Shared = {
        ...shared,
        get: (key) => dead ? gone : shared.get(key),
        modify: (key, change) => dead ? gone : shared.modify(key, change),
        set: (key, value, timeToLive) => dead ? gone : shared.set(key, value, timeToLive)
      }
      const { menu: api } = yield* built(Auth.none, { cache })().pipe(
        Effect.provideService(Stores.Stores, Stores.fromShared(flaky))
      )
      for (let i = 0; i < 2; i++) assert.deepStrictEqual(yield* api.list(list), menu)
      assert.strictEqual(yield* sent, 2)
      dead = false
      for (let i = 0; i < 2; i++) assert.deepStrictEqual(yield* api.list(list), menu)
      assert.strictEqual(yield* sent, 3)
    }).pipe(Effect.provide(remote(ok))))
})

describe("settings that cannot work", () => {
  it.live("change nothing, and everything that is wrong with them is said at once", () =>
    Effect.gen(function*() {
      const Shop = withAuth(Auth.none, { bulkhead: { maxConcurrent: 1, maxQueue: 10 }, retry: false })
      yield* Effect.gen(function*() {
        const { menu: api } = yield* Shop
        const last = [{ type: "cache", maxAge: Duration.hours(1) }] as const
        const error = yield* Effect.flip(Shop.reload({
          baseUrl: "nowhere",
          breaker: { failureThreshold: false, failureRate: { threshold: 0.5, minimumCalls: 1000, window: "1 second" } },
          fallback: { "orders.place": last, "menu.feed": last, "menu.lost": last }
        }))
        assert.deepStrictEqual(error.problems.map(({ option }) => option), [
          "baseUrl",
          "breaker.failureRate.minimumCalls",
          "fallback.menu.lost",
          "menu.feed: fallback",
          "orders.place: fallback"
        ])
        assert.include(error.message, "orders.place: fallback must have no cache unless it is idempotent")
        yield* Effect.flip(
          Shop.reload({ bulkhead: { maxConcurrent: 5, maxQueue: 10 }, fallback: { "menu.feed": last } })
        )
        const fiber = yield* Effect.forkChild(
          Effect.all([api.list(list), api.list(list), api.list(list)], { concurrency: "unbounded" }),
          { startImmediately: true }
        )
        yield* Effect.yieldNow
        assert.strictEqual((yield* requests).length, 1)
        fiber.interruptUnsafe()
      }).pipe(Effect.provide(Shop.layer()))
    }).pipe(Effect.provide(remote(Answer.delay("1 second", ok)))))

  it.effect("of the whole integration are said once", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Effect.scoped(built(Auth.none, { totalTimeout: 0, cache: { ttl: 0 } })()))
      assert.deepStrictEqual(error.problems.map(({ option }) => option), ["totalTimeout", "cache.ttl"])
    }).pipe(Effect.provide(remote(ok))))
})
