/** Cache and coalescing at their place in the pipeline: above the total timeout, so that a hit takes nothing. */
import { assert, describe, it } from "@effect/vitest"
import * as Auth from "@switchboard/core/Auth"
import * as Deadline from "@switchboard/core/Deadline"
import * as Fallback from "@switchboard/core/Fallback"
import * as Integration from "@switchboard/core/Integration"
import * as Provenance from "@switchboard/core/Provenance"
import * as Resilience from "@switchboard/core/Resilience"
import * as Stores from "@switchboard/core/Stores"
import * as Answer from "@switchboard/testing/Answer"
import * as TestTransport from "@switchboard/testing/TestTransport"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import { later, menu, remote, requests, sent, shop, ShopApi } from "./shop.ts"

const ok = Answer.json(200, menu)
const list = { params: { shop: "berlin" } }
const cache = { ttl: "1 minute" } as const
const wire = TestTransport.TestTransport

describe("a cached operation", () => {
  it.effect("N3: asks the remote once, until the answer is too old", () =>
    Effect.gen(function*() {
      const { menu: api } = yield* shop({ resilience: { cache } })
      for (let i = 0; i < 3; i++) assert.deepStrictEqual(yield* api.list(list), menu)
      yield* TestClock.adjust("59999 millis")
      assert.deepStrictEqual(yield* api.list(list), menu)
      assert.strictEqual(yield* sent, 1)
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(yield* api.list(list), later)
      assert.strictEqual(yield* sent, 2)
    }).pipe(Effect.provide(remote([ok, Answer.json(200, later)]))))

  it.effect("keeps what differs by path, query or headers apart", () =>
    Effect.gen(function*() {
      const { menu: api } = yield* shop({ resilience: { cache } })
      const asked = [
        list,
        { params: { shop: "paris" } },
        { ...list, query: { lang: "de" } },
        { ...list, headers: { "accept-language": "de" } }
      ]
      for (const request of [...asked, ...asked]) yield* api.list(request)
      assert.strictEqual(yield* sent, asked.length)
    }).pipe(Effect.provide(remote(ok))))

  it.effect("N9: is answered though the circuit is open, and a caller who is gone is not", () =>
    Effect.gen(function*() {
      const { menu: api } = yield* shop({ resilience: { cache, retry: false, breaker: { failureThreshold: 1 } } })
      yield* api.list(list)
      yield* Effect.flip(api.list({ params: { shop: "paris" } }))
      assert.strictEqual((yield* Effect.flip(api.list({ params: { shop: "rome" } })))._tag, "IntegrationError")
      assert.deepStrictEqual(yield* api.list(list), menu)
      const gone = yield* Effect.exit(Effect.andThen(Effect.interrupt, api.list(list)))
      assert.isTrue(Exit.hasInterrupts(gone))
    }).pipe(Effect.provide(remote([ok, Answer.status(503)]))))

  it.effect("N6: gives a stale answer in place of a failure, and says so; the circuit has counted the failure", () =>
    Effect.gen(function*() {
      const resilience = {
        cache: { ...cache, staleIfError: "1 hour" },
        retry: false,
        breaker: { failureThreshold: 1 }
      } as const
      const { menu: api } = yield* shop({ resilience })
      yield* api.list(list)
      yield* TestClock.adjust("10 minutes")
      const { age, ...reported } = yield* Provenance.reported(api.list(list))
      assert.deepStrictEqual(reported, { value: menu, source: "cache", stale: true, fallback: undefined })
      assert.strictEqual(Duration.toMinutes(age), 10)
      const other = yield* Effect.flip(api.list({ params: { shop: "rome" } }))
      assert.propertyVal(other._tag === "IntegrationError" && other.reason, "_tag", "CircuitOpen")
    }).pipe(Effect.provide(remote([ok, Answer.status(503)]))))

  it.effect("gives no stale answer in place of an error that the contract declares, unless its status is a failure", () =>
    Effect.gen(function*() {
      const { menu: api } = yield* shop({ resilience: { cache: { ...cache, staleIfError: "1 hour" }, retry: false } })
      yield* api.list(list)
      yield* TestClock.adjust("10 minutes")
      assert.strictEqual((yield* Effect.flip(api.list(list)))._tag, "NotFound")
      assert.deepStrictEqual(yield* api.list(list), menu)
    }).pipe(Effect.provide(remote([ok, Answer.json(404, { id: "berlin" }), Answer.json(503, { until: "9:00" })]))))

  it.effect("is fetched anew in the background while it is stale", () =>
    Effect.gen(function*() {
      const { menu: api } = yield* shop({ resilience: { cache: { ...cache, staleWhileRevalidate: "1 minute" } } })
      yield* api.list(list)
      yield* TestClock.adjust("90 seconds")
      assert.deepInclude(yield* Provenance.reported(api.list(list)), { value: menu, source: "cache", stale: true })
      yield* TestClock.adjust("1 second")
      assert.deepInclude(yield* Provenance.reported(api.list(list)), { value: later, source: "cache", stale: false })
      assert.strictEqual(yield* sent, 2)
    }).pipe(Effect.provide(remote([ok, Answer.delay("1 second", Answer.json(200, later))]))))

  it.effect("keeps no failure, and what is fetched has the retries of a call", () =>
    Effect.gen(function*() {
      const { menu: api } = yield* shop({ resilience: { cache, retry: { baseDelay: 0 } } })
      const { value, ...from } = yield* Provenance.reported(api.list(list))
      assert.deepStrictEqual([value, from.source], [menu, "remote"])
      assert.strictEqual(yield* sent, 2)
      yield* api.list(list)
      assert.strictEqual(yield* sent, 2)
    }).pipe(Effect.provide(remote([Answer.status(503), ok]))))

  it.effect("can be left out at a call site, and not be changed there", () =>
    Effect.gen(function*() {
      const { menu: api } = yield* shop({ resilience: { cache } })
      yield* api.list(list)
      yield* api.list(list).pipe(Resilience.withOptions({ cache: false }))
      assert.strictEqual(yield* sent, 2)
      const error = yield* Effect.flip(api.list(list).pipe(Resilience.withOptions({ cache })))
      assert.include(error._tag === "IntegrationError" && error.message, "cache can be switched off alone")
    }).pipe(Effect.provide(remote(ok))))

  it.effect("does not keep what was placed, nor a stream", () =>
    Effect.gen(function*() {
      const { orders } = yield* shop({ resilience: { cache } })
      yield* orders.place({ payload: { item: "a" } })
      yield* orders.place({ payload: { item: "a" } })
      assert.strictEqual(yield* sent, 2)
    }).pipe(Effect.provide(remote(Answer.json(200, { id: "o" })))))

  it.effect("is known to every layer with the same credentials, until the last of them has ended", () =>
    Effect.gen(function*() {
      const layer = (token: string) =>
        Effect.flatMap(
          Integration.make("test/Shop", {
            api: ShopApi,
            baseUrl: "https://shop.example",
            auth: Auth.bearer,
            resilience: { cache }
          })({ token: Redacted.make(token) }),
          ({ menu }) => menu.list(list)
        )
      yield* Effect.scoped(Effect.gen(function*() {
        yield* layer("mine")
        yield* Effect.scoped(layer("mine"))
        yield* layer("mine")
        assert.strictEqual(yield* sent, 1)
        yield* Effect.scoped(layer("yours"))
        assert.strictEqual(yield* sent, 2)
      }))
      yield* Effect.scoped(layer("mine"))
      assert.strictEqual(yield* sent, 3)
    }).pipe(Effect.provide(remote(ok))))
})

