/**
 * One list of what may not be seen: the places where auth puts secrets, and the names that hold secrets by convention.
 */

/** Where one secret goes. */
export interface Place {
  readonly in: "header" | "query" | "cookie" | "path" | "body"
  /** The header, query parameter, cookie, `{placeholder}` of the base URL, or top-level field of a JSON or form body. */
  readonly name: string
}

/** What is replaced wherever a request or an answer is shown. */
export interface Redaction {
  /** Lower-case header names. */
  readonly headers: ReadonlySet<string>
  /** Lower-case query parameter names. */
  readonly query: ReadonlySet<string>
  /** Lower-case names of body fields, at any depth. */
  readonly body: ReadonlySet<string>
  /** What a path begins with where segments of it are secrets; each group is one. */
  readonly path: RegExp | undefined
}

/** What stands in the place of a secret. */
export const placeholder = "<redacted>"

const names = [
  "access_token",
  "api_key",
  "apikey",
  "auth",
  "authorization",
  "client_secret",
  "code",
  "credential",
  "id_token",
  "key",
  "passwd",
  "password",
  "private_key",
  "refresh_token",
  "secret",
  "sig",
  "signature",
  "token"
]

const headers = [
  "api-key",
  "authorization",
  "cookie",
  "proxy-authorization",
  "set-cookie",
  "stripe-signature",
  "www-authenticate",
  "x-access-token",
  "x-api-key",
  "x-auth-token",
  "x-csrf-token",
  "x-hub-signature-256"
]

/**
 * The lists for an auth definition. A cookie counts as the `cookie` header. The base URL says where in a path the secrets
 * are that auth puts there: needed by who sees requests as they are sent, because everyone else is shown `{placeholders}`.
 */
export const make = (places: ReadonlyArray<Place>, baseUrl?: string): Redaction => {
  const at = (where: Place["in"]) =>
    places.filter((place) => place.in === where).map((place) => place.name.toLowerCase())
  return {
    headers: new Set([...headers, ...at("header")]),
    query: new Set([...names, ...at("query")]),
    body: new Set([...names, ...at("body")]),
    path: baseUrl === undefined ? undefined : prefixOf(baseUrl)
  }
}

const prefixOf = (baseUrl: string): RegExp | undefined => {
  const { pathname } = new URL(baseUrl)
  const parts = pathname.split(/%7B[^/]*?%7D/)
  if (parts.length === 1) return undefined
  const literals = parts.map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"))
  return new RegExp(`^${literals.join("([^/?]*)").replace(/\/$/, "")}`, "d")
}

/** A path with query, every secret segment and every value of a listed parameter replaced. */
export const path = (redaction: Redaction, path: string): string => withQuery(redaction, withSegments(redaction, path))

const withSegments = (redaction: Redaction, path: string): string => {
  let shown = path
  for (const group of redaction.path?.exec(path)?.indices?.slice(1).toReversed() ?? []) {
    const [start, end] = group ?? [0, 0]
    // A placeholder that was not expanded may be seen; in what was expanded braces are encoded.
    if (path[start] !== "{") shown = shown.slice(0, start) + placeholder + shown.slice(end)
  }
  return shown
}

const withQuery = (redaction: Redaction, path: string): string => {
  const start = path.indexOf("?")
  if (start < 0) return path
  return `${path.slice(0, start)}?${pairs(redaction.query, path.slice(start + 1))}`
}

/** A form-encoded body, every value of a listed field replaced. */
export const form = (redaction: Redaction, body: string): string => pairs(redaction.body, body)

const pairs = (names: ReadonlySet<string>, encoded: string): string =>
  encoded.split("&").map((pair) => {
    const end = pair.indexOf("=")
    return end >= 0 && listed(names, pair.slice(0, end)) ? `${pair.slice(0, end)}=${placeholder}` : pair
  }).join("&")

/** Headers as a record, every value of a listed name replaced. */
export const headersOf = (redaction: Redaction, headers: ReadonlyArray<string>): Record<string, string> => {
  const shown: Record<string, string> = {}
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!.toLowerCase()
    shown[name] = redaction.headers.has(name) ? placeholder : headers[i + 1]!
  }
  return shown
}

/** A decoded body, every value under a listed name replaced, at any depth. */
export const body = (redaction: Redaction, value: unknown): unknown => {
  if (Array.isArray(value)) return value.map((item) => body(redaction, item))
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      name,
      redaction.body.has(name.toLowerCase()) ? placeholder : body(redaction, inner)
    ])
  )
}

const listed = (names: ReadonlySet<string>, encoded: string): boolean => {
  try {
    const name = decodeURIComponent(encoded.replaceAll("+", " ")).toLowerCase()
    return names.has(name) || [...names].some((known) => name.endsWith(`[${known}]`))
  } catch {
    return true
  }
}
