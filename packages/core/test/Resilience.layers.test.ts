/** What stands between callers and the remote, together: who is told what, and whose answer is whose. */
import { assert, describe, it } from "@effect/vitest"
import * as Auth from "@switchboard/core/Auth"
import * as Events from "@switchboard/core/Events"
import * as Fallback from "@switchboard/core/Fallback"
import * as Integration from "@switchboard/core/Integration"
import * as Outcome from "@switchboard/core/Outcome"
import * as Cache from "@switchboard/core/policy/Cache"
import * as Provenance from "@switchboard/core/Provenance"
import * as Resilience from "@switchboard/core/Resilience"
import * as Answer from "@switchboard/testing/Answer"
import * as TestTransport from "@switchboard/testing/TestTransport"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as SchemaTransformation from "effect/SchemaTransformation"
import * as TestClock from "effect/testing/TestClock"
import { later, menu, remote, requests, sent, shop, ShopApi } from "./shop.ts"

const ok = Answer.json(200, menu)
const down = Answer.status(502)
const list = { params: { shop: "berlin" } }
const cache = { ttl: "1 minute" } as const
const fallback = { menu: { list: Fallback.value(later) } }

const after = <A, E, R>(self: Effect.Effect<A, E, R>, time: Duration.Input) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(self)
    yield* TestClock.adjust(time)
    return yield* Fiber.await(fiber)
  })

/** What is told of calls while an effect runs. */
const told = <A, E, R>(self: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const seen: Array<Events.IntegrationEvent> = []
    const tell = (event: Events.IntegrationEvent) => {
      if (event._tag.startsWith("Call")) seen.push(event)
    }
    return Effect.as(Effect.exit(Effect.provideService(self, Events.CurrentListener, tell)), seen)
  })

const layered: ReadonlyArray<[string, Resilience.Options]> = [
  ["alone", {}],
  ["with a cache", { cache }],
  ["coalesced", { coalesce: true }],
  ["hedged", { hedge: { delay: "1 second" } }]
]

describe("a call is told once", () => {
  it.effect.each(layered)("as failed, with its reason, %s", ([, resilience]) =>
    Effect.gen(function*() {
      const calling = Effect.flatMap(
        shop({ resilience: { retry: false, ...resilience } }),
        ({ menu }) => menu.list(list)
      )
      const [event, ...more] = yield* told(calling)
      assert.deepStrictEqual(more, [])
      assert.deepInclude(event, { _tag: "CallFailed", reason: "UnexpectedStatus" })
    }).pipe(Effect.provide(remote(down))))

  it.effect.each(layered)("as answered, with its attempts, %s", ([, resilience]) =>
    Effect.gen(function*() {
      const [event, ...more] = yield* told(
        Effect.flatMap(shop({ resilience, fallback }), ({ menu }) => menu.list(list))
      )
      assert.deepStrictEqual(more, [])
      assert.deepInclude(event, { _tag: "CallAnswered", outcome: "success", attempts: 1 })
    }).pipe(Effect.provide(remote(ok))))

  it.effect("as answered by what answered, without an attempt where there was none", () =>
    Effect.gen(function*() {
      const events = yield* told(
        Effect.flatMap(shop({ resilience: { cache } }), ({ menu }) => Effect.repeat(menu.list(list), { times: 1 }))
      )
      const [first, second] = events
      assert.deepInclude(first, { _tag: "CallAnswered", attempts: 1 })
      assert.deepInclude(second, { _tag: "CallAnswered", attempts: 0, source: "cache", stale: false })
      assert.notProperty(first, "source")
    }).pipe(Effect.provide(remote(ok))))

  it.effect("a leader who is in a hurry has made the attempts so far", () =>
    Effect.gen(function*() {
      const { menu: api } = yield* shop({ resilience: { coalesce: true } })
      const error = yield* after(
        Effect.flip(api.list(list).pipe(Resilience.withOptions({ totalTimeout: "1 second" }))),
        "1 second"
      )
      assert.isTrue(Exit.isSuccess(error) && error.value._tag === "IntegrationError" && error.value.attempts === 1)
    }).pipe(Effect.provide(remote(Answer.hang))))

  const slowly = (encode: Effect.Effect<string>) => {
    const Slow = Schema.String.pipe(
      Schema.decodeTo(
        Schema.String,
        SchemaTransformation.transformEffect({ decode: (text: string) => Effect.succeed(text), encode: () => encode })
      )
    )
    const Things = HttpApiGroup.make("things").add(
      HttpApiEndpoint.post("make", "/things", { payload: Schema.Struct({ name: Slow }), success: Schema.String })
    )
    return Integration.make("test/Slow", { api: HttpApi.make("slow").add(Things), baseUrl: "https://slow.example" })({})
  }

  it.effect("also where its request dies, or it is interrupted, while it is encoded", () =>
    Effect.gen(function*() {
      const dying = yield* told(
        Effect.flatMap(slowly(Effect.die("bug")), ({ things }) => things.make({ payload: { name: "a" } }))
      )
      assert.deepInclude(dying[0], { _tag: "CallFailed", reason: "defect", attempts: 0 })
      const leaving = yield* told(Effect.gen(function*() {
        const { things } = yield* slowly(Effect.never)
        const fiber = yield* Effect.forkChild(things.make({ payload: { name: "a" } }), { startImmediately: true })
        yield* Fiber.interrupt(fiber)
      }))
      assert.deepStrictEqual(leaving.map(({ _tag }) => _tag), ["CallInterrupted"])
    }).pipe(Effect.scoped, Effect.provide(remote(ok))))
})

