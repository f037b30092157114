// The calls that are counted. Each is made one at a time, to its end, by a fiber of its own.
import * as Auth from "@switchboard/core/Auth"
import * as Integration from "@switchboard/core/Integration"
import type * as Resilience from "@switchboard/core/Resilience"
import * as Stores from "@switchboard/core/Stores"
import * as NodeSwitchboard from "@switchboard/node/NodeSwitchboard"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as Tracer from "effect/Tracer"
import { Pool } from "undici"
import * as Clock from "./clock.ts"
import { charge, order, PaymentsApi } from "./contract.ts"
import { inMemory } from "./inMemory.ts"

/** Makes one call and tells when it has ended, however it did. */
export type Call = (done: () => void) => void

class Payments extends Integration.Service<Payments>()("counts/Payments", { api: PaymentsApi }) {}
class Guarded extends Integration.Service<Guarded>()("counts/Guarded", { api: PaymentsApi, auth: Auth.bearer }) {}

type Client = typeof Payments.Service
type Make = (client: Client) => Effect.Effect<unknown, unknown>

const get: Make = ({ charges }) => charges.get({ params: { id: "ch_1" } })
const post: Make = ({ charges }) => charges.create({ payload: order })

/** A client for the life of the process. Whether the call ends as it should is seen once, before any is counted. */
const calls = async <Self>(
  layer: Layer.Layer<Self, unknown>,
  service: Context.Key<Self, Client>,
  make: Make,
  expected: "Success" | "Failure" = "Success",
  before: Effect.Effect<unknown, unknown, Self> = Effect.void
): Promise<Call> => {
  const context = await Effect.runPromise(
    Layer.buildWithScope(Layer.provideMerge(layer, Clock.layer), Scope.makeUnsafe())
  )
  const call = make(Context.get(context, service))
  await Effect.runPromiseWith(context)(before)
  const exit = await Effect.runPromiseExitWith(context)(call)
  if (exit._tag !== expected) throw new Error(`a call ended with ${String(exit)}`)
  const run = Effect.runForkWith(context)
  return (done) => void run(call).addObserver(done)
}

const live = (
  platform: Layer.Layer<HttpClient.HttpClient | Stores.Stores>,
  settings: Resilience.Options & { readonly baseUrl: string }
) => Payments.layer(settings).pipe(Layer.provide(platform))

const everyPolicy: Resilience.Options = {
  breaker: {
    failureThreshold: 5,
    failureRate: { threshold: 0.5, window: "1 minute", minimumCalls: 20 },
    slowCalls: { threshold: 0.5, window: "1 minute", minimumCalls: 20, duration: "5 seconds" }
  },
  rateLimit: { limit: 50_000, window: "1 second" },
  bulkhead: { maxConcurrent: 100 },
  retry: { maxRetries: 3 },
  attemptTimeout: "10 seconds",
  totalTimeout: "30 seconds"
}

const memory = Layer.merge(inMemory, Stores.layerMemory)
const somewhere = "http://payments.test"
const tracer = Layer.succeed(Tracer.Tracer, Tracer.make({ span: (options) => new Tracer.NativeSpan(options) }))

/** By what they are called in the table; given the origin of the server. */
export const scenarios: Readonly<Record<string, (origin: string) => Promise<Call>>> = {
  "get without a network": () => calls(live(memory, { baseUrl: somewhere }), Payments, get),
  "get": (baseUrl) => calls(live(NodeSwitchboard.layer, { baseUrl }), Payments, get),
  "post 1 KiB with a key": (baseUrl) => calls(live(NodeSwitchboard.layer, { baseUrl }), Payments, post),
  "get with every policy": (baseUrl) => {
    const layer = Guarded.layer({ baseUrl, token: Redacted.make("sk_1"), ...everyPolicy })
    return calls(layer.pipe(Layer.provide(NodeSwitchboard.layer)), Guarded, get)
  },
  "get with a tracer": (baseUrl) =>
    calls(live(NodeSwitchboard.layer, { baseUrl }).pipe(Layer.provideMerge(tracer)), Payments, get),
  "refused by an open circuit": () => {
    const isolate = Effect.flatMap(Payments.circuit, (circuit) => circuit?.isolate ?? Effect.die("no circuit"))
    return calls(live(memory, { baseUrl: somewhere }), Payments, get, "Failure", isolate)
  },
  "layerTest": () => calls(Payments.layerTest({ charges: { get: () => Effect.succeed(charge) } }), Payments, get),
  "bare undici request": async (origin) => {
    const pool = new Pool(origin, { connections: 1 })
    const options = { method: "GET", path: "/charges/ch_1" } as const
    return (done) => void pool.request(options).then(({ body }) => body.json()).then(done)
  }
}
