/**
 * How an integration proves who is calling: what it needs in its settings, and where it goes on the wire.
 *
 * Credentials are attached inside the attempt, after every wait, so that none ages in a queue. Where a secret goes is part
 * of the definition: the redaction lists are derived from it.
 *
 * @example
 * Auth.apiKey({ header: "X-API-Key" })   // settings: { apiKey: Redacted }
 */
import type * as Effect from "effect/Effect"
import * as Base64 from "effect/encoding/Base64"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type { Unauthenticated } from "./IntegrationError.ts"
import type { Unreserved } from "./internal/settings/reserved.ts"
import type { Place } from "./Redaction.ts"

/** What is added to a request, by place and name. Values are sent as they are; query, cookie and path values are percent-encoded. */
export interface Credentials {
  readonly header?: Readonly<Record<string, string>>
  readonly query?: Readonly<Record<string, string>>
  readonly cookie?: Readonly<Record<string, string>>
  readonly path?: Readonly<Record<string, string>>
  readonly body?: Readonly<Record<string, string>>
}

/** A request before credentials are attached, for schemes that sign. */
export interface Unsigned {
  readonly method: string
  readonly origin: string
  /** Path and query. */
  readonly path: string
  readonly headers: ReadonlyArray<string>
  /** Absent where there is none, or where it is a stream. */
  readonly body: string | Uint8Array | undefined
}

/** Credentials that never change, or a function asked in every attempt. */
export type Authenticator = Credentials | Authorize

/** Asked in every attempt; counts against the attempt timeout. */
export type Authorize = (request: Unsigned) => Credentials | Effect.Effect<Credentials, Unauthenticated>

/** An authentication scheme. */
export interface Auth<in out Fields extends Schema.Struct.Fields = Schema.Struct.Fields> {
  readonly scheme: string
  /** What it needs in the settings of the integration. */
  readonly settings: Fields
  /** Where its secrets go. */
  readonly places: ReadonlyArray<Place>
  readonly authenticator: (settings: Schema.Struct.Type<Fields>) => Authenticator
  /** Whose the answers to a call are, beyond what the settings say. */
  readonly audience?: Audience | undefined
}

/**
 * The same for calls whose answers may serve one another, and for no others: the tenant or user that credentials are made
 * for. Asked for with each call whose answer may be shared, in the caller's context.
 */
export type Audience = Effect.Effect<string, Unauthenticated>

/** A setting that holds a secret: not empty, without control characters; read from configuration as a plain string. */
export const Secret: Schema.RedactedFromValue<Schema.String> = Schema.RedactedFromValue(Schema.String)
  .annotate({ expected: "a Redacted value" })
  .check(Schema.makeFilter((secret) => {
    const value = Redacted.value(secret)
    if (value === "") return "must not be empty"
    return /\p{Cc}/u.test(value) ? "must be a value without control characters" : undefined
  }))

/** No credentials. */
export const none: Auth<{}> = { scheme: "none", settings: {}, places: [], authenticator: () => ({}) }

/** `Authorization: Bearer <token>` (RFC 6750). Setting: `token`. */
export const bearer: Auth<{ readonly token: typeof Secret }> = {
  scheme: "bearer",
  settings: { token: Secret },
  places: [{ in: "header", name: "authorization" }],
  authenticator: ({ token }) => ({ header: { authorization: `Bearer ${Redacted.value(token)}` } })
}

/** A user-id of RFC 7617: it may not hold a colon. */
export const Username = Schema.String.check(
  Schema.isNonEmpty(),
  Schema.isPattern(/^[^:\p{Cc}]*$/u, { expected: "a user name without colon or control characters" })
)

/** `Authorization: Basic <base64 of username:password>` (RFC 7617, in UTF-8). Settings: `username`, `password`. */
export const basic: Auth<{ readonly username: typeof Username; readonly password: typeof Secret }> = {
  scheme: "basic",
  settings: { username: Username, password: Secret },
  places: [{ in: "header", name: "authorization" }],
  authenticator: ({ password, username }) => ({
    header: { authorization: `Basic ${Base64.encode(`${username}:${Redacted.value(password)}`)}` }
  })
}

/** A key in a header, a query parameter or a cookie. Setting: `apiKey`. */
export const apiKey = (
  place: { readonly header: string } | { readonly query: string } | { readonly cookie: string }
): Auth<{ readonly apiKey: typeof Secret }> => {
  const [where, name] = "header" in place
    ? ["header", place.header.toLowerCase()] as const
    : "query" in place
    ? ["query", place.query] as const
    : ["cookie", place.cookie] as const
  return {
    scheme: "apiKey",
    settings: { apiKey: Secret },
    places: [{ in: where, name }],
    authenticator: ({ apiKey }) => ({ [where]: { [name]: Redacted.value(apiKey) } })
  }
}

/**
 * A scheme of one's own: say what it needs, where its secrets go, and how they are made; in every attempt where it signs the
 * request. Fail with `Unauthenticated` where there are no credentials to send.
 */
export const custom = <const Fields extends Schema.Struct.Fields>(options: {
  /** Its fields. None may be called as an option of every integration is, such as `retry`. */
  readonly settings: Fields & Unreserved
  readonly places: ReadonlyArray<Place>
  readonly authenticator: (settings: Schema.Struct.Type<Fields>) => Authenticator
  /**
   * Whose the answers to a call are, where `authenticator` gives a function: without it, `cache`, `coalesce` and
   * `Fallback.cache` are refused. `Effect.succeed("")` where credentials are the same for all callers.
   */
  readonly audience?: Audience | undefined
}): Auth<Fields> => ({ scheme: "custom", ...options })

/** How a definition says who is calling; its secrets stand beside the scheme. */
export const Authentication = Schema.Union([
  Schema.Struct({ scheme: Schema.Literal("none") }),
  Schema.Struct({ scheme: Schema.Literal("bearer"), ...bearer.settings }),
  Schema.Struct({ scheme: Schema.Literal("basic"), ...basic.settings }),
  Schema.Struct({
    scheme: Schema.Literal("apiKey"),
    in: Schema.Literals(["header", "query", "cookie"]),
    name: Schema.NonEmptyString,
    apiKey: Secret
  })
]).annotate({ expected: "a scheme, \"none\", \"bearer\", \"basic\" or \"apiKey\", with its settings" })
export type Authentication = typeof Authentication.Type
