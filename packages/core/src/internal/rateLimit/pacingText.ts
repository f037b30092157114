/** The state of a limiter as text, for a store outside of the process. Times are those of the store's clock. */
import type * as Counter from "./counter.ts"
import type { Pacing } from "./pacing.ts"

/** The highest limit of a sliding window that is shared: each call of a window is a number in the text. */
export const maxLimit = 1000

/** What cannot be read is as if nothing were there, so that a later version may write it in another way. */
export const decode = (text: string | undefined): Pacing | undefined => {
  if (text === undefined) return undefined
  try {
    const read = JSON.parse(text, fromText)
    return read?.version === version ? read.pacing : undefined
  } catch {
    return undefined
  }
}

export const encode = (pacing: Pacing): string => JSON.stringify({ version, pacing }, toText)

const version = 1

/** How long it has to be kept: from then on it says no more than that nothing has started. */
export const lifetime = ({ counter, leftUntil, limits, pace, silentUntil }: Pacing, now: number): number => {
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
