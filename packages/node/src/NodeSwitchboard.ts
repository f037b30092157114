/**
 * What an integration needs from outside, on Node.
 *
 * @example
 * import { NodeSwitchboard } from "@switchboard/node"
 *
 * program.pipe(Effect.provide(Payments.layerConfig.pipe(Layer.provide(NodeSwitchboard.layer))))
 */
import type { InvalidOptions } from "@switchboard/core/InvalidOptions"
import * as Stores from "@switchboard/core/Stores"
import * as Transport from "@switchboard/core/Transport"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as RedisStores from "./RedisStores.ts"
import * as UndiciTransport from "./UndiciTransport.ts"

/** The pool of the client itself; an integration opens its own, with its own settings. */
export interface Options extends UndiciTransport.Options {
  /** Most connections to one origin, at least 1. Default 64. */
  readonly maxConnections?: number | undefined
  /** How long an idle connection is kept. Default 30 seconds; a server that announces less shortens it. */
  readonly keepAliveTimeout?: Duration.Input | undefined
  /** How long connecting, TLS included, may take. Default 5 seconds. */
  readonly connectTimeout?: Duration.Input | undefined
}

/** An `HttpClient` on undici that carries its transport, so that integrations are sent through it directly. */
export const makeHttpClient = (options: Options = {}): Effect.Effect<HttpClient.HttpClient, never, Scope.Scope> =>
  Effect.suspend(() => {
    const transport = UndiciTransport.make(options)
    return Effect.map(
      transport.open({
        maxConnections: options.maxConnections ?? 64,
        keepAliveTimeout: Duration.toMillis(options.keepAliveTimeout ?? "30 seconds"),
        connectTimeout: Duration.toMillis(options.connectTimeout ?? "5 seconds")
      }),
      (channel) => Object.assign(channel.client, { [Transport.TypeId]: transport })
    )
  })

/** The same as a Layer. */
export const layerHttpClient = (options?: Options): Layer.Layer<HttpClient.HttpClient> =>
  Layer.effect(HttpClient.HttpClient)(makeHttpClient(options))

/** An `HttpClient` on undici and state in this process's memory. */
export const layer: Layer.Layer<HttpClient.HttpClient | Stores.Stores> = Layer.merge(
  layerHttpClient(),
  Stores.layerMemory
)

/**
 * The same with state that processes share in Redis. It starts without Redis, and needs the package `redis`, which a
 * program that does not use it need not install.
 */
export const layerRedis = (
  options: RedisStores.ConnectOptions
): Layer.Layer<HttpClient.HttpClient | Stores.Stores, InvalidOptions> =>
  Layer.merge(layerHttpClient(), RedisStores.layerConnect(options))
