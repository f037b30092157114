/**
 * Declare a third party once, as a contract and settings, and get a class with its layers.
 *
 * @example
 * class Payments extends Integration.Service<Payments>()("coffee/Payments", {
 *   api: PaymentsApi,
 *   baseUrl: "https://payments.example/api/v1",
 *   auth: Auth.bearer
 * }) {}
 *
 * const charge = Effect.gen(function*() {
 *   const payments = yield* Payments
 *   return yield* payments.charges.create({ payload: { amount: 250n, currency: "USD" } })
 * })
 *
 * program.pipe(Effect.provide(Payments.layerConfig.pipe(Layer.provide(NodeSwitchboard.layer))))
 */
import type * as Config from "effect/Config"
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as HttpApi from "effect/http-api/HttpApi"
import type * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import type * as HttpClient from "effect/http/HttpClient"
import type * as Layer from "effect/Layer"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Auth from "./Auth.ts"
import type { Client, Fallbacks, FallbackServices, Handlers, OnlyKnown } from "./Contract.ts"
import type * as Definition from "./Definition.ts"
import type { ReloadOptions } from "./internal/integration/generations.ts"
import * as Live from "./internal/integration/live.ts"
import { agentOf, configNameOf } from "./internal/integration/names.ts"
import { members } from "./internal/integration/service.ts"
import type * as Configuration from "./internal/settings/configuration.ts"
import type { FallbackSettings } from "./internal/settings/fallbacks.ts"
import type { InvalidOptions } from "./InvalidOptions.ts"
import type * as CircuitBreaker from "./policy/CircuitBreaker.ts"
import type * as Resilience from "./Resilience.ts"
import type { Stores } from "./Stores.ts"

/** What an integration is. */
export interface Options<Groups extends HttpApiGroup.Constraint, Fields extends Schema.Struct.Fields> {
  /** The contract: the only source of types. */
  readonly api: HttpApi.HttpApi<string, Groups>
  /** Where it is, unless the settings say otherwise. May hold `{placeholders}` for secrets that auth puts in the path. */
  readonly baseUrl?: string | undefined
  /** How it knows who is calling: default `Auth.none`. */
  readonly auth?: Auth.Auth<Fields> | undefined
  /** Settings of every operation, before the contract's own annotations. */
  readonly resilience?: Resilience.Options | undefined
  readonly pool?: Definition.PoolOptions | undefined
  /** Sent as `User-Agent`: what a header may hold; default the last part of the id, in letters that it may. */
  readonly userAgent?: string | undefined
  /**
   * What its settings are called in configuration, with at least one letter from A to Z: default the last part of the id,
   * in lower camel case.
   */
  readonly configName?: string | undefined
}

/** What a layer is built from: what auth needs, and whatever is to differ from the definition. */
export type Settings<Fields extends Schema.Struct.Fields> =
  & Schema.Struct.Type<Fields>
  & Resilience.Options
  & {
    readonly baseUrl?: string | undefined
    readonly pool?: Definition.PoolOptions | undefined
    /** Whether W3C trace context is sent to the remote: default `false`. */
    readonly propagateTrace?: boolean | undefined
    /** By operation, such as `menu.list`, in place of the class's own chain. */
    readonly fallback?: FallbackSettings | undefined
  }

/** The class of an integration: a service, and the layers that provide it. */
export interface ServiceClass<
  Self,
  Id extends string,
  Groups extends HttpApiGroup.Constraint,
  Fields extends Schema.Struct.Fields,
  R = never
