import { assert, describe, it } from "@effect/vitest"
import * as Definition from "@switchboard/core/Definition"
import * as Events from "@switchboard/core/Events"
import * as Fallback from "@switchboard/core/Fallback"
import * as Integration from "@switchboard/core/Integration"
import * as IntegrationError from "@switchboard/core/IntegrationError"
import * as Provenance from "@switchboard/core/Provenance"
import * as Resilience from "@switchboard/core/Resilience"
import type * as Stores from "@switchboard/core/Stores"
import * as Answer from "@switchboard/testing/Answer"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import type * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as PersistedQueue from "effect/persistence/PersistedQueue"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { boom, test } from "./policy/fixtures.ts"
import { Closed, later, menu, NotFound, remote, requests, sent, shop, ShopApi } from "./shop.ts"

const ok = Answer.json(200, menu)
const down = Answer.status(502)
const list = { params: { shop: "berlin" } }
const resilience = { retry: false } as const

/** What a call with this chain is answered by a remote that is down. */
const answered = (
  chain: Fallback.Fallback<unknown, typeof menu, never, never> | ReadonlyArray<Fallback.Fallback<unknown, typeof menu>>,
  script: Answer.Answer | ReadonlyArray<Answer.Answer> = down
) =>
  Effect.flatMap(
    shop({ resilience, fallback: { menu: { list: chain } } }),
    ({ menu }) => Provenance.reported(menu.list(list))
  ).pipe(Effect.scoped, Effect.provide(remote(script)))

describe("a fallback of an operation", () => {
  it.effect("answers where the remote cannot, and the answer says so", () =>
    Effect.gen(function*() {
      const { age: _, ...reported } = yield* answered(Fallback.value(later))
      assert.deepStrictEqual(reported, { value: later, source: "fallback", fallback: "value", stale: false })
    }))

  it.effect("leaves an answer of the remote alone", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(
        yield* answered(Fallback.value(later), ok),
        { value: menu, ...Provenance.remote }
      )
    }))

  it.effect("answers after the retries, not in place of them", () =>
    Effect.gen(function*() {
      const { menu: api } = yield* shop({
        resilience: { retry: { maxRetries: 2, baseDelay: 0 } },
        fallback: { menu: { list: Fallback.value(later) } }
      })
      assert.deepStrictEqual(yield* api.list(list), later)
      assert.strictEqual(yield* sent, 3)
    }).pipe(Effect.provide(remote(down))))

  it.effect("N8: is no success for the circuit", () =>
    Effect.gen(function*() {
      const { menu: api } = yield* shop({
        resilience: { ...resilience, breaker: { failureThreshold: 2 } },
        fallback: { menu: { list: Fallback.value(later) } }
      })
      for (let i = 0; i < 5; i++) assert.deepStrictEqual(yield* api.list(list), later)
      assert.strictEqual(yield* sent, 2)
    }).pipe(Effect.provide(remote(down))))

  it.effect("is given the request and what the call came to", () =>
    Effect.gen(function*() {
      const { menu: api } = yield* shop({
        resilience,
        fallback: {
          menu: {
            list: Fallback.degrade(({ params }, { error, outcome }) => [{
              name: `${params.shop}: ${String(error)} ${outcome._tag}`,
              price: 0
            }])
          }
        }
      })
      const name = String((yield* api.list(list))[0]?.name)
      assert.include(name, "berlin: switchboard/IntegrationError: test/Shop menu.list: unexpected status 502")
      assert.include(name, "Failure")
    }).pipe(Effect.provide(remote(down))))

  it.effect("an interrupted caller gets none", () =>
    Effect.gen(function*() {
      const { menu: api } = yield* shop({ fallback: { menu: { list: Fallback.value(later) } } })
      const fiber = yield* Effect.forkChild(api.list(list), { startImmediately: true })
      yield* Fiber.interrupt(fiber)
      assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(fiber)))
    }).pipe(Effect.provide(remote(Answer.hang))))

  it.effect("a defect shows", () =>
    Effect.gen(function*() {
      const defect = (): never => {
        throw new Error("bug")
      }
      const { menu: api } = yield* shop({
        resilience: { ...resilience, classify: defect },
        fallback: { menu: { list: Fallback.value(later) } }
      })
      assert.isTrue(Exit.hasDies(yield* Effect.exit(api.list(list))))
    }).pipe(Effect.provide(remote(ok))))

  it.effect("answers for an operation that answers with a stream, before there is one", () =>
    Effect.gen(function*() {
      const bytes = new Uint8Array([1, 2])
      const { menu: api } = yield* shop({
        resilience,
        fallback: { menu: { feed: Fallback.value(Stream.make(bytes)) } }
      })
      assert.deepStrictEqual(yield* Stream.runCollect(yield* api.feed()), [bytes])
    }).pipe(Effect.provide(remote(down))))
})

