/** The state of a limiter as text, for a store outside of the process. Times are those of the store's clock. */
import type * as Counter from "./counter.ts"
import * as Pacing from "./pacing.ts"

/** The highest limit of a sliding window that is shared: each call of a window is a number in the text. */
export const maxLimit = 1000

/** Its key in the store: that of another version is another limiter, so that neither reads or overwrites the other. */
export const keyOf = (name: string): string => `rate-limit/1/${name}`

/** What is kept. */
export interface Kept {
  readonly pacing: Pacing.Pacing
  /** When its limits were given, of the store's clock. */
  readonly since: number
}

/** What cannot be read is as if nothing were there. */
export const decode = (text: string | undefined): Kept | undefined => {
  if (text === undefined) return undefined
  try {
    const kept: Kept | null = JSON.parse(text, fromText)
    return kept !== null && Number.isFinite(kept.since) && isPacing(kept.pacing) ? kept : undefined
  } catch {
    return undefined
  }
}

/** Throws, or is false, for what is none. */
const isPacing = (pacing: Pacing.Pacing): boolean =>
  [pacing.left, pacing.limits.limit, pacing.limits.window, pacing.ticket, Pacing.turn(pacing, 0, 0)]
    .every((value) => typeof value === "number" && !Number.isNaN(value))

export const encode = (kept: Kept): string => JSON.stringify(kept, toText)

/** How long it has to be kept: from then on it says no more than that nothing has started. */
export const lifetime = ({ counter, leftUntil, limits, pace, silentUntil }: Pacing.Pacing, now: number): number => {
  const slowUntil = pace === undefined ? now : Math.max(pace.at, now) + remembered
  const until = Math.max(silentUntil, leftUntil, slowUntil, idleAt(counter, limits.window, now))
  return Math.max(limits.window, Math.ceil(until - now))
}

/** A rate that was lowered is remembered for an hour. */
const remembered = 60 * 60 * 1000

const idleAt = (counter: Counter.Counter, window: number, now: number): number =>
  counter._tag === "token-bucket" ? counter.full : now + window

// JSON knows neither infinity nor typed arrays.
const toText = (_key: string, value: unknown): unknown => {
  if (value === Infinity) return "Infinity"
  if (value === -Infinity) return "-Infinity"
  return value instanceof Float64Array ? Array.from(value, (time) => time === -Infinity ? null : time) : value
}

const fromText = (key: string, value: unknown): unknown => {
  if (value === "Infinity") return Infinity
  if (value === "-Infinity") return -Infinity
  return key === "times" && Array.isArray(value) ? Float64Array.from(value, (time) => time ?? -Infinity) : value
}