> extends Context.ServiceClass<Self, Id, Client<Groups>> {
  readonly api: HttpApi.HttpApi<string, Groups>
  /**
   * The same integration with what is answered where the remote cannot, by group and endpoint: a `Fallback`, or a chain of
   * them. What they need, its layers need. Given again, it replaces the chains of the operations it names, and no others.
   *
   * @example
   * class Shop extends Integration.Service<Shop>()("coffee/Shop", { api: ShopApi })
   *   .withFallback({ menu: { list: Fallback.cache({ maxAge: "1 day" }) } }) {}
   */
  readonly withFallback: <F extends Fallbacks<Groups>>(
    fallback: F & OnlyKnown<F, Groups>
  ) => ServiceClass<Self, Id, Groups, Fields, R | FallbackServices<F>>
  /** Live, from values. */
  readonly layer: (
    ...settings: Given<Settings<Fields>>
  ) => Layer.Layer<Self, InvalidOptions, HttpClient.HttpClient | Stores | R>
  /** Live, from configuration: `environment` lists what is read. */
  readonly layerConfig: Layer.Layer<Self, Config.ConfigError, HttpClient.HttpClient | Stores | R>
  /** Live, from a definition: its base URL and authentication take the place of the class's own. */
  readonly layerDefinition: (
    definition: Definition.Definition
  ) => Layer.Layer<Self, InvalidOptions, HttpClient.HttpClient | Stores | R>
  /** Without a network: these methods, and for every other a defect that names it. */
  readonly layerTest: (handlers: Handlers<Groups>) => Layer.Layer<Self>
  /** The options that `layerConfig` reads. */
  readonly environment: ReadonlyArray<Configuration.Option>
  /** The circuit of the integration in context; `undefined` where it has none, as in a test layer. */
  readonly circuit: Effect.Effect<CircuitBreaker.CircuitBreaker | undefined, never, Self>
  /**
   * Other settings, for calls that begin from now on; calls in flight end with those they began with. What is known of the
   * remote stays: circuit, limits, budgets, and answers that are kept for the same credentials and base URL. Settings that
   * cannot work are refused, and those of before stay; all are, once the layer is closed. They are whole settings, from which the client is made anew, whatever its layer
   * was built from: a definition's authentication gives way to the class's own. Does nothing to a test layer.
   */
  readonly reload: (
    settings: Settings<Fields>,
    options?: ReloadOptions
  ) => Effect.Effect<void, InvalidOptions, Self>
  /** The same with what the configuration holds now. */
  readonly reloadConfig: (options?: ReloadOptions) => Effect.Effect<void, Config.ConfigError, Self>
  /** The same with a definition, whose base URL and authentication take the place of the class's own. */
  readonly reloadDefinition: (
    definition: Definition.Definition,
    options?: ReloadOptions
  ) => Effect.Effect<void, InvalidOptions, Self>
}

export type { FallbackSettings, ReloadOptions }

/** What `layerTest` of an integration takes: `Integration.TestHandlers<typeof Payments>`. */
export type TestHandlers<Class extends { readonly layerTest: (handlers: never) => unknown }> = Parameters<
  Class["layerTest"]
>[0]

/** A record whose fields are all optional may be left out. */
type Given<S> = {} extends S ? [settings?: S] : [settings: S]

/**
 * The class factory. The id is a path that is unique in the program, such as `coffee/Payments`: it names the service, the
 * circuit and the retry budget, and the integration in every error, span, metric and event.
 */
export const Service = <Self>() =>
<
  const Id extends string,
  Groups extends HttpApiGroup.Constraint,
  const Fields extends Schema.Struct.Fields = {}
>(
  id: Id,
  options: Options<Groups, Fields>
): ServiceClass<Self, Id, Groups, Fields> => {
  const { configName = configNameOf(id) } = options
  const withFallbacks = (fallbacks: ReadonlyArray<object>) => {
    const service = Context.Service<Self, Client<Groups>>()(id)
    return Object.assign(service, members(service as never, declare(id, options, fallbacks), configName), {
      withFallback: (fallback: object) => withFallbacks([...fallbacks, fallback])
    })
  }
  // The contract's types are put on here; below them an integration is an object with methods.
  return withFallbacks([]) as never
}

/** What `Service` is made of: a client for as long as the scope is open. */
export const make = <Groups extends HttpApiGroup.Constraint, const Fields extends Schema.Struct.Fields = {}>(
  id: string,
  options: Options<Groups, Fields>
): (
  settings: Settings<Fields>
) => Effect.Effect<Client<Groups>, InvalidOptions, HttpClient.HttpClient | Stores | Scope.Scope> => {
  const declared = declare(id, options, [])
  return (settings) => Live.make(declared, { settings }) as Effect.Effect<never, InvalidOptions, never>
}

const declare = (
  id: string,
  { api, auth, baseUrl, pool = {}, resilience = {}, userAgent = agentOf(id) }: Options<any, any>,
  fallbacks: ReadonlyArray<object>
): Live.Declared => ({ id, api, baseUrl, auth: auth ?? Auth.none, pool, resilience, userAgent, fallbacks })