describe("by default a fallback", () => {
  const by = (script: Answer.Answer) => Effect.exit(answered(Fallback.value(later), script))

  it.effect.each<[string, Answer.Answer]>([
    ["a status of a failure", down],
    ["one that the contract declares", Answer.json(503, { until: "9:00" })],
    ["a broken connection", Answer.reset],
    ["too many requests", Answer.status(429)]
  ])("answers for %s", ([, script]) =>
    Effect.gen(function*() {
      assert.isTrue(Exit.isSuccess(yield* by(script)))
    }))

  it.effect.each<[string, Answer.Answer]>([
    ["an error that the contract declares", Answer.json(404, { id: "berlin" })],
    ["refused credentials", Answer.status(401)],
    ["an answer that does not match the contract", Answer.json(200, { not: "a menu" })],
    ["a status that means that the caller was wrong", Answer.status(422)]
  ])("does not answer for %s", ([, script]) =>
    Effect.gen(function*() {
      assert.isTrue(Exit.isFailure(yield* by(script)))
    }))

  it.effect("answers for a circuit that an operator isolated", () =>
    Effect.gen(function*() {
      class Shop extends Integration.Service<Shop>()("test/Isolated", { api: ShopApi, baseUrl: "https://shop.example" })
        .withFallback({ menu: { list: Fallback.value(later) } })
      {}
      yield* Effect.gen(function*() {
        yield* (yield* Shop.circuit)!.isolate
        assert.deepStrictEqual(yield* (yield* Shop).menu.list(list), later)
      }).pipe(Effect.provide(Shop.layer()))
    }).pipe(Effect.provide(remote(ok))))
})

describe("a condition", () => {
  it.effect("names the reasons that it answers for", () =>
    Effect.gen(function*() {
      const on = ["InvalidResponse"] as const
      assert.strictEqual((yield* answered(Fallback.value(later, { on }), Answer.json(200, {}))).source, "fallback")
      assert.isTrue(Exit.isFailure(yield* Effect.exit(answered(Fallback.value(later, { on })))))
    }))

  it.effect("or decides about the error, a declared one as well", () =>
    Effect.gen(function*() {
      const on = ({ error }: Fallback.Failed) => error instanceof NotFound
      assert.strictEqual(
        (yield* answered(Fallback.value(later, { on }), Answer.json(404, { id: "x" }))).source,
        "fallback"
      )
      assert.isTrue(Exit.isFailure(yield* Effect.exit(answered(Fallback.value(later, { on })))))
    }))
})

