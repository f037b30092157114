/** An answer of the remote as it is kept: what it was decoded to, and what it was decoded from. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Cache from "../../policy/Cache.ts"
import * as Transport from "../../Transport.ts"
import type { Operation } from "../contract/operation.ts"
import { freshness } from "./freshness.ts"

/** A decoded answer, and the response it came in. */
export class Answered {
  readonly value: unknown
  /** Absent where nobody wants to keep it. */
  readonly response: Transport.Response | undefined

  constructor(value: unknown, response: Transport.Response | undefined) {
    this.value = value
    this.response = response
  }

  /** The headers that ask for it only if it has changed: names and values in turn; none where it has no validator. */
  get conditions(): ReadonlyArray<string> {
    if (this.response === undefined) return []
    // Age and lifetime do not matter here, and so neither does the time.
    const { etag, lastModified } = freshness(Transport.joined(this.response.headers), 0)
    if (etag !== undefined) return ["if-none-match", etag]
    return lastModified === undefined ? [] : ["if-modified-since", lastModified]
  }

  /**
   * It has not changed, says a 304: what that says besides takes the place of what the headers said before, but for what
   * it says of a body of its own (RFC 9111 section 3.2).
   */
  confirmedBy(confirmation: Transport.Response): Answered {
    const { body, headers, status } = this.response ?? confirmation
    const { age: _, ...before } = headers
    const said = Object.entries(confirmation.headers).filter(([name]) => !ofBody.has(name))
    return new Answered(this.value, { status, body, headers: { ...before, ...Object.fromEntries(said) } })
  }
}

/**
 * How long an answer may be used, as its headers say it at that time of the wall clock; `undefined`: it must not be kept.
 * One with a validator is kept for a day after that, to be asked for with it.
 */
export const freshnessOf = ({ conditions, response }: Answered, wallNow: number): Cache.Freshness | undefined => {
  const said = Cache.fromHeaders(Transport.joined(response?.headers ?? {}), wallNow)
  return said && { ...said, revalidate: conditions.length > 0 ? day : 0 }
}

const day = 24 * 60 * 60 * 1000

const ofBody = new Set(["content-encoding", "content-length", "content-range", "content-type", "transfer-encoding"])

/** What is of this connection, or of one caller alone (RFC 9110 section 7.6.1). */
const notKept = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authentication-info",
  "proxy-authorization",
  "proxy-connection",
  "set-cookie",
  "set-cookie2",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade"
])

const headersToKeep = (headers: Transport.Headers): Transport.Headers =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !notKept.has(name)))

/** In memory nothing is decoded again, so that no body is needed, and headers only to ask for it by its validator. */
export const forMemory = ({ response, value }: Answered, headers: boolean): Answered =>
  new Answered(
    value,
    headers && response !== undefined
      ? { status: response.status, headers: headersToKeep(response.headers), body: noBody }
      : undefined
  )

const noBody = new Uint8Array()

/**
 * As text, and back: what the remote sent is decoded anew, by the contract that there is now. `headers`: whether it comes
 * back with them, to be asked for by its validator.
 */
export const codec = (operation: Operation, headers: boolean) => ({
  encode: ({ response }: Answered): string =>
    encode(response && { ...response, headers: headersToKeep(response.headers) }),
  decode: (text: string): Effect.Effect<Answered, unknown> =>
    Effect.flatMap(decode(text), (response) =>
      operation._tag === "Buffered"
        ? Effect.map(
          operation.decode(response, undefined),
          (value) => new Answered(value, headers ? response : undefined)
        )
        : Effect.fail(undefined))
})

const Response = Schema.fromJsonString(Schema.Struct({
  status: Schema.Int,
  headers: Schema.Record(Schema.String, Schema.UndefinedOr(Schema.Union([Schema.String, Schema.Array(Schema.String)]))),
  body: Schema.Uint8ArrayFromBase64
}))
const encode = Schema.encodeUnknownSync(Response)
const decode = Schema.decodeEffect(Response)
