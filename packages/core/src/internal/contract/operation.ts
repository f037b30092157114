/** An endpoint of a contract, compiled: everything that can be decided before a call is made. */
import type * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import type { Reason } from "../../IntegrationError.ts"
import type * as Transport from "../../Transport.ts"

export type Operation = Buffered | Streamed

export interface Common {
  /** `group.endpoint`, or `endpoint` in a top-level group. */
  readonly name: string
  readonly method: string
  /** The path as the contract has it, such as `/v1/charges/{id}`. */
  readonly template: string
  /** Its path or query has values that the contract keeps redacted, so that its URL is not to be shown. */
  readonly secretUrl: boolean
  /** Annotations of the API, the group and the endpoint, each for itself: settings are merged field by field. */
  readonly annotations: readonly [
    api: Context.Context<never>,
    group: Context.Context<never>,
    endpoint: Context.Context<never>
  ]
}

/** Request and answer fit in memory: goes over the transport's own exchange. */
export interface Buffered extends Common {
  readonly _tag: "Buffered"
  /** Fails with `InvalidRequest`. In the common case the effect is an `Exit`. */
  readonly encode: (request: unknown) => Effect.Effect<Encoded, Reason>
  /**
   * The declared success; or fails with the declared error, or a reason. `retryAfter` in milliseconds is the remote's wish
   * where it had one. In the common case the effect is an `Exit`.
   */
  readonly decode: (response: Transport.Response, retryAfter: number | undefined) => Effect.Effect<unknown, unknown>
}

/** What a request is made of, less origin, credentials and policy headers. */
export interface Encoded {
  /** Path and query below the base URL, beginning with `/`. */
  readonly path: string
  /** Names and values in turn; names in lower case. */
  readonly headers: ReadonlyArray<string>
  readonly body: string | Uint8Array | undefined
}

/** Multipart, streams, server-sent events and upgrades: goes over Effect's `HttpApiClient`. */
export interface Streamed extends Common {
  readonly _tag: "Streamed"
  /** All of the request but its payload. Fails with `InvalidRequest`; `run` then has only the payload to refuse. */
  readonly head: (request: unknown) => Effect.Effect<Encoded, Reason>
  /** The body can be read only once, so there is no second attempt. */
  readonly oneShot: (request: unknown) => boolean
  /**
   * Fails with the declared error, or a reason; a stream in the success fails with those as well. `maxResponseBytes` bounds
   * the answers that are not streams. No base URL: the client has it.
   */
  readonly run: (
    client: HttpClient.HttpClient,
    baseUrl: string | undefined,
    maxResponseBytes: number
  ) => (request: unknown) => Effect.Effect<unknown, unknown>
}