describe("a chain", () => {
  it.effect("is tried in order", () =>
    Effect.gen(function*() {
      const none = Fallback.value(menu, { on: ["NoEndpoint"] })
      const { fallback, value } = yield* answered([none, Fallback.degrade(() => later), Fallback.value(menu)])
      assert.deepStrictEqual([fallback, value], ["degraded", later])
    }))

  it.effect("N7: each is asked once; where none answers, the call fails as it did, with their failures behind it", () => {
    const told: Array<string> = []
    return Effect.gen(function*() {
      let asked = 0
      const fails = (until: string) =>
        Fallback.alternative(() => Effect.suspend(() => (asked++, Effect.fail(new Closed({ until })))))
      const { menu: api } = yield* shop({ resilience, fallback: { menu: { list: [fails("9:00"), fails("10:00")] } } })
      const exit = yield* Effect.exit(api.list(list))
      assert.strictEqual(asked, 2)
      assert.isTrue(Exit.isFailure(exit))
      const errors = Exit.isFailure(exit) ? exit.cause.reasons.filter(Cause.isFailReason).map(({ error }) => error) : []
      assert.deepStrictEqual(errors.map(({ _tag }) => _tag), ["IntegrationError", "Closed", "Closed"])
      assert.deepStrictEqual(told, ["alternative Closed", "alternative Closed"])
    }).pipe(
      Effect.provideService(Events.CurrentListener, (event) => {
        if (event._tag === "FallbackFailed") told.push(`${event.fallback} ${event.reason}`)
      }),
      Effect.provide(remote(down))
    )
  })

  it.effect("whose fallback is interrupted is interrupted", () =>
    Effect.gen(function*() {
      const { menu: api } = yield* shop({
        resilience,
        fallback: { menu: { list: [Fallback.alternative(() => Effect.never), Fallback.value(later)] } }
      })
      const fiber = yield* Effect.forkChild(api.list(list))
      yield* TestClock.adjust("1 second")
      yield* Fiber.interrupt(fiber)
      assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(fiber)))
    }).pipe(Effect.provide(remote(down))))
})

describe("the last good answer", () => {
  it.effect("serves an equal request for as long as it may, and says how old it is", () =>
    Effect.gen(function*() {
      const { menu: api } = yield* shop({
        resilience: { ...resilience, breaker: false },
        fallback: { menu: { list: Fallback.cache({ maxAge: "1 hour" }) } }
      })
      assert.deepStrictEqual(yield* Provenance.reported(api.list(list)), { value: menu, ...Provenance.remote })
      yield* TestClock.adjust("59 minutes")
      const reported = yield* Provenance.reported(api.list(list))
      assert.deepInclude(reported, { value: menu, source: "fallback", fallback: "cache", stale: true })
      assert.isTrue(Exit.isFailure(yield* Effect.exit(api.list({ params: { shop: "paris" } }))))
      yield* TestClock.adjust("1 minute")
      assert.isTrue(Exit.isFailure(yield* Effect.exit(api.list(list))))
    }).pipe(Effect.provide(remote([ok, down, down, down]))))

  it.effect("is never what a fallback answered", () =>
    Effect.gen(function*() {
      const { menu: api } = yield* shop({
        resilience: { ...resilience, breaker: false },
        fallback: { menu: { list: [Fallback.cache({ maxAge: "1 hour" }), Fallback.value(later)] } }
      })
      for (let i = 0; i < 2; i++) {
        assert.propertyVal(yield* Provenance.reported(api.list(list)), "fallback", "value")
      }
    }).pipe(Effect.provide(remote(down))))
})

describe("another service", () => {
  class Backup extends Context.Service<Backup, { readonly menu: Effect.Effect<typeof menu> }>()("test/Backup") {}

  class Shop extends Integration.Service<Shop>()("test/WithBackup", {
    api: ShopApi,
    baseUrl: "https://shop.example",
    resilience
  }).withFallback({ menu: { list: Fallback.alternative(() => Effect.flatMap(Backup, ({ menu }) => menu)) } }) {}

  it.effect("is what the layer needs, and is asked with the layer's own", () =>
    Effect.gen(function*() {
      const layer: Layer.Layer<Shop, unknown, Backup | Layer.Services<ReturnType<typeof Shop.layer>>> = Shop.layer()
      const answered = Effect.flatMap(Shop, ({ menu }) => Provenance.reported(menu.list(list))).pipe(
        Effect.provide(layer),
        Effect.provideService(Backup, { menu: Effect.succeed(later) })
      )
      assert.deepInclude(yield* answered, { value: later, fallback: "alternative" })
    }).pipe(Effect.provide(remote(down))))
})