describe("headers of an answer, where they are asked for", () => {
  const asked = { cache: { ttl: "1 minute", cacheControl: true } } as const

  it.effect("say how long it is fresh, and whether it is kept at all", () =>
    Effect.gen(function*() {
      const { menu: api } = yield* shop({ resilience: asked })
      yield* api.list(list)
      yield* TestClock.adjust("9 minutes")
      yield* api.list(list)
      assert.strictEqual(yield* sent, 1)
      yield* api.list({ params: { shop: "paris" } })
      yield* api.list({ params: { shop: "paris" } })
      assert.strictEqual(yield* sent, 3)
    }).pipe(Effect.provide(remote((request) =>
      Answer.json(200, menu, {
        "cache-control": request.url.includes("paris") ? "no-store" : "max-age=600"
      })
    ))))

  it.effect("with a validator: what is too old is asked for with it, and a 304 makes it fresh again", () =>
    Effect.gen(function*() {
      const { menu: api } = yield* shop({ resilience: asked })
      yield* api.list(list)
      yield* TestClock.adjust("20 seconds")
      const { source, value } = yield* Provenance.reported(api.list(list))
      assert.deepStrictEqual([value, source], [menu, "remote"])
      assert.deepStrictEqual((yield* requests).map(({ headers }) => headers["if-none-match"]), [undefined, "\"a\""])
      yield* TestClock.adjust("29 seconds")
      assert.deepInclude(yield* Provenance.reported(api.list(list)), { value: menu, source: "cache", stale: false })
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* api.list(list), later)
      assert.strictEqual(yield* sent, 3)
    }).pipe(Effect.provide(remote([
      Answer.json(200, menu, { "cache-control": "max-age=10", etag: "\"a\"" }),
      Answer.status(304, { "cache-control": "max-age=30" }),
      Answer.json(200, later, { etag: "\"b\"" })
    ]))))

  it.effect("are not asked for by a validator where nobody asked for them", () =>
    Effect.gen(function*() {
      const { menu: api } = yield* shop({ resilience: { cache: { ...cache, staleIfError: "1 hour" }, retry: false } })
      yield* api.list(list)
      yield* TestClock.adjust("2 minutes")
      assert.deepStrictEqual(yield* api.list(list), menu)
      assert.deepStrictEqual((yield* requests).map(({ headers }) => headers["if-none-match"]), [undefined, undefined])
    }).pipe(Effect.provide(remote([Answer.json(200, menu, { etag: "\"a\"" }), Answer.status(503)]))))

  it.effect("confirmed by a 304 are of the body that there was, in a store that processes share, too", () =>
    Effect.gen(function*() {
      const shared = yield* Stores.makeShared()
      const api = Effect.provideService(
        Effect.map(shop({ resilience: asked }), ({ menu }) => menu),
        Stores.Stores,
        Stores.fromShared(shared)
      )
      const { list: one } = yield* api
      yield* one(list)
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual(yield* one(list), menu)
      assert.strictEqual((yield* requests)[1]?.headers["if-none-match"], "\"a\"")
      yield* TestClock.adjust("9 seconds")
      const { list: other } = yield* api
      assert.deepInclude(yield* Provenance.reported(other(list)), { value: menu, source: "cache", stale: false })
      assert.strictEqual(yield* sent, 2)
    }).pipe(Effect.provide(remote([
      Answer.json(200, menu, { "cache-control": "max-age=10", etag: "\"a\"", age: "8" }),
      Answer.status(304, { "content-type": "text/html", "content-length": "7", "content-encoding": "gzip" }),
      Answer.status(500)
    ]))))

  describe("of a request with conditions of its own", () => {
    const Things = HttpApiGroup.make("things").add(
      HttpApiEndpoint.get("get", "/thing", {
        headers: { "if-none-match": Schema.optionalKey(Schema.String) },
        success: Schema.String
      })
    )
    const things = Effect.map(
      Integration.make("test/Things", {
        api: HttpApi.make("things").add(Things),
        baseUrl: "https://things.example",
        resilience: { ...asked, retry: false }
      })({}),
      ({ things }) => things
    )
    const answers = [Answer.json(200, "one", { "cache-control": "max-age=10", etag: "\"a\"" }), Answer.status(304)]

    it.effect("add none, and a 304 is the answer to those", () =>
      Effect.gen(function*() {
        const { get } = yield* things
        const request = { headers: { "if-none-match": "\"mine\"" } }
        assert.strictEqual(yield* get(request), "one")
        yield* TestClock.adjust("1 minute")
        const error = yield* Effect.flip(get(request))
        assert.propertyVal(error._tag === "IntegrationError" && error.reason, "_tag", "UnexpectedStatus")
        assert.deepStrictEqual((yield* requests).map(({ headers }) => headers["if-none-match"]), [
          "\"mine\"",
          "\"mine\""
        ])
      }).pipe(Effect.provide(remote(answers))))

    it.effect("are the cache's where the request has none", () =>
      Effect.gen(function*() {
        const { get } = yield* things
        yield* get({ headers: {} })
        yield* TestClock.adjust("1 minute")
        assert.strictEqual(yield* get({ headers: {} }), "one")
        assert.strictEqual((yield* requests)[1]?.headers["if-none-match"], "\"a\"")
      }).pipe(Effect.provide(remote(answers))))
  })

  it.effect("without a validator: a 304 that nobody asked for confirms nothing", () =>
    Effect.gen(function*() {
      const { menu: api } = yield* shop({ resilience: { cache: { ...asked.cache, staleIfError: 0 }, retry: false } })
      yield* api.list(list)
      yield* TestClock.adjust("1 minute")
      const error = yield* Effect.flip(api.list(list))
      assert.propertyVal(error._tag === "IntegrationError" && error.reason, "_tag", "UnexpectedStatus")
    }).pipe(Effect.provide(remote([
      // Kept for a while, so that it is known when it is asked for again.
      Answer.json(200, menu, { "cache-control": "max-age=10, stale-if-error=600" }),
      Answer.status(304)
    ]))))

  it.effect("by default they are not asked", () =>
    Effect.gen(function*() {
      const { menu: api } = yield* shop({ resilience: { cache } })
      yield* api.list(list)
      yield* api.list(list)
      assert.strictEqual(yield* sent, 1)
    }).pipe(Effect.provide(remote(Answer.json(200, menu, { "cache-control": "no-store" })))))
})