describe("a call that ran out of time", () => {
  it.effect("is one that a fallback answers, however little of it the remote had", () =>
    Effect.gen(function*() {
      const { menu: api } = yield* shop({
        resilience: { totalTimeout: "12 seconds", attemptTimeout: "10 seconds" },
        fallback
      })
      assert.deepStrictEqual(yield* after(api.list(list), "12 seconds"), Exit.succeed(later))
      const hurried = api.list(list).pipe(Resilience.withOptions({ totalTimeout: "1 second" }))
      assert.deepStrictEqual(yield* after(hurried, "1 second"), Exit.succeed(later))
    }).pipe(Effect.provide(remote(Answer.hang))))

  it.effect("so is one that waited for a permit in vain; and a stale answer does as well", () =>
    Effect.gen(function*() {
      const resilience = { bulkhead: { maxConcurrent: 1 }, retry: false, attemptTimeout: "29 seconds" } as const
      const { menu: api } = yield* shop({ resilience, fallback })
      yield* Effect.forkChild(Effect.exit(api.list({ params: { shop: "slow" } })), { startImmediately: true })
      assert.deepStrictEqual(
        yield* after(api.list(list).pipe(Resilience.withOptions({ totalTimeout: "2 seconds" })), "2 seconds"),
        Exit.succeed(later)
      )
      const stale = yield* shop({
        id: "test/Stale",
        resilience: { ...resilience, cache: { ...cache, staleIfError: "1 hour" } }
      })
      yield* (yield* TestTransport.TestTransport).use(ok)
      yield* stale.menu.list(list)
      yield* (yield* TestTransport.TestTransport).use(Answer.hang)
      yield* TestClock.adjust("10 minutes")
      yield* Effect.forkChild(Effect.exit(stale.menu.list({ params: { shop: "slow" } })), { startImmediately: true })
      assert.deepStrictEqual(yield* after(stale.menu.list(list), "30 seconds"), Exit.succeed(menu))
    }).pipe(Effect.provide(remote(Answer.hang))))
})

describe("an answer that counts as a failure", () => {
  const classify: Outcome.Classifier = (exit) =>
    Exit.isSuccess(exit) && Array.isArray(exit.value) && exit.value.length === 0 ? Outcome.failure() : undefined

  it.effect("is not kept, neither in the cache nor as the last good one", () =>
    Effect.gen(function*() {
      const { menu: api } = yield* shop({
        resilience: { classify, cache: { ttl: "1 hour" }, retry: false },
        fallback: { menu: { list: Fallback.cache({ maxAge: "1 hour" }) } }
      })
      assert.deepStrictEqual(yield* api.list(list), [])
      assert.deepStrictEqual(yield* Provenance.reported(api.list(list)), { value: menu, ...Provenance.remote })
    }).pipe(Effect.provide(remote([Answer.json(200, []), ok]))))

  it.effect("gives way to a fallback, and stands where none answers", () =>
    Effect.gen(function*() {
      const { menu: api } = yield* shop({ resilience: { classify, retry: false }, fallback })
      assert.deepStrictEqual(yield* api.list(list), later)
      const none = yield* shop({
        resilience: { classify, retry: false },
        fallback: { menu: { list: Fallback.value(later, { on: ["NoEndpoint"] }) } }
      })
      assert.deepStrictEqual(yield* none.menu.list(list), [])
    }).pipe(Effect.provide(remote(Answer.json(200, [])))))
})