describe("what a fallback runs in", () => {
  const order = { payload: { item: "flat white" } }
  class Backup extends Integration.Service<Backup>()("test/BackupShop", {
    api: ShopApi,
    baseUrl: "https://backup.example"
  }) {}
  class Shop extends Integration.Service<Shop>()("test/ShopWithBackup", {
    api: ShopApi,
    baseUrl: "https://shop.example",
    resilience
  }).withFallback({
    menu: { list: Fallback.alternative((request) => Effect.flatMap(Backup, ({ menu }) => menu.list(request))) },
    orders: { place: Fallback.alternative((request) => Effect.flatMap(Backup, ({ orders }) => orders.place(request))) }
  }) {}
  const both = Shop.layer().pipe(Layer.provide(Backup.layer({ cache: { ttl: "1 hour" } })))

  it.effect("has nothing of what was asked for at the call site, which was asked for of the call alone", () =>
    Effect.gen(function*() {
      const { orders } = yield* Shop
      const placed = yield* orders.place(order).pipe(
        Resilience.withOptions({ idempotencyKey: { header: "x-key" } }),
        Resilience.withIdempotencyKey("order-1")
      )
      assert.deepStrictEqual(placed, { id: "o_1" })
      assert.deepStrictEqual(
        (yield* requests).map(({ headers, origin }) => [origin, headers["x-key"], headers["idempotency-key"]]),
        [["https://shop.example", "order-1", undefined], ["https://backup.example", undefined, undefined]]
      )
    }).pipe(Effect.provide(both.pipe(Layer.provideMerge(remote([down, Answer.json(200, { id: "o_1" })]))))))

  it.effect("does not record where the answers came from that it used", () =>
    Effect.gen(function*() {
      const recorded: Array<string> = []
      const { menu: api } = yield* Shop
      for (let i = 0; i < 2; i++) {
        yield* api.list(list).pipe(
          Effect.provideService(Provenance.CurrentRecorder, ({ source }) => void recorded.push(source))
        )
      }
      assert.deepStrictEqual(recorded, ["fallback", "fallback"])
    }).pipe(Effect.provide(both.pipe(Layer.provideMerge(remote([down, ok, down]))))))

  it.effect("has a scope of its own, which ends with its answer", () =>
    Effect.gen(function*() {
      const log: Array<string> = []
      const opened = Effect.acquireRelease(
        Effect.sync(() => (log.push("open"), later)),
        () => Effect.sync(() => log.push("close"))
      )
      class Scoped extends Integration.Service<Scoped>()("test/Scoped", {
        api: ShopApi,
        baseUrl: "https://shop.example",
        resilience
      }).withFallback({ menu: { list: Fallback.alternative(() => opened) } }) {}
      const layer: Layer.Layer<Scoped, unknown, HttpClient.HttpClient | Stores.Stores> = Scoped.layer()
      yield* Effect.gen(function*() {
        assert.deepStrictEqual(yield* (yield* Scoped).menu.list(list), later)
        assert.deepStrictEqual(log, ["open", "close"])
      }).pipe(Effect.provide(layer))
    }).pipe(Effect.provide(remote(down))))
})

describe("fallbacks that are given twice", () => {
  class Shop extends Integration.Service<Shop>()("test/Twice", {
    api: ShopApi,
    baseUrl: "https://shop.example",
    resilience
  })
    .withFallback({ menu: { list: Fallback.value(menu), feed: Fallback.value(Stream.empty) } })
    .withFallback({ menu: { list: Fallback.value(later) }, orders: { place: Fallback.value({ id: "later" }) } })
    .withFallback({ menu: { list: undefined }, orders: undefined })
  {}

  it.effect("count by operation: the last that says something", () =>
    Effect.gen(function*() {
      const { menu, orders } = yield* Shop
      assert.deepStrictEqual(yield* menu.list(list), later)
      assert.deepStrictEqual(yield* orders.place({ payload: { item: "flat white" } }), { id: "later" })
      assert.deepStrictEqual(yield* Stream.runCollect(yield* menu.feed()), [])
    }).pipe(Effect.provide(Shop.layer().pipe(Layer.provideMerge(remote(down))))))
})

