/**
 * An `IntegrationError` as the answer of an HTTP API of one's own: RFC 9457, `application/problem+json`.
 *
 * The detail is the error's message, which never holds a header, a query or a body.
 *
 * @example
 * Effect.catchTag("IntegrationError", (error) =>
 *   Effect.map(ProblemDetails.fromError(error), (problem) =>
 *     HttpServerResponse.jsonUnsafe(problem, { status: problem.status, contentType: ProblemDetails.contentType })))
 */
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { IntegrationError, Reason } from "./IntegrationError.ts"

export const contentType = "application/problem+json"

/** The members of RFC 9457 section 3.1, and ours. */
export const ProblemDetails = Schema.Struct({
  /** `urn:switchboard:` and the tag of the reason. */
  type: Schema.String,
  title: Schema.String,
  status: Schema.Int,
  detail: Schema.String,
  integration: Schema.String,
  operation: Schema.String,
  attempts: Schema.Int,
  /** ISO 8601. */
  timestamp: Schema.String,
  /** Of the span in which the error was turned into a problem. */
  traceId: Schema.optionalKey(Schema.String),
  /** Whole seconds, as for a `Retry-After` header. */
  retryAfter: Schema.optionalKey(Schema.Int)
})
export type ProblemDetails = typeof ProblemDetails.Type

/** With the time of now, and the trace of the current span if there is one. */
export const fromError = (error: IntegrationError): Effect.Effect<ProblemDetails> =>
  Effect.map(
    Effect.all([DateTime.now, Effect.option(Effect.currentParentSpan)]),
    ([now, span]) => ({
      type: `urn:switchboard:${error.reason._tag}`,
      title: titles[error.reason._tag],
      status: statusOf(error.reason),
      detail: error.message,
      integration: error.integration,
      operation: error.operation,
      attempts: error.attempts,
      timestamp: DateTime.formatIso(now),
      ...(span._tag === "Some" ? { traceId: span.value.traceId } : undefined),
      ...(error.retryAfter === undefined ? undefined : { retryAfter: Math.ceil(Duration.toSeconds(error.retryAfter)) })
    })
  )

/** The status that says to our own caller what a reason says to us. */
export const statusOf = (reason: Reason): number => {
  switch (reason._tag) {
    case "AttemptTimeout":
    case "DeadlineExceeded":
      return 504
    case "CircuitOpen":
    case "BulkheadFull":
    case "RateLimited":
    case "NoEndpoint":
    case "NotConnected":
      return 503
    case "InvalidRequest":
    case "Unauthenticated":
      return 500
    default:
      return 502
  }
}

const titles: { readonly [Tag in Reason["_tag"]]: string } = {
  Transport: "The connection to the remote service failed",
  AttemptTimeout: "The remote service did not answer in time",
  DeadlineExceeded: "The time for the call ran out",
  RateLimited: "Too many calls to the remote service",
  CircuitOpen: "Calls to the remote service are suspended",
  BulkheadFull: "Too many calls to the remote service at once",
  Unauthenticated: "The remote service refused the credentials",
  UnexpectedStatus: "The remote service answered with an unexpected status",
  InvalidResponse: "The answer of the remote service was not understood",
  InvalidRequest: "The request to the remote service was not valid",
  ResponseTooLarge: "The answer of the remote service was too large",
  NoEndpoint: "No endpoint of the remote service is available",
  NotConnected: "There is no connection to the remote service",
  NotReplayable: "The call could not be repeated"
}
