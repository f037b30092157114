/** The one place where an error of an `HttpClient` becomes a reason. */
import type * as HttpClientError from "effect/http/HttpClientError"
import * as Predicate from "effect/Predicate"
import {
  InvalidRequest,
  InvalidResponse,
  isReason,
  type Reason,
  Transport,
  UnexpectedStatus
} from "../../IntegrationError.ts"

/** A transport of this toolkit has said already what broke; of others only the code of the cause is looked at and kept. */
export const fromClientError = ({ reason }: HttpClientError.HttpClientError): Reason => {
  if (isReason(reason.cause)) return reason.cause
  switch (reason._tag) {
    case "TransportError":
      return broken(codeOf(reason.cause), "Other")
    case "EncodeError":
      return new InvalidRequest({ issue: "Expected a body that can be read to its end", partlySent: true })
    case "InvalidUrlError":
      return new InvalidRequest({ issue: "Expected a URL that can be requested" })
    case "StatusCodeError":
      return new UnexpectedStatus({ status: reason.response.status, retryAfter: undefined })
    case "DecodeError":
    case "EmptyBodyError":
      // With a cause, reading the body failed; without one, what was read is wrong.
      return reason.cause === undefined
        ? new InvalidResponse({ status: reason.response.status, issue: reason.description ?? "Expected a body" })
        : broken(codeOf(reason.cause), "Truncated")
  }
}

const broken = (code: string | undefined, otherwise: Transport["kind"]): Transport => {
  const kind = kindOf(code) ?? otherwise
  const wasSent = kind !== "Refused" && kind !== "NameNotResolved" && kind !== "ConnectTimeout"
  return new Transport({ kind, wasSent, ...(code === undefined ? {} : { code }) })
}

const kindOf = (code: string | undefined): Transport["kind"] | undefined => {
  switch (code) {
    case "ECONNREFUSED":
      return "Refused"
    case "ECONNRESET":
    case "ECONNABORTED":
    case "EPIPE":
    case "UND_ERR_SOCKET":
      return "Reset"
    case "UND_ERR_CONNECT_TIMEOUT":
      return "ConnectTimeout"
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return "NameNotResolved"
    default:
      return undefined
  }
}

/** `fetch` wraps what happened in an error of its own, so the causes are followed a few steps. */
const codeOf = (cause: unknown, depth = 3): string | undefined => {
  if (!Predicate.isObject(cause) || depth === 0) return undefined
  if (Predicate.hasProperty(cause, "code") && typeof cause.code === "string") return cause.code
  return Predicate.hasProperty(cause, "cause") ? codeOf(cause.cause, depth - 1) : undefined
}
