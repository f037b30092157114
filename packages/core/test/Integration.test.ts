import { assert, describe, it } from "@effect/vitest"
import * as Auth from "@switchboard/core/Auth"
import * as Definition from "@switchboard/core/Definition"
import * as Events from "@switchboard/core/Events"
import * as Integration from "@switchboard/core/Integration"
import { isIntegrationError } from "@switchboard/core/IntegrationError"
import * as Stores from "@switchboard/core/Stores"
import * as Answer from "@switchboard/testing/Answer"
import * as TestTransport from "@switchboard/testing/TestTransport"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import { reserved } from "../src/internal/settings/reserved.ts"
import { CardDeclined, charge, layer, Payments, PaymentsApi, token } from "./payments.ts"
import { item, remote, sent, VaultApi } from "./vault.ts"

const ok = Answer.json(200, charge)
const get = Effect.flatMap(Payments, (payments) => payments.charges.get({ params: { id: "ch_1" } }))
const create = Effect.flatMap(Payments, (payments) => payments.charges.create({ payload: { amount: 250 } }))
const wire = TestTransport.TestTransport
const tagOf = (error: unknown) => isIntegrationError(error) ? error.reason._tag : error

describe("a test layer", () => {
  const fake = Payments.layerTest({
    charges: {
      get: ({ params }) => Effect.succeed({ id: params.id, amount: 1 }),
      create: () => Effect.fail(new CardDeclined({ code: "no" }))
    }
  })

  it.effect("answers with what its handlers say, without a network", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* get, { id: "ch_1", amount: 1 })
      assert.deepStrictEqual(yield* Effect.flip(create), new CardDeclined({ code: "no" }))
    }).pipe(Effect.provide(fake)))

  it.effect("dies of a method without a handler, and the defect names itself", () =>
    Effect.gen(function*() {
      const payments = yield* Payments
      for (
        const [call, name] of [
          [payments.charges.quick(), "charges.quick"],
          [payments.files.download({ params: { id: "f" } }), "files.download"]
        ] as ReadonlyArray<[Effect.Effect<unknown, unknown>, string]>
      ) {
        const exit = yield* Effect.exit(call)
        assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
        assert.include(
          Exit.isFailure(exit) ? String(Cause.squash(exit.cause)) : "",
          `test/Payments ${name} was called, but the test layer has no handler for it`
        )
      }
    }).pipe(Effect.provide(fake)))

  it.effect("has no circuit", () =>
    Effect.gen(function*() {
      assert.isUndefined(yield* Payments.circuit)
    }).pipe(Effect.provide(fake)))

  it.effect("of a top-level group has its methods on the client", () =>
    Effect.gen(function*() {
      class Vault extends Integration.Service<Vault>()("test/Vault", { api: VaultApi }) {}
      const exits = yield* Effect.gen(function*() {
        const vault = yield* Vault
        return [yield* Effect.exit(vault.get({ params: { id: "a" } })), yield* Effect.exit(vault.touch())]
      }).pipe(Effect.provide(Vault.layerTest({ get: ({ params }) => Effect.succeed({ id: params.id }) })))
      assert.deepStrictEqual(exits[0], Exit.succeed({ id: "a" }))
      assert.include(String(exits[1]), "test/Vault touch was called")
    }))
})