describe("what calls share", () => {
  it.effect("is made by the settings of the operation: a leader in a hurry does not hurry the others", () =>
    Effect.gen(function*() {
      const { menu: api } = yield* shop({ resilience: { coalesce: true } })
      const hurried = yield* Effect.forkChild(
        Effect.exit(api.list(list).pipe(Resilience.withOptions({ totalTimeout: "1 second" }))),
        { startImmediately: true }
      )
      const patient = yield* Effect.forkChild(api.list(list), { startImmediately: true })
      yield* TestClock.adjust("5 seconds")
      assert.isTrue(Exit.isFailure(yield* Fiber.join(hurried)))
      assert.deepStrictEqual(yield* Fiber.join(patient), menu)
      assert.strictEqual(yield* sent, 1)
    }).pipe(Effect.provide(remote(Answer.delay("5 seconds", ok)))))

  it.effect("and a follower waits no longer than its own total timeout", () =>
    Effect.gen(function*() {
      const { menu: api } = yield* shop({ resilience: { coalesce: true } })
      yield* Effect.forkChild(Effect.exit(api.list(list)), { startImmediately: true })
      const hurried = api.list(list).pipe(Resilience.withOptions({ totalTimeout: "1 second" }))
      assert.isTrue(Exit.isFailure(yield* after(hurried, "1 second")))
    }).pipe(Effect.provide(remote(Answer.delay("5 seconds", ok)))))

  it.effect("nobody shares who asked for settings that change the answer, or gave a key", () =>
    Effect.gen(function*() {
      const { menu: api } = yield* shop({ resilience: { coalesce: true, cache } })
      const calls = [
        api.list(list),
        api.list(list).pipe(Resilience.withOptions({ maxResponseBytes: 100_000 })),
        api.list(list).pipe(Resilience.withIdempotencyKey("order-1")),
        api.list(list).pipe(Resilience.withIdempotencyKey("order-2"))
      ]
      const fiber = yield* Effect.forkChild(Effect.all(calls, { concurrency: "unbounded" }))
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(fiber)
      assert.strictEqual(yield* sent, 4)
    }).pipe(Effect.provide(remote(Answer.delay("1 second", ok)))))

  it.effect("F11: a caller leaves on time, though what it leaves is slow to stop", () =>
    Effect.gen(function*() {
      const auth = Auth.custom({
        settings: {},
        places: [{ in: "header", name: "authorization" }],
        audience: Effect.succeed(""),
        authenticator: () => () => Effect.uninterruptible(Effect.as(Effect.sleep("10 seconds"), {}))
      })
      const { menu: api } = yield* Integration.make("test/SlowAuth", {
        api: ShopApi,
        baseUrl: "https://shop.example",
        auth,
        resilience: { coalesce: true }
      })({})
      const hurried = api.list(list).pipe(Resilience.withOptions({ totalTimeout: "1 second" }))
      const fiber = yield* Effect.forkChild(Effect.exit(hurried))
      yield* TestClock.adjust("1 second")
      assert.isDefined(fiber.pollUnsafe())
    }).pipe(Effect.provide(remote(ok))))
})