describe("operations that are called as a member of every object", () => {
  const Word = Schema.Struct({ word: Schema.String })
  const Api = HttpApi.make("words")
    .add(HttpApiGroup.make("words").add(HttpApiEndpoint.get("constructor", "/c", { success: Word })))
    .add(HttpApiGroup.make("top", { topLevel: true }).add(HttpApiEndpoint.get("valueOf", "/v", { success: Word })))

  it.effect("have no fallback unless one is given", () =>
    Effect.gen(function*() {
      class Words extends Integration.Service<Words>()("test/Words", { api: Api, baseUrl: "https://words.example" })
        // TypeScript as well takes these for members of every object.
        .withFallback<{ words: { constructor: undefined }; valueOf: undefined }>(Object.assign({ words: {} }))
      {}
      const { constructor, word } = yield* Effect.gen(function*() {
        const { valueOf, words } = yield* Words
        return { ...(yield* words.constructor()), ...(yield* valueOf()), constructor: words.constructor }
      }).pipe(Effect.provide(Words.layer()))
      assert.strictEqual(word, "hi")
      assert.isFunction(constructor)
    }).pipe(Effect.provide(remote(Answer.json(200, { word: "hi" })))))
})

describe("a queue", () => {
  const Order = Schema.Struct({ payload: Schema.Struct({ item: Schema.String }) })

  it.effect("takes the request, tells the caller, and hands it out again when the remote is back", () =>
    Effect.gen(function*() {
      const queue = yield* PersistedQueue.make({ name: "orders", schema: Order })
      const { orders } = yield* shop({
        resilience: { ...resilience, idempotencyKey: true },
        fallback: {
          orders: {
            place: Fallback.queue({
              offer: (order) => Effect.orDie(queue.offer(order)),
              answer: ({ payload }) => ({ id: `queued: ${payload.item}` })
            })
          }
        }
      })
      const placed = yield* Provenance.reported(orders.place({ payload: { item: "flat white" } }))
      assert.deepInclude(placed, { fallback: "queue", value: { id: "queued: flat white" } })
      const order = yield* queue.take((order) => Effect.succeed(order))
      assert.deepStrictEqual(yield* orders.place(order), { id: "o_1" })
      assert.strictEqual((yield* requests).length, 2)
    }).pipe(
      Effect.provide(Layer.merge(
        PersistedQueue.layer.pipe(Layer.provide(PersistedQueue.layerStoreMemory)),
        remote([down, Answer.json(200, { id: "o_1" })])
      ))
    ))
})