describe("a live layer", () => {
  it.effect("has the methods of every group, top-level ones on the client itself", () =>
    Effect.gen(function*() {
      class Mixed extends HttpApiGroup.make("mixed", { topLevel: true }).add(
        HttpApiEndpoint.get("ping", "/ping", { success: Schema.Struct({ id: Schema.String }) })
      ) {}
      class Api extends HttpApi.make("mixed").add(Mixed).addHttpApi(PaymentsApi) {}
      class Both extends Integration.Service<Both>()("test/Both", { api: Api, baseUrl: "https://both.example" }) {}
      const client = yield* Effect.provide(
        Effect.tap(Both, (both) => Effect.map(both.ping(), (answer) => assert.deepStrictEqual(answer, item))),
        Both.layer()
      )
      assert.deepStrictEqual(Object.keys(client).toSorted(), ["charges", "files", "ping"])
      assert.deepStrictEqual(Object.keys(client.charges).toSorted(), ["capture", "create", "get", "quick"])
      assert.strictEqual((yield* sent)[0]?.url, "https://both.example/ping")
    }).pipe(Effect.provide(remote(Answer.json(200, item)))))

  it.effect("is told by its values: base URL, agent, pool", () =>
    Effect.gen(function*() {
      class Agent extends Integration.Service<Agent>()("a/b/Agent", {
        api: VaultApi,
        baseUrl: "https://one.example/",
        userAgent: "shop/1",
        pool: { maxConnections: 3, connectTimeout: "2 seconds" }
      }) {}
      const layer = Agent.layer({
        baseUrl: "https://two.example/api/",
        pool: { maxConnections: undefined, keepAliveTimeout: "9 seconds" }
      })
      yield* Effect.provide(Effect.flatMap(Agent, (agent) => agent.get({ params: { id: "a" } })), layer)
      const [request] = yield* sent
      assert.strictEqual(request?.url, "https://two.example/api/items/a")
      assert.strictEqual(request?.headers["user-agent"], "shop/1")
      const [pool] = yield* (yield* wire).pools
      assert.deepStrictEqual(pool?.options, { maxConnections: 3, keepAliveTimeout: 9000, connectTimeout: 2000 })
    }).pipe(Effect.provide(remote(Answer.json(200, item)))))

  it.effect("with every problem at once is refused before a pool is opened", () =>
    Effect.gen(function*() {
      const wrong = Payments.layer({
        token,
        baseUrl: "nowhere",
        totalTimeout: "0 seconds",
        retry: { maxRetries: -1 },
        pool: { maxConnections: 0 },
        timeout: 1
      } as never)
      const { problems } = yield* Effect.flip(Effect.scoped(Layer.build(wrong)))
      assert.deepStrictEqual(problems.map(({ option }) => option).toSorted(), [
        "baseUrl",
        "pool.maxConnections",
        "retry.maxRetries",
        "timeout",
        "totalTimeout"
      ])
      assert.deepStrictEqual(yield* (yield* wire).pools, [])
    }).pipe(Effect.provide(remote(ok))))

  it.effect("has an agent that a header may hold, whatever its id", () =>
    Effect.gen(function*() {
      for (
        const [id, agent] of [["shop/決済", "switchboard"], ["shop/Café Shop", "Caf-Shop"], ["a\r\nb", "a-b"]] as const
      ) {
        const vault = yield* Integration.make(id, { api: VaultApi, baseUrl: "https://vault.example" })({})
        yield* vault.get({ params: { id: "a" } })
        assert.strictEqual((yield* sent).at(-1)?.headers["user-agent"], agent)
      }
    }).pipe(Effect.provide(remote(Answer.json(200, item)))))

  it.effect("with an agent that no header may hold is refused", () =>
    Effect.gen(function*() {
      for (const userAgent of ["決済", "shop\r\nx-admin: 1", "", " "]) {
        const options = { api: VaultApi, baseUrl: "https://vault.example", userAgent }
        const { message } = yield* Effect.flip(Effect.scoped(Integration.make("test/Vault", options)({})))
        assert.strictEqual(
          message,
          "test/Vault: invalid options: userAgent must not be empty, and hold what a header may hold"
        )
      }
    }).pipe(Effect.provide(remote(Answer.json(200, item)))))

  it.effect("whose scheme calls a setting as an option of every integration is called is refused", () =>
    Effect.gen(function*() {
      for (const name of [...reserved, ...Object.keys(Definition.fields)]) {
        const auth = { ...Auth.none, settings: { [name]: Schema.optionalKey(Schema.Unknown) } } as Auth.Auth<any>
        const options = { api: VaultApi, baseUrl: "https://vault.example", auth }
        const { problems } = yield* Effect.flip(Effect.scoped(Integration.make("test/Vault", options)({})))
        assert.deepStrictEqual(problems.map(({ option }) => option), [name])
        assert.include(problems[0]!.problem, "is an option of every integration")
      }
    }).pipe(Effect.provide(remote(Answer.json(200, item)))))

  it.effect("is the same from configuration as from values", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* get, charge)
      const [request] = yield* (yield* wire).requests
      assert.strictEqual(request?.headers["authorization"], `Bearer ${Redacted.value(token)}`)
    }).pipe(Effect.provide(layer(ok))))

  it.effect("closes its pool with its scope, and what is under way ends", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(Payments.layer({ token }), scope)
      const fiber = yield* Effect.forkChild(Effect.exit(Effect.provideContext(create, context)))
      yield* (yield* wire).received(1)
      assert.deepStrictEqual((yield* (yield* wire).pools).map(({ isOpen }) => isOpen), [true])
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual((yield* (yield* wire).pools).map(({ isOpen }) => isOpen), [false])
      assert.isTrue(Exit.isFailure(yield* Fiber.join(fiber)))
      assert.strictEqual(yield* (yield* wire).inFlight, 0)
    }).pipe(Effect.provide(remote(Answer.hang))))

  it.effect("L4: ends the fibers of its deadlines with its scope", () =>
    Effect.gen(function*() {
      const clock = yield* Clock.Clock
      let sleeping = 0
      const counting: Clock.Clock = Object.assign(Object.create(clock), {
        sleep: (duration: Duration.Duration) =>
          Effect.suspend(() => {
            sleeping++
            return Effect.ensuring(clock.sleep(duration), Effect.sync(() => void sleeping--))
          })
      })
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(Payments.layer({ token }), scope)
      const fiber = yield* Effect.forkChild(
        Effect.exit(Effect.provideContext(create, context)).pipe(Effect.provideService(Clock.Clock, counting))
      )
      yield* (yield* wire).received(1)
      yield* Effect.yieldNow
      assert.strictEqual(sleeping, 1)
      yield* Scope.close(scope, Exit.void)
      yield* Fiber.join(fiber)
      yield* Effect.yieldNow
      assert.strictEqual(sleeping, 0)
    }).pipe(Effect.provide(remote(Answer.hang))))
})