describe("what a call asks for in turn", () => {
  class Tokens extends Integration.Service<Tokens>()("test/Tokens", {
    api: HttpApi.make("tokens").add(
      HttpApiGroup.make("tokens").add(HttpApiEndpoint.get("get", "/token", { success: Schema.String }))
    ),
    baseUrl: "https://tokens.example",
    resilience: { cache: { ttl: "1 second", staleWhileRevalidate: "1 hour" } }
  }) {}

  it.effect("knows nothing of what is kept for it, and does not keep it from being kept", () =>
    Effect.gen(function*() {
      const tokens = Context.get(yield* Layer.build(Tokens.layer()), Tokens)
      const auth = Auth.custom({
        settings: {},
        places: [{ in: "header", name: "authorization" }],
        audience: Effect.succeed(""),
        authenticator: () => () =>
          Effect.map(Effect.orDie(tokens.tokens.get()), (token) => ({ header: { authorization: token } }))
      })
      const { menu: api } = yield* Integration.make("test/Authorized", {
        api: ShopApi,
        baseUrl: "https://shop.example",
        auth,
        resilience: { cache: { ttl: "1 minute", cacheControl: true } }
      })({})
      yield* api.list(list)
      yield* TestClock.adjust("10 minutes")
      yield* api.list(list)
      yield* api.list(list)
      const seen = (yield* requests).filter(({ origin }) => origin === "https://shop.example")
      assert.deepStrictEqual(seen.map(({ headers }) => headers["authorization"]), ["t", "t"])
      const asked = (yield* requests).filter(({ origin }) => origin === "https://tokens.example")
      assert.deepStrictEqual(asked.map(({ headers }) => headers["if-none-match"]), [undefined, undefined])
    }).pipe(
      Effect.scoped,
      Effect.provide(remote(({ origin }) =>
        origin === "https://tokens.example" ? Answer.json(200, "t") : Answer.json(200, menu, { etag: "\"a\"" })
      ))
    ))
})

describe("a fallback that takes too long", () => {
  it.effect("is left for the next one, and told as failed", () => {
    const failed: Array<string> = []
    return Effect.gen(function*() {
      const { menu: api } = yield* shop({
        resilience: { retry: false },
        fallback: {
          menu: { list: [Fallback.alternative(() => Effect.never, { timeout: "3 seconds" }), Fallback.value(later)] }
        }
      })
      assert.deepStrictEqual(yield* after(api.list(list), "3 seconds"), Exit.succeed(later))
      assert.deepStrictEqual(failed, ["alternative TimeoutError"])
    }).pipe(
      Effect.provideService(Events.CurrentListener, (event) => {
        if (event._tag === "FallbackFailed") failed.push(`${event.fallback} ${event.reason}`)
      }),
      Effect.provide(remote(down))
    )
  })

  it.effect("leaves the call with its own failure where it was the last", () =>
    Effect.gen(function*() {
      const { menu: api } = yield* shop({
        resilience: { retry: false },
        fallback: { menu: { list: Fallback.alternative(() => Effect.never) } }
      })
      const exit = yield* after(Effect.flip(api.list(list)), "10 seconds")
      assert.isTrue(Exit.isSuccess(exit) && exit.value._tag === "IntegrationError")
    }).pipe(Effect.provide(remote(down))))
})

describe("what a fallback answered", () => {
  it.effect("is not kept by a cache around the call", () =>
    Effect.gen(function*() {
      const around = yield* Cache.make<string, ReadonlyArray<{ readonly name: string; readonly price: number }>>({
        name: "around",
        ttl: "1 hour"
      })
      const { menu: api } = yield* shop({ resilience: { retry: false }, fallback })
      assert.deepStrictEqual(yield* api.list(list).pipe(around.policy("berlin")), later)
      assert.deepStrictEqual(yield* api.list(list).pipe(around.policy("berlin")), menu)
      const guard = yield* Fallback.make({ name: "guard" }, Fallback.value(later))
      const failing = guard("rome")(Effect.fail("down"))
      assert.deepStrictEqual(yield* failing.pipe(around.policy("rome")), later)
      assert.deepStrictEqual(yield* Effect.succeed(menu).pipe(around.policy("rome")), menu)
    }).pipe(Effect.provide(remote([down, ok]))))
})

describe("where an answer came from", () => {
  it.effect("is of the last call that did not ask the remote", () =>
    Effect.gen(function*() {
      const { menu: api } = yield* shop({ resilience: { cache } })
      yield* api.list(list)
      const both = Effect.andThen(api.list(list), api.list({ params: { shop: "paris" } }))
      assert.propertyVal(yield* Provenance.reported(both), "source", "cache")
    }).pipe(Effect.provide(remote(ok))))
})