describe("coalesced calls", () => {
  it.effect("N4: 100 equal calls at the same time are one, and the next one is another", () =>
    Effect.gen(function*() {
      const { menu: api } = yield* shop({ resilience: { coalesce: true } })
      const fiber = yield* Effect.forkChild(
        Effect.all(Array.from({ length: 100 }, () => api.list(list)), { concurrency: "unbounded" })
      )
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* Fiber.join(fiber)).length, 100)
      assert.strictEqual(yield* sent, 1)
      const next = yield* Effect.forkChild(api.list(list))
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(next)
      assert.strictEqual(yield* sent, 2)
    }).pipe(Effect.provide(remote(Answer.delay("1 second", ok)))))

  it.effect("share a failure, each as an error of its own call", () =>
    Effect.gen(function*() {
      const { menu: api } = yield* shop({ resilience: { coalesce: true, retry: false } })
      const fiber = yield* Effect.forkChild(
        Effect.all([Effect.flip(api.list(list)), Effect.flip(api.list(list))], { concurrency: 2 })
      )
      yield* TestClock.adjust("1 second")
      for (const error of yield* Fiber.join(fiber)) assert.strictEqual(error._tag, "IntegrationError")
      assert.strictEqual(yield* sent, 1)
    }).pipe(Effect.provide(remote(Answer.delay("1 second", Answer.status(503))))))

  it.effect("go on without the caller who began, and end with the last one", () =>
    Effect.gen(function*() {
      const { menu: api } = yield* shop({ resilience: { coalesce: true } })
      const first = yield* Effect.forkChild(api.list(list), { startImmediately: true })
      const second = yield* Effect.forkChild(api.list(list), { startImmediately: true })
      yield* Fiber.interrupt(first)
      assert.strictEqual(yield* (yield* wire).cancelled, 0)
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* Fiber.join(second), menu)
      const third = yield* Effect.forkChild(api.list(list), { startImmediately: true })
      yield* Fiber.interrupt(third)
      assert.strictEqual(yield* (yield* wire).cancelled, 1)
    }).pipe(Effect.provide(remote(Answer.delay("1 second", ok)))))

  it.effect("Q1: a caller in a hurry waits no longer than it can, and the others are not hurried", () =>
    Effect.gen(function*() {
      const { menu: api } = yield* shop({ resilience: { coalesce: true } })
      const hurried = yield* Effect.forkChild(
        Effect.flip(api.list(list).pipe(Effect.provideService(Deadline.CurrentDeadline, 500))),
        { startImmediately: true }
      )
      const patient = yield* Effect.forkChild(api.list(list), { startImmediately: true })
      yield* TestClock.adjust("500 millis")
      const error = yield* Fiber.join(hurried)
      assert.propertyVal(error._tag === "IntegrationError" && error.reason, "_tag", "DeadlineExceeded")
      yield* TestClock.adjust("500 millis")
      assert.deepStrictEqual(yield* Fiber.join(patient), menu)
      assert.strictEqual(yield* sent, 1)
    }).pipe(Effect.provide(remote(Answer.delay("1 second", ok)))))

  it.effect("Q2: nobody is asked for a caller whose deadline has passed", () =>
    Effect.gen(function*() {
      const { menu: api } = yield* shop({ resilience: { coalesce: true } })
      yield* TestClock.adjust("1 second")
      yield* Effect.flip(api.list(list).pipe(Effect.provideService(Deadline.CurrentDeadline, 500)))
      assert.strictEqual(yield* sent, 0)
    }).pipe(Effect.provide(remote(ok))))
})

