/**
 * The one place where an error of undici, of a socket or of zlib becomes a reason.
 *
 * Only the error's code is looked at and kept: a message may hold an address, a path or a header.
 */
import { InvalidRequest, ResponseTooLarge, Transport } from "@switchboard/core/IntegrationError"
import type * as Port from "@switchboard/core/Transport"

/** How far the exchange was when it failed. */
export interface Progress {
  /** The request was handed to a socket. */
  readonly wasSent: boolean
  /** The head of the final answer had arrived. */
  readonly answered: boolean
}

/** Most bytes of one answer's header names and values; more fails with `ResponseTooLarge`. Node's own default. */
export const maxHeaderBytes = 16_384

/** What broke. A connection closed before the answer is `Reset`, one closed in the body is `Truncated`. */
export const fromError = (error: unknown, { answered, wasSent }: Progress): Port.Failure => {
  const code = codeOf(error)
  if (code === "UND_ERR_INVALID_ARG" || code === "UND_ERR_NOT_SUPPORTED") {
    return new InvalidRequest({ issue: `Expected a request that HTTP allows (${code})` })
  }
  if (code === "UND_ERR_HEADERS_OVERFLOW") return new ResponseTooLarge({ limit: maxHeaderBytes })
  return new Transport({ kind: kindOf(code, wasSent, answered), ...(code === undefined ? {} : { code }), wasSent })
}

const kindOf = (code: string | undefined, wasSent: boolean, answered: boolean): Transport["kind"] => {
  switch (code) {
    case undefined:
      return "Other"
    case "ECONNREFUSED":
      return "Refused"
    case "ECONNRESET":
    case "ECONNABORTED":
    case "EPIPE":
      return "Reset"
    case "ETIMEDOUT": // in flight: the kernel gave up on a silent peer
      return wasSent ? "Reset" : "ConnectTimeout"
    case "UND_ERR_CONNECT_TIMEOUT":
      return "ConnectTimeout"
    case "UND_ERR_SOCKET": // undici: the other side closed
      return answered ? "Truncated" : "Reset"
    case "UND_ERR_RES_CONTENT_LENGTH_MISMATCH":
    case "HPE_INVALID_EOF_STATE":
    case "Z_BUF_ERROR": // zlib: the compressed body ended early
      return "Truncated"
    case "UND_ERR_CLOSED":
    case "UND_ERR_DESTROYED": // the pool was closed with its layer
      return "Closed"
    case "ENOTFOUND":
    case "ENODATA":
      return "NameNotResolved"
    default:
      return code.startsWith("EAI_") ? "NameNotResolved" : !wasSent && tls.test(code) ? "Tls" : "Other"
  }
}

/** Node's codes for a failed handshake and OpenSSL's for a certificate that is not accepted. */
const tls =
  /^(ERR_TLS_|ERR_SSL_|EPROTO$|CERT_|CRL_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|HOSTNAME_|INVALID_|PATH_LENGTH_)/

const codeOf = (error: unknown): string | undefined => {
  if (typeof error !== "object" || error === null) return undefined
  if ("code" in error && typeof error.code === "string") return error.code
  return error instanceof AggregateError ? codeOf(error.errors[0]) : undefined
}
