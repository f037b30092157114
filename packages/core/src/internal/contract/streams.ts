/** Answers that are streams: which responses begin one, and how one fails. */
import * as Effect from "effect/Effect"
import * as Sse from "effect/encoding/Sse"
import type * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiClient from "effect/http-api/HttpApiClient"
import type * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import type * as HttpApiSchema from "effect/http-api/HttpApiSchema"
import * as HttpClientError from "effect/http/HttpClientError"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { InvalidResponse } from "../../IntegrationError.ts"
import { fromClientError } from "./foreign.ts"
import { describe } from "./issue.ts"
import * as Wire from "./wire.ts"

/** A declared stream, or an upgrade. */
export interface Declared {
  readonly status: number
  readonly accepts: (contentType: string | undefined) => boolean
  /** For people. */
  readonly expected: string
  /** Its body is the answer as it is: bytes, and nothing else is declared with that status. */
  readonly isPlain: boolean
}

export const compile = (endpoint: HttpApiEndpoint.Top): ReadonlyArray<Declared> =>
  Array.from(endpoint.success).flatMap((schema): ReadonlyArray<Declared> => {
    if (Wire.isUpgrade(schema)) {
      return [{ status: 101, accepts: () => true, expected: schema.protocol, isPlain: false }]
    }
    const body = Wire.bodyOf(schema)
    if (!Wire.isStream(body)) return []
    const declared = body.contentTypes.map(Wire.essence)
    const status = Wire.successStatus(schema)
    return [{
      status,
      accepts: (contentType) => contentType === undefined || isClose(body.mode, declared, Wire.essence(contentType)),
      expected: declared.join(" or "),
      isPlain: schema === body && body.mode === "uint8array" && isOnly(schema, status, endpoint)
    }]
  })

const isOnly = (schema: Schema.Top, status: number, { success }: HttpApiEndpoint.Top): boolean =>
  Array.from(success).every((other) => other === schema || Wire.successStatus(other) !== status)

/** Bytes declared as nothing in particular are any bytes; lines of JSON go by several names. */
const isClose = (
  mode: HttpApiSchema.StreamSchema["mode"],
  declared: ReadonlyArray<string>,
  actual: string
): boolean =>
  declared.includes(actual) ||
  (mode === "uint8array" && actual !== "text/html" && declared.includes("application/octet-stream")) ||
  (mode === "ndjson" && lines.test(actual))

const lines = /^(application\/(x-)?(ndjson|jsonl|json-?lines|json|octet-stream)|text\/plain)$/

/** The body of a plain one: decoding it would only give every chunk the services of its schema, which has none. */
export const plain = (response: HttpClientResponse.HttpClientResponse): Effect.Effect<unknown> =>
  Effect.succeed(typed(response.stream, response.status))

/** Decodes the head of such a response. The cast leaves the services of schemas to the context of the caller. */
export const decoder = (api: HttpApi.Top, names: { readonly group: string; readonly endpoint: string }) => {
  const decode = HttpApiClient.decodeResponse(api, names)
  return (response: HttpClientResponse.HttpClientResponse): Effect.Effect<unknown, unknown> =>
    (decode(response) as Effect.Effect<unknown, unknown>).pipe(
      Effect.map((value) => typed(value, response.status)),
      Effect.mapError((error) => fromForeign(error, response.status))
    )
}

/** What a stream of a decoded answer fails with from here on: what its contract declares, or a reason. */
const typed = (value: unknown, status: number): unknown => {
  if (Stream.isStream(value)) return Stream.mapError(value, (error) => fromForeign(error, status))
  // The socket of an upgrade is not a stream of answers.
  return Predicate.hasProperty(value, "body") && Predicate.hasProperty(value, "headers") &&
      !HttpApiClient.isUpgraded(value)
    ? { ...value, body: typed(value.body, status) }
    : value
}

/** Errors of Effect's HTTP modules become reasons; everything else is the contract's. */
const fromForeign = (error: unknown, status: number): unknown => {
  if (HttpClientError.isHttpClientError(error)) return fromClientError(error)
  if (Schema.isSchemaError(error)) return new InvalidResponse({ status, issue: describe(error.issue) })
  return error instanceof Sse.SseError
    ? new InvalidResponse({ status, issue: "Expected valid server-sent events" })
    : error
}
