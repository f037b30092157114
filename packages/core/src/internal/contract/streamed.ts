/** Multipart, streams, server-sent events and upgrades: sent and read by Effect's `HttpApiClient`, understood by us. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiClient from "effect/http-api/HttpApiClient"
import type * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpClientError from "effect/http/HttpClientError"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { InvalidRequest, InvalidResponse, ResponseTooLarge } from "../../IntegrationError.ts"
import { retryAfterMillis } from "../retryAfter.ts"
import * as Collect from "./collect.ts"
import * as Decode from "./decode.ts"
import * as Encode from "./encode.ts"
import { fromClientError } from "./foreign.ts"
import { describe } from "./issue.ts"
import type { Streamed } from "./operation.ts"
import type * as Path from "./path.ts"
import * as Streams from "./streams.ts"
import type * as Wire from "./wire.ts"

/** An endpoint and what `HttpApi.reflect` says about it. */
export interface Reflected {
  readonly group: string
  readonly endpoint: HttpApiEndpoint.Top
  readonly successes: Decode.Declared
  readonly errors: Decode.Declared
}

type Run = (request: unknown) => Effect.Effect<unknown, unknown>

type Send = (request: object) => Effect.Effect<HttpClientResponse.HttpClientResponse, unknown>

/**
 * The middleware of the contract is left out: credentials come with the client. The cast: the endpoint was found in the
 * contract, and is asked for the bare response.
 */
export const compile = (
  api: HttpApi.Top,
  { endpoint, errors, group, successes }: Reflected,
  path: Path.Path,
  options: Wire.Options
): Pick<Streamed, "head" | "oneShot" | "run"> => {
  const names = { group, endpoint: endpoint.identifier }
  const { headers, method, params, query } = endpoint
  const receive = receiver(
    Streams.compile(endpoint),
    Streams.decoder(api, names),
    (status) => successes.has(status) || errors.has(status),
    Decode.compile(successes, errors, options)
  )
  return {
    head: Encode.compile({ method, params, query, headers, payload: new Map() }, path, options),
    oneShot: (request) => Predicate.hasProperty(request, "payload") && Stream.isStream(request.payload),
    run: (client, baseUrl, maxResponseBytes): Run => {
      const method = HttpApiClient.endpoint(api, { ...names, httpClient: client, baseUrl })
      const send = Effect.runSync(method as Effect.Effect<Send>)
      return (request) => {
        const complete = {
          params: {},
          query: {},
          headers: {},
          ...(request ?? noParts),
          responseMode: "response-only" as const
        }
        return Effect.suspend(() => send(complete)).pipe(
          Effect.mapError((error) =>
            HttpClientError.isHttpClientError(error)
              ? fromClientError(error)
              : Schema.isSchemaError(error)
              ? new InvalidRequest({ issue: describe(error.issue) })
              : error
          ),
          Effect.flatMap((response) => receive(response, maxResponseBytes))
        )
      }
    }
  }
}

const noParts = {}

/** How much of an answer that nobody declared is read, in bytes. What is shorter leaves its connection to be used again. */
const drained = 65_536

const receiver = (
  streams: ReadonlyArray<Streams.Declared>,
  decodeStream: (response: HttpClientResponse.HttpClientResponse) => Effect.Effect<unknown, unknown>,
  isDeclared: (status: number) => boolean,
  decode: Decode.Decode
) =>
(response: HttpClientResponse.HttpClientResponse, maxResponseBytes: number): Effect.Effect<unknown, unknown> => {
  const { headers, status } = response
  const stream = streams.find((stream) => stream.status === status)
  if (stream !== undefined && stream.accepts(headers["content-type"])) {
    return stream.isPlain ? Streams.plain(response) : decodeStream(response)
  }
  const limit = isDeclared(status) ? maxResponseBytes : Math.min(maxResponseBytes, drained)
  return Collect.collect(response, limit).pipe(
    Effect.mapError(fromClientError),
    Effect.zip(Clock.currentTimeMillis),
    Effect.flatMap(([{ bytes, isCut }, now]) => {
      if (isDeclared(status)) {
        if (isCut) return Effect.fail(new ResponseTooLarge({ limit }))
      } else if (stream !== undefined) {
        return Effect.fail(new InvalidResponse({ status, issue: `Expected content type ${stream.expected}` }))
      }
      return decode({ status, headers, body: bytes }, retryAfterMillis(headers["retry-after"], now))
    })
  )
}