describe("settings", () => {
  const fallback = (settings: unknown) =>
    Definition.decode({
      name: "shop",
      baseUrl: "https://shop.example",
      authentication: { scheme: "none" },
      fallback: settings
    })

  class Shop extends Integration.Service<Shop>()("test/Settings", {
    api: ShopApi,
    resilience
  }).withFallback({ menu: { list: Fallback.value(menu) } }) {}

  const call = (settings: unknown) =>
    Effect.flatMap(fallback(settings), (definition) =>
      Effect.provide(
        Effect.flatMap(Shop, ({ menu }) => Provenance.reported(menu.list(list))),
        Shop.layerDefinition({ ...definition, retry: false })
      )).pipe(Effect.provide(remote(down)))

  it.effect("R25: hold chains by operation, in place of those of the class; a value is as the remote would send it", () =>
    Effect.gen(function*() {
      const chain = [{ type: "cache", maxAge: "1 hour" }, { type: "value", value: later, on: ["UnexpectedStatus"] }]
      const { value } = yield* call({ "menu.list": chain })
      assert.deepStrictEqual(value, later)
      assert.deepStrictEqual((yield* call({})).value, menu)
    }))

  it.effect.each<[string, unknown, string]>([
    ["an operation", { "menu.lost": [] }, "fallback.menu.lost is not an operation of the contract"],
    ["a value", { "menu.list": [{ type: "value", value: 1 }] }, "fallback.menu.list.0.value"],
    ["a type", { "menu.list": [{ type: "prayer" }] }, "fallback.menu.list.0"],
    ["an age", { "menu.list": [{ type: "cache", maxAge: "0 seconds" }] }, "maxAge must be positive"],
    ["a reason", { "menu.list": [{ type: "value", value: [], on: ["BadLuck"] }] }, "fallback.menu.list.0"],
    [
      "a cache of a stream",
      { "menu.feed": [{ type: "cache", maxAge: "1 hour" }] },
      "menu.feed: fallback must have no cache"
    ]
  ])("refuse by name %s that is not there or cannot be", ([, settings, message]) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(call(settings))
      assert.include((error as { readonly message: string }).message, message)
    }))

  it.effect("of a class are refused by name as well", () =>
    Effect.gen(function*() {
      const wrong: {} = { menu: { list: [Fallback.cache({ maxAge: 0 }), Fallback.value(menu, { on: [] })], lost: [] } }
      const { message } = yield* Effect.flip(Effect.scoped(shop({ fallback: wrong })))
      assert.include(message, "fallback.menu.lost is not an operation of the contract")
      assert.include(message, "fallback.menu.list.0.maxAge must be positive")
      assert.include(message, "fallback.menu.list.1.on must hold at least one reason")
    }).pipe(Effect.provide(remote(ok))))
})

describe("for any effect", () => {
  class Rates extends Data.TaggedError("Rates")<{}> {}

  test("a chain is made once and used for each input", () =>
    Effect.gen(function*() {
      const guard = yield* Fallback.make(
        { name: "rates" },
        Fallback.cache({ maxAge: "1 hour" }),
        Fallback.degrade((currency: string) => currency.length)
      )
      assert.strictEqual(yield* Effect.succeed(7).pipe(guard("EUR")), 7)
      assert.deepInclude(
        yield* Provenance.reported(boom.pipe(guard("EUR"))),
        { value: 7, fallback: "cache", stale: true }
      )
      assert.deepInclude(yield* Provenance.reported(boom.pipe(guard("EURO"))), { value: 4, fallback: "degraded" })
    }))

  test("what it fails with is in its type and its cause", () =>
    Effect.gen(function*() {
      const guard = yield* Fallback.make({ name: "x" }, Fallback.alternative(() => Effect.fail(new Rates())))
      const error: Effect.Effect<never, Rates | Effect.Error<typeof boom>> = boom.pipe(guard(1))
      const exit = yield* Effect.exit(error)
      assert.strictEqual(Exit.isFailure(exit) && exit.cause.reasons.length, 2)
    }))

  test("a refusal of a policy is a reason for it, a wrong request is none", () =>
    Effect.gen(function*() {
      const guard = yield* Fallback.make({ name: "x" }, Fallback.value("fallback"))
      const open = new IntegrationError.CircuitOpen({ isolated: false, retryAfter: undefined })
      assert.strictEqual(yield* Effect.fail(open).pipe(guard(1)), "fallback")
      const wrong = new IntegrationError.InvalidRequest({ issue: "x" })
      assert.strictEqual(yield* Effect.flip(Effect.fail(wrong).pipe(guard(1))), wrong)
    }))

  test("a chain that cannot work is refused", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Fallback.make({ name: "x" }, Fallback.cache({ maxAge: "-1 seconds" })))
      assert.include(error.message, "0.maxAge must be positive")
    }))
})
