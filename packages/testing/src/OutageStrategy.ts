/**
 * A way of making calls, to be tried in an outage: an integration with some settings, or anything else that is made of an
 * `HttpClient`.
 *
 * @example
 * OutageStrategy.fromSettings("ours", { breaker: { resetTimeout: "5 seconds" } })
 * OutageStrategy.fromClient("Effect's", (client) => Effect.succeed(client.pipe(HttpClient.retryTransient({ times: 3 }))))
 */
import * as Integration from "@switchboard/core/Integration"
import type { InvalidOptions } from "@switchboard/core/InvalidOptions"
import type * as Resilience from "@switchboard/core/Resilience"
import * as Stores from "@switchboard/core/Stores"
import * as Effect from "effect/Effect"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"

/** A way of making calls. */
export interface Strategy<out E = never> {
  readonly name: string
  /**
   * Made once for each outage, with a client of the simulated remote; the call it gives is then made by every caller. A
   * call succeeds or fails as the effect does. All that it waits for must be on Effect's `Clock`.
   */
  readonly prepare: (
    client: HttpClient.HttpClient
  ) => Effect.Effect<Effect.Effect<unknown, unknown>, E, Scope.Scope>
}

/** Any way of making calls. */
export const make = <E>(name: string, prepare: Strategy<E>["prepare"]): Strategy<E> => ({ name, prepare })

/** Settings of an integration: a real one, with its whole pipeline, over the simulated remote. Without any: the defaults. */
export const fromSettings = (
  name: string,
  settings: Resilience.Options & Pick<Integration.Settings<{}>, "pool"> = {}
): Strategy<InvalidOptions> =>
  make(name, (client) =>
    integration(settings).pipe(
      Effect.map(({ things }) => things.get()),
      Effect.provideService(HttpClient.HttpClient, client),
      Effect.provide(Stores.layerMemory)
    ))

/** An `HttpClient`: each call is a GET, which succeeds where it ends with a 2xx. */
export const fromClient = <E, E2>(
  name: string,
  transform: (client: HttpClient.HttpClient) => Effect.Effect<HttpClient.HttpClient.With<E2>, E, Scope.Scope>
): Strategy<E> =>
  make(name, (client) =>
    Effect.map(
      transform(client),
      (transformed) => Effect.flatMap(transformed.get(`${origin}/things`), HttpClientResponse.filterStatusOk)
    ))

const origin = "https://remote.example"

class Things extends HttpApiGroup.make("things").add(
  HttpApiEndpoint.get("get", "/things", { success: Schema.Struct({ ok: Schema.Boolean }) })
) {}
class RemoteApi extends HttpApi.make("remote").add(Things) {}

const integration = Integration.make("outage/Remote", { api: RemoteApi, baseUrl: origin })
