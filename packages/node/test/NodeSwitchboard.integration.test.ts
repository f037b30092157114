import { expect, it } from "@effect/vitest"
import * as Stores from "@switchboard/core/Stores"
import * as Transport from "@switchboard/core/Transport"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as NodeSwitchboard from "../src/NodeSwitchboard.ts"
import { request, sendOk } from "./support/exchange.ts"
import { echo, until } from "./support/server.ts"

it.live("the layer gives an HttpClient that works by itself and carries the transport, and stores", () =>
  Effect.gen(function*() {
    const server = yield* echo
    const client = yield* HttpClient.HttpClient
    expect(yield* Effect.flatMap(client.get(server.origin), (response) => response.text)).toBe("ok")
    const channel = yield* Transport.of(client)!.open({
      maxConnections: 1,
      keepAliveTimeout: 1_000,
      connectTimeout: 1_000
    })
    yield* sendOk(channel, request(server.origin))
    expect(server.opened).toBe(2) // a pool of its own
    yield* Stores.Stores
  }).pipe(Effect.provide(NodeSwitchboard.layer)))

it.live("a client that was transformed no longer carries the transport", () =>
  Effect.gen(function*() {
    const client = yield* HttpClient.HttpClient
    const transformed = HttpClient.mapRequest(client, HttpClientRequest.setHeader("x-tenant", "1"))
    expect([Transport.of(client) === undefined, Transport.of(transformed)]).toEqual([false, undefined])
  }).pipe(Effect.provide(NodeSwitchboard.layer)))

it.live("the default pool is closed with the layer, and has the limits it was given", () =>
  Effect.gen(function*() {
    const server = yield* echo
    const scope = yield* Scope.make()
    const layer = NodeSwitchboard.layerHttpClient({ maxConnections: 2, keepAliveTimeout: "1 minute" })
    const context = yield* Layer.buildWithScope(layer, scope)
    const get = Effect.flatMap(HttpClient.get(server.origin), (response) => response.text).pipe(Effect.provide(context))
    yield* Effect.all(Array.from({ length: 10 }, () => get), { concurrency: "unbounded" })
    expect(server.opened).toBe(2)
    yield* Scope.close(scope, Exit.void)
    yield* until(() => server.sockets.size === 0)
  }))
