/**
 * A remote made of a script: an `HttpClient` that carries a transport, without a network, on the clock of the caller.
 *
 * An integration that is given it runs its real path, encoding, pipeline and decoding included; used as a plain
 * `HttpClient` it answers alike. Every request is kept, with what became of it. A request the script has no answer for
 * fails the test: see `UnscriptedRequest`.
 *
 * @example
 * it.effect("is retried after a reset", () =>
 *   Effect.gen(function*() {
 *     const payments = yield* Payments
 *     const wire = yield* TestTransport.TestTransport
 *     const fiber = yield* Effect.forkChild(payments.charges.get({ params: { id: "ch_1" } }))
 *     yield* TestClock.adjust("1 second")
 *     expect(yield* Fiber.join(fiber)).toMatchObject({ id: "ch_1" })
 *     expect((yield* wire.requests).map((request) => request.attempt)).toEqual([1, 2])
 *   }).pipe(Effect.provide(Payments.layer({ token }).pipe(
 *     Layer.provideMerge(TestTransport.layer([Answer.reset, Answer.json(200, { id: "ch_1" })]))
 *   ))))
 */
import * as Redaction from "@switchboard/core/Redaction"
import * as Transport from "@switchboard/core/Transport"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { inMemory } from "./internal/inMemory.ts"
import { Remote } from "./internal/remote.ts"
import type { Handler, Routes, Script } from "./internal/script.ts"
import type { Received } from "./Received.ts"

export { UnscriptedRequest } from "./internal/unscripted.ts"
export type { Handler, Routes, Script }

export interface Options {
  /** What is hidden where a request is printed. Default: the names that hold secrets by convention. */
  readonly redaction?: Redaction.Redaction | undefined
}

/** A pool that was opened. */
export interface Pool {
  readonly options: Transport.PoolOptions
  readonly isOpen: boolean
}

/** The remote, as the test sees it. */
export class TestTransport extends Context.Service<TestTransport, {
  /** Carries the transport. */
  readonly client: HttpClient.HttpClient
  /** Every request so far, in order. */
  readonly requests: Effect.Effect<ReadonlyArray<Received>>
  /** Waits until that many requests have arrived, and gives all. */
  readonly received: (count: number) => Effect.Effect<ReadonlyArray<Received>>
  /** Requests whose answer has not fully arrived; a response whose body nobody reads or aborts stays among them. */
  readonly inFlight: Effect.Effect<number>
  /** Requests the caller gave up. */
  readonly cancelled: Effect.Effect<number>
  /** Pools opened so far. */
  readonly pools: Effect.Effect<ReadonlyArray<Pool>>
  /** Answers by another script from now on. */
  readonly use: (script: Script) => Effect.Effect<void>
}>()("@switchboard/testing/TestTransport") {}

/**
 * Scripts by method and path, asked in order: `"GET /charges/:id"`, `"* /files/*"`,
 * `"POST https://auth.example/token"`. `*` is any method, or any rest of a path; `:name` is one segment, found in `request.params`. Each route counts for
 * itself.
 */
export const routes = (table: Readonly<Record<string, Script>>): Routes => ({ _tag: "Routes", table })

/**
 * A remote that answers by the script: one answer for all requests, a list used up in order, routes, or a handler
 * that is given the request and its number, from 1. A handler may answer with an effect; it runs on the caller's clock.
 */
export const make = (
  script: Script,
  options: Options = {}
): Effect.Effect<TestTransport["Service"], never, Scope.Scope> =>
  Effect.gen(function*() {
    const remote = new Remote(script, options.redaction ?? Redaction.make([]))
    yield* Effect.addFinalizer(() => remote.verdict)
    const client = remote.client
    const { pools, transport } = inMemory(remote, client)
    return {
      client: Object.assign(client, { [Transport.TypeId]: transport }),
      requests: Effect.sync(() => remote.recorder.requests.slice()),
      received: (count: number) => remote.recorder.await(count),
      inFlight: Effect.sync(() => remote.recorder.inFlight),
      cancelled: Effect.sync(() => remote.recorder.cancelled),
      pools: Effect.sync(() => pools.map(({ isOpen, options }) => ({ isOpen, options }))),
      use: (script: Script) => Effect.sync(() => remote.use(script))
    }
  })

/** The same as a Layer. */
export const layer = (script: Script, options?: Options): Layer.Layer<HttpClient.HttpClient | TestTransport> =>
  Layer.effectContext(
    Effect.map(
      make(script, options),
      (service) => Context.make(TestTransport, service).pipe(Context.add(HttpClient.HttpClient, service.client))
    )
  )
