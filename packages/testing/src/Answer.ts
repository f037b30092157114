/**
 * What a remote does with a request, as data: it answers, breaks, or stays silent.
 *
 * @example
 * Answer.json(200, { id: "ch_1" })
 * Answer.status(503, { "retry-after": "2" })
 * Answer.delay("3 seconds", Answer.reset)
 */
import type { Transport as TransportFailure } from "@switchboard/core/IntegrationError"
import type * as Transport from "@switchboard/core/Transport"
import type * as Duration from "effect/Duration"
import * as Stream from "effect/Stream"

/** What a remote does. */
export type Answer = Respond | Break | Silence | Delayed

/** It answers; `end` says whether the body arrives whole. */
export interface Respond {
  readonly _tag: "Respond"
  readonly status: number
  /** Names in lower case; a list is sent as several headers. */
  readonly headers: Transport.Headers
  /** As it arrives, before `end` happens. */
  readonly body: Uint8Array | Stream.Stream<Uint8Array>
  readonly end: End
}

/** How a body ends: whole, by a reset, by a close before its declared length, or never. */
export type End = "complete" | "reset" | "truncated" | "hang"

/** The connection fails before the headers. */
export interface Break {
  readonly _tag: "Break"
  readonly kind: TransportFailure["kind"]
  /** The platform's code, such as `ECONNRESET`. */
  readonly code: string | undefined
  /** False where nothing of the request left. */
  readonly wasSent: boolean
}

/** Nothing happens until the caller gives up. */
export interface Silence {
  readonly _tag: "Silence"
  /** False where the connection was never made. */
  readonly wasSent: boolean
}

/** Another answer, later: on the clock of the caller. */
export interface Delayed {
  readonly _tag: "Delayed"
  readonly duration: Duration.Input
  readonly answer: Answer
}

/** Headers of an answer; names in any case. */
export type Headers = Readonly<Record<string, string | ReadonlyArray<string>>>

/** A JSON body. Content type `application/json` unless the headers name another. */
export const json = (status: number, body: unknown, headers?: Headers): Respond =>
  respond(status, utf8(JSON.stringify(body)), { "content-type": "application/json", ...lower(headers) })

/** A text body. Content type `text/plain; charset=utf-8` unless the headers name another. */
export const text = (status: number, body: string, headers?: Headers): Respond =>
  respond(status, utf8(body), { "content-type": "text/plain; charset=utf-8", ...lower(headers) })

/** A body of bytes. Content type `application/octet-stream` unless the headers name another. */
export const bytes = (
  status: number,
  body: Uint8Array,
  headers?: Headers
): Respond & { readonly body: Uint8Array } =>
  respond(status, body, { "content-type": "application/octet-stream", ...lower(headers) })

/** A status without a body. */
export const status = (status: number, headers?: Headers): Respond => respond(status, empty, lower(headers))

/** A body in pieces, as the stream yields them: server-sent events, a slow drip. It runs on the clock of the caller. */
export const stream = (
  status: number,
  body: Stream.Stream<string | Uint8Array>,
  headers?: Headers
): Respond =>
  respond(status, Stream.map(body, (chunk) => typeof chunk === "string" ? utf8(chunk) : chunk), lower(headers))

/** The connection is reset before the headers: the remote may have processed the request. */
export const reset: Break = { _tag: "Break", kind: "Reset", code: "ECONNRESET", wasSent: true }

/** Nobody listens there: nothing was sent. */
export const refused: Break = { _tag: "Break", kind: "Refused", code: "ECONNREFUSED", wasSent: false }

/** Another failure before the headers. `wasSent` is by default true for `Reset`, `Truncated` and `Other` only. */
export const failure = (kind: TransportFailure["kind"], options?: {
  readonly code?: string | undefined
  readonly wasSent?: boolean | undefined
}): Break => ({
  _tag: "Break",
  kind,
  code: options?.code,
  wasSent: options?.wasSent ?? (kind === "Reset" || kind === "Truncated" || kind === "Other")
})

/** The request arrives and is never answered. */
export const hang: Silence = { _tag: "Silence", wasSent: true }

/** The connection is never made: nothing is sent. */
export const neverConnects: Silence = { _tag: "Silence", wasSent: false }

/** The same answer, later; on the clock of the caller. Negative is none. */
export const delay = (duration: Duration.Input, answer: Answer): Delayed => ({ _tag: "Delayed", duration, answer })

/**
 * The same answer with a body that ends otherwise. Bytes arrive up to their half, and `content-length` tells the whole
 * length; a stream arrives in full before `end` happens.
 */
export const cut = (answer: Respond, end: End): Respond => {
  if (!(answer.body instanceof Uint8Array)) return { ...answer, end }
  const headers = { "content-length": String(answer.body.length), ...answer.headers }
  return { ...answer, headers, body: answer.body.subarray(0, Math.floor(answer.body.length / 2)), end }
}

const some = json(200, { message: "only the first part of this arrives" })

/** A 200 whose connection is reset in the body. */
export const resetInBody: Respond = cut(some, "reset")

/** A 200 whose body never ends. */
export const hangInBody: Respond = cut(some, "hang")

/** A 200 whose connection is closed before the declared end of the body. */
export const truncated: Respond = cut(some, "truncated")

/** A 200 that says it is JSON and is neither that nor UTF-8. */
export const garbage: Respond & { readonly body: Uint8Array } = bytes(
  200,
  Uint8Array.of(0x7b, 0xff, 0xfe, 0x00, 0xc3, 0x28, 0x22, 0x5d),
  {
    "content-type": "application/json"
  }
)

/** Whether the remote can have seen the request. */
export const wasSent = (answer: Answer): boolean => {
  switch (answer._tag) {
    case "Respond":
      return true
    case "Delayed":
      return wasSent(answer.answer)
    default:
      return answer.wasSent
  }
}

const empty = new Uint8Array(0)

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

function respond<B extends Respond["body"]>(
  status: number,
  body: B,
  headers: Transport.Headers
): Respond & { readonly body: B } {
  return { _tag: "Respond", status, headers, body, end: "complete" }
}

function lower(headers: Headers = {}): Transport.Headers {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
}