describe("what cannot be shared", () => {
  const Thing = Schema.Struct({ id: Schema.String })
  const own = (settings: Resilience.OperationOptions) => {
    const Things = HttpApiGroup.make("things").add(
      HttpApiEndpoint.post("find", "/things", { payload: Schema.Struct({ q: Schema.String }), success: Thing })
        .annotate(Resilience.Settings, settings)
    )
    return Integration.make("test/Things", {
      api: HttpApi.make("things").add(Things),
      baseUrl: "https://things.example"
    })({})
  }

  it.effect.each(["cache", "coalesce", "hedge"] as const)(
    "is refused by name: %s of a POST",
    (option) =>
      Effect.gen(function*() {
        const settings = { cache: { cache }, coalesce: { coalesce: true }, hedge: { hedge: {} } }[option]
        const error = yield* Effect.flip(own(settings))
        assert.include(error.message, `things.find: ${option} needs`)
      }).pipe(Effect.scoped, Effect.provide(remote(ok)))
  )

  it.effect("is shared where its own settings say that it is idempotent: its body is part of the key", () =>
    Effect.gen(function*() {
      const { things } = yield* own({ cache, idempotent: true })
      for (const q of ["a", "b", "a", "b"]) yield* things.find({ payload: { q } })
      assert.strictEqual(yield* sent, 2)
    }).pipe(Effect.provide(remote(Answer.json(200, { id: "t" })))))
})

