/** What the headers of an answer say about the remote's limit. */
import { resetMillis, type Unit } from "./resetTime.ts"
import { integer, type Item, parseList } from "./structuredFields.ts"

/** What a remote says about its limit. Of several limits it is the one with the least remaining. */
export interface Hint {
  /** Calls that are allowed until the reset. */
  readonly remaining?: number | undefined
  /** Milliseconds until the reset, not negative. */
  readonly resetMillis?: number | undefined
  /** Calls that are allowed from one reset to the next. */
  readonly limit?: number | undefined
}

/** Headers of a vendor's own, in lower case. */
export interface Names {
  readonly limit?: string | undefined
  readonly remaining?: string | undefined
  readonly reset?: string | undefined
  /** Default seconds. */
  readonly resetUnit?: Unit | undefined
}

/** By name in lower case. */
export type HeaderFields = Readonly<Record<string, string | undefined>>

/**
 * The hint of the first of these that says anything: the named headers; `RateLimit` with `RateLimit-Policy`;
 * `RateLimit-Limit`, `-Remaining` and `-Reset`; the same with `X-`. What is not understood is as if it were absent.
 *
 * @see draft-ietf-httpapi-ratelimit-headers, 03 to 06 for the separate headers, 07 for the dictionary, 08 and later for the list
 */
export const hintOf = (headers: HeaderFields, names: Names, wallNow: number): Hint | undefined =>
  separate(headers, names, wallNow) ??
    combined(headers["ratelimit"], headers["ratelimit-policy"]) ??
    separate(headers, ietf, wallNow) ??
    separate(headers, customary, wallNow)

const ietf: Names = { limit: "ratelimit-limit", remaining: "ratelimit-remaining", reset: "ratelimit-reset" }
const customary: Names = {
  limit: "x-ratelimit-limit",
  remaining: "x-ratelimit-remaining",
  reset: "x-ratelimit-reset"
}

const separate = (headers: HeaderFields, names: Names, wallNow: number): Hint | undefined => {
  const field = (name: string | undefined) => name === undefined ? undefined : headers[name]
  const limit = field(names.limit)
  const remaining = field(names.remaining)
  const reset = field(names.reset)
  return limit === undefined && remaining === undefined && reset === undefined ? undefined : some({
    remaining: count(remaining),
    resetMillis: resetMillis(reset, names.resetUnit ?? "seconds", wallNow),
    // Before the combined header, all limits followed the one that applies: `10, 10;w=1, 50;w=60`.
    limit: count(/^[^,;]*/.exec(limit ?? "")?.[0])
  })
}

/** Some count in parts of a call. */
const count = (text: string | undefined): number | undefined => {
  const trimmed = text?.trim() ?? ""
  return /^\d{1,15}(?:\.\d{1,9})?$/.test(trimmed) ? Math.floor(Number(trimmed)) : undefined
}

const combined = (limits: string | undefined, policies: string | undefined): Hint | undefined => {
  if (limits === undefined) return undefined
  const items = parseList(limits)
  return fromDictionary(items) ?? fromList(items, policies === undefined ? [] : parseList(policies))
}

/** `limit=100, remaining=50, reset=30` */
const fromDictionary = (items: ReadonlyArray<Item>): Hint | undefined => {
  const entry = (key: string) => {
    const item = items.find(({ value }) => value.startsWith(key))
    return integer(item?.value.slice(key.length))
  }
  return some({ remaining: entry("remaining="), resetMillis: seconds(entry("reset=")), limit: entry("limit=") })
}

/** `"burst";r=5;t=1, "daily";r=900;t=3600`, with the policies `"burst";q=10;w=1, "daily";q=1000;w=86400` */
const fromList = (items: ReadonlyArray<Item>, policies: ReadonlyArray<Item>): Hint | undefined => {
  let least: Hint | undefined
  for (const { parameters, value } of items) {
    const remaining = integer(parameters["r"])
    const policy = policies.find((policy) => policy.value === value)?.parameters
    // Other policies count bytes, or what runs at once.
    if (remaining === undefined || (policy?.["qu"] ?? "requests") !== "requests") continue
    const hint = { remaining, resetMillis: seconds(integer(parameters["t"])), limit: integer(policy?.["q"]) }
    if (least === undefined || isLess(hint, least)) least = hint
  }
  return least
}

const isLess = (one: Hint, other: Hint): boolean =>
  one.remaining === other.remaining
    ? (one.resetMillis ?? 0) > (other.resetMillis ?? 0)
    : (one.remaining ?? Infinity) < (other.remaining ?? Infinity)

const seconds = (value: number | undefined): number | undefined => value === undefined ? undefined : value * 1000

const some = (hint: Hint): Hint | undefined =>
  hint.remaining === undefined && hint.resetMillis === undefined && hint.limit === undefined ? undefined : hint
