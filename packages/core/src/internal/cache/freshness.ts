/**
 * How long an HTTP answer may be used again, as its headers tell a private cache: one that serves a single client, so
 * `s-maxage`, `private` and `proxy-revalidate` do not matter to it.
 *
 * @see RFC 9111 (caching), RFC 5861 (stale answers)
 */
import * as DateTime from "effect/DateTime"
import * as Headers from "effect/http/Headers"
import * as Result from "effect/Result"

/** Spans in milliseconds; `undefined` where the headers say nothing. */
export interface Freshness {
  /** How long it is still fresh. */
  readonly ttl: number | undefined
  /** How long after that it may be used while it is fetched anew. */
  readonly staleWhileRevalidate: number | undefined
  /** How long after it ceased to be fresh it may be used in place of a failure. */
  readonly staleIfError: number | undefined
  /** With its quotes, for `If-None-Match`. */
  readonly etag: string | undefined
  /** An HTTP date, for `If-Modified-Since`. */
  readonly lastModified: string | undefined
  /** False: must not be kept, or could never be found again (`Vary: *`). */
  readonly storable: boolean
}

/**
 * From headers with lower-case names and the wall clock in milliseconds. What is malformed counts as the RFC advises: a
 * lifetime as over, an `Age` as absent; the first of several counts; more than 2^31 seconds count as that. Guesses
 * nothing from `Last-Modified`.
 */
export const freshness = (headers: Readonly<Record<string, string | undefined>>, wallNow: number): Freshness => {
  const directives = parse(headers["cache-control"] ?? "")
  const always = directives.has("no-cache")
  const strict = always || directives.has("must-revalidate")
  const lifetime = always ? 0 : lifetimeOf(directives, headers, wallNow)
  const left = lifetime === undefined ? undefined : lifetime - ageOf(headers["age"])
  const overdue = left === undefined ? 0 : Math.max(0, -left)
  const stale = (directive: string): number | undefined => {
    if (strict) return 0
    if (!directives.has(directive)) return undefined
    return Math.max(0, (seconds(directives.get(directive)) ?? 0) - overdue)
  }
  const lastModified = headers["last-modified"]
  const etag = headers["etag"]?.trim()
  return {
    ttl: left === undefined ? undefined : Math.max(0, left),
    staleWhileRevalidate: stale("stale-while-revalidate"),
    staleIfError: stale("stale-if-error"),
    etag: etag !== undefined && entityTag.test(etag) ? etag : undefined,
    lastModified: dateOf(lastModified) === undefined ? undefined : lastModified,
    storable: !directives.has("no-store") && headers["vary"]?.split(",").some((name) => name.trim() === "*") !== true
  }
}

const lifetimeOf = (
  directives: ReadonlyMap<string, string | undefined>,
  headers: Readonly<Record<string, string | undefined>>,
  wallNow: number
): number | undefined => {
  if (directives.has("max-age")) return seconds(directives.get("max-age")) ?? 0
  if (headers["expires"] === undefined) return undefined
  const expires = dateOf(headers["expires"])
  // Against the remote's own clock, so that ours does not matter.
  return expires === undefined ? 0 : Math.min(longest, Math.max(0, expires - (dateOf(headers["date"]) ?? wallNow)))
}

const ageOf = (age: string | undefined): number => seconds(age?.split(",")[0]?.trim()) ?? 0

/** Directives by lower-case name, the first of each; what stands inside quotes is no directive. */
const parse = (cacheControl: string): ReadonlyMap<string, string | undefined> => {
  const directives = new Map<string, string | undefined>()
  for (const [, name = "", quoted, plain] of cacheControl.matchAll(directive)) {
    const key = name.toLowerCase()
    if (!directives.has(key)) directives.set(key, quoted?.replace(/\\(.)/g, "$1") ?? plain)
  }
  return directives
}
const directive = /([\w!#$%&'*+.^`|~-]+)(?:="((?:[^"\\]|\\.)*)"|=([^\s,"]*))?/g

/** Milliseconds. */
const seconds = (digits: string | undefined): number | undefined =>
  digits !== undefined && /^\d+$/.test(digits) ? Math.min(longest, Number(digits) * 1000) : undefined
const longest = 2 ** 31 * 1000

const dateOf = (value: string | undefined): number | undefined => {
  if (value === undefined) return undefined
  const parsed = Headers.parseHttpDate(value)
  return Result.isSuccess(parsed) ? DateTime.toEpochMillis(parsed.success) : undefined
}

const entityTag = /^(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"$/