describe("answers in a store that processes share", () => {
  /** What one process does, with a store of its own beside the one that is shared. */
  const processOf = (shared: Stores.Shared, name: string) => {
    const down = Answer.status(502)
    return <A, E, R>(self: Effect.Effect<A, E, R>) =>
      self.pipe(
        Effect.scoped,
        Effect.provide(Layer.merge(
          TestTransport.layer(name === "first" ? [ok, down] : down),
          Layer.succeed(Stores.Stores, Stores.fromShared(shared))
        ))
      )
  }

  it.live("are known to another process, as the remote sent them, until they are too old", () =>
    Effect.gen(function*() {
      const shared = yield* Stores.makeShared()
      const reported = Effect.flatMap(
        shop({ resilience: { cache: { ttl: "1 minute", cacheControl: true }, retry: false } }),
        ({ menu }) => Provenance.reported(menu.list(list))
      )
      assert.propertyVal(yield* processOf(shared, "first")(reported), "source", "remote")
      assert.deepInclude(yield* processOf(shared, "second")(reported), { source: "cache", value: menu })
      const fresh = yield* Effect.exit(processOf(yield* Stores.makeShared(), "second")(reported))
      assert.isTrue(Exit.isFailure(fresh))
    }))

  it.live("are there for the fallback to the last good one, too", () =>
    Effect.gen(function*() {
      const shared = yield* Stores.makeShared()
      const reported = Effect.flatMap(
        shop({ resilience: { retry: false }, fallback: { menu: { list: Fallback.cache({ maxAge: "1 hour" }) } } }),
        ({ menu }) => Provenance.reported(menu.list(list))
      )
      assert.propertyVal(yield* processOf(shared, "first")(reported), "source", "remote")
      assert.deepInclude(
        yield* processOf(shared, "second")(reported),
        { source: "fallback", fallback: "cache", stale: true, value: menu }
      )
    }))
})
