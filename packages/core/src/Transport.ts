/**
 * The wire under an integration.
 *
 * An `HttpClient` may carry a `Transport`; then a call is sent through it directly: a buffered exchange with callbacks, in a
 * connection pool of the integration's own. Any other `HttpClient` serves as well (`fromHttpClient`), with its own pool.
 * A client that was transformed (`HttpClient.mapRequest` and the like) no longer carries the transport of the one under
 * it, so that the transformation is honoured.
 */
import type * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import type * as Scope from "effect/Scope"
import type { InvalidRequest, ResponseTooLarge, Transport as TransportFailure } from "./IntegrationError.ts"

/** The key under which an `HttpClient` carries its transport. */
export const TypeId: TypeId = "~switchboard/Transport"
export type TypeId = "~switchboard/Transport"

/** Opens connection pools. */
export interface Transport {
  /** A pool of its own, drained and closed with the scope. */
  readonly open: (options: PoolOptions) => Effect.Effect<Channel, never, Scope.Scope>
}

/** How many connections an integration may hold to one origin, and for how long. */
export interface PoolOptions {
  /** Most connections to one origin, at least 1. */
  readonly maxConnections: number
  /** How long an idle connection is kept, in milliseconds. */
  readonly keepAliveTimeout: number
  /** How long connecting, TLS included, may take, in milliseconds. */
  readonly connectTimeout: number
}

/** One pool. */
export interface Channel {
  /**
   * Sends a request and calls the receiver back once, never before `send` has returned and never from inside the parser.
   * `context` is the caller's, for a transport that runs effects.
   */
  readonly send: (request: Request, receiver: Receiver, context: Context.Context<never>) => Exchange
  /** An `HttpClient` over the same pool, for streams, uploads and upgrades: it answers at the headers. */
  readonly client: HttpClient.HttpClient
  /**
   * The same for callers who read every answer to its end or leave it: nothing watches over answers that are dropped, and
   * it makes no span, sends no trace header and follows no redirect. Default: made from `client`.
   */
  readonly quiet?: HttpClient.HttpClient
}

/** A request whose every part is encoded. */
export interface Request {
  readonly method: string
  /** Scheme, host and port: `https://payments.example`. */
  readonly origin: string
  /** Path and query, beginning with `/`. */
  readonly path: string
  /** Names and values in turn; names in lower case. The transport's own from now on: it may add to them. */
  readonly headers: Array<string>
  readonly body: string | Uint8Array | undefined
  /** Bytes after decompression; an answer that is larger fails with `ResponseTooLarge`. */
  readonly maxResponseBytes: number
}

/** What an exchange ends with: exactly one of these, unless it was cancelled. */
export interface Receiver {
  readonly onResponse: (response: Response) => void
  readonly onFailure: (reason: Failure) => void
}

/** Why there is no whole answer. `InvalidRequest`: HTTP does not allow the request, and nothing was sent. */
export type Failure = TransportFailure | ResponseTooLarge | InvalidRequest

/** A whole answer. */
export interface Response {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Headers
  /** Decompressed. */
  readonly body: Uint8Array
}
export type Headers = Readonly<Record<string, string | ReadonlyArray<string> | undefined>>

/** A request on its way. */
export interface Exchange {
  /** False while it is proven that no byte of the request has left. */
  readonly wasSent: boolean
  /** Ends it without an answer: a queued request leaves the queue, one on the wire closes its connection. Idempotent. */
  readonly cancel: () => void
}

/** The transport a client carries, if it carries one. */
export const of = (client: HttpClient.HttpClient): Transport | undefined =>
  (client as Partial<Record<TypeId, Transport>>)[TypeId]

/** The first value of a header. */
export const header = (headers: Headers, name: string): string | undefined => {
  const value = headers[name]
  return typeof value === "string" || value === undefined ? value : value[0]
}

/** Headers as one string each. */
export const joined = (headers: Headers): Record<string, string> => {
  const out: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) out[name] = typeof value === "string" ? value : value.join(", ")
  }
  return out
}