describe("two layers of one integration", () => {
  const settings = { token, retry: false, breaker: { failureThreshold: 1 } } as const

  it.effect("in one Stores share the circuit", () =>
    Effect.gen(function*() {
      yield* Effect.exit(Effect.provide(get, Payments.layer(settings)))
      const error = yield* Effect.flip(Effect.provide(get, Payments.layer(settings)))
      assert.strictEqual(tagOf(error), "CircuitOpen")
      assert.strictEqual((yield* sent).length, 1)
    }).pipe(Effect.provide(remote(Answer.status(500)))))

  it.effect("in Stores of their own do not", () =>
    Effect.gen(function*() {
      for (let i = 0; i < 2; i++) {
        const error = yield* Effect.flip(
          Effect.provide(get, Layer.provide(Payments.layer(settings), Layer.fresh(Stores.layerMemory)))
        )
        assert.strictEqual(tagOf(error), "UnexpectedStatus")
      }
    }).pipe(Effect.provide(remote(Answer.status(500)))))

  it.effect("another integration in the same Stores has a circuit of its own", () =>
    Effect.gen(function*() {
      class Other extends Integration.Service<Other>()("test/Other", {
        api: PaymentsApi,
        baseUrl: "https://other.example"
      }) {}
      yield* Effect.exit(Effect.provide(get, Payments.layer(settings)))
      const call = Effect.flatMap(Other, ({ charges }) => charges.get({ params: { id: "a" } }))
      const error = yield* Effect.flip(Effect.provide(call, Other.layer({ retry: false })))
      assert.strictEqual(tagOf(error), "UnexpectedStatus")
    }).pipe(Effect.provide(remote(Answer.status(500)))))
})

describe("make", () => {
  it.effect("is the same without a class", () =>
    Effect.gen(function*() {
      const made = Integration.make("test/Made", {
        api: VaultApi,
        baseUrl: "https://made.example",
        auth: Auth.apiKey({ query: "key" })
      })
      const vault = yield* made({ apiKey: Redacted.make("k") })
      assert.deepStrictEqual(yield* vault.get({ params: { id: "a" } }), item)
      const [request] = yield* sent
      assert.strictEqual(request?.url, "https://made.example/items/a?key=k")
      assert.strictEqual(request?.headers["user-agent"], "Made")
    }).pipe(Effect.provide(remote(Answer.json(200, item)))))
})

describe("the circuit of a live layer", () => {
  it.effect("is absent where it is switched off", () =>
    Effect.gen(function*() {
      assert.isUndefined(yield* Payments.circuit)
      for (let i = 0; i < 10; i++) yield* Effect.exit(get)
      assert.strictEqual((yield* (yield* wire).requests).length, 10)
    }).pipe(Effect.provide(layer(Answer.status(500), { breaker: false, retry: false }))))

  it.effect("tells of itself by the id of the integration", () =>
    Effect.gen(function*() {
      const seen: Array<Events.IntegrationEvent> = []
      const listener = Events.layerListener((event) => void seen.push(event))
      yield* Effect.flatMap(Payments.circuit, (circuit) => circuit!.isolate).pipe(
        Effect.provide(layer(ok).pipe(Layer.provide(listener)))
      )
      assert.strictEqual(seen.length, 1)
      assert.deepInclude(seen[0], { _tag: "CircuitChanged", integration: "test/Payments" })
    }))
})
