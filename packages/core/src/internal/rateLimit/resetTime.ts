/** When a limit is reset, in the ways in which services say it. */
import * as Headers from "effect/http/Headers"
import * as Result from "effect/Result"

/** How a number that is no point in time is counted. */
export type Unit = "seconds" | "millis"

/**
 * The milliseconds from `wallNow` to a reset, never negative; `undefined` for what is not understood. A number from 10^11 on
 * is a time in milliseconds since 1970, one from 10^9 on a time in seconds, any other a span in `unit`. Besides: spans such
 * as `6m0s` and `20ms`, HTTP dates, and RFC 3339 dates with a zone.
 */
export const resetMillis = (value: string | undefined, unit: Unit, wallNow: number): number | undefined => {
  const text = value?.trim()
  if (text === undefined || text === "") return undefined
  if (decimal.test(text)) return fromNumber(Number(text), unit, wallNow)
  const at = timeOf(text)
  return at === undefined ? spanOf(text) : Math.max(0, at - wallNow)
}

const decimal = /^\d{1,16}(?:\.\d{1,9})?$/

const fromNumber = (value: number, unit: Unit, wallNow: number): number => {
  if (value >= 1e9) return Math.max(0, (value >= 1e11 ? value : value * 1000) - wallNow)
  return unit === "seconds" ? value * 1000 : value
}

const timeOf = (text: string): number | undefined => {
  if (!dateTime.test(text)) {
    const parsed = Headers.parseHttpDate(text)
    return Result.isSuccess(parsed) ? parsed.success.epochMilliseconds : undefined
  }
  const at = Date.parse(text.toUpperCase().replace(" ", "T"))
  return Number.isNaN(at) ? undefined : at
}

/** RFC 3339 section 5.6. */
const dateTime = /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:[Zz]|[+-]\d{2}:\d{2})$/

const spanOf = (text: string): number | undefined => {
  const parts = span.exec(text)
  if (parts === null) return undefined
  const [hours = 0, minutes = 0, seconds = 0, millis = 0] = parts.slice(1).map((part) => Number(part ?? 0))
  return ((hours * 60 + minutes) * 60 + seconds) * 1000 + millis
}

/** At least one of hours, minutes, seconds and milliseconds, in this order. */
const span = /^(?=\d)(?:(\d{1,9})h)?(?:(\d{1,9})m(?!s))?(?:(\d{1,9}(?:\.\d{1,9})?)s)?(?:(\d{1,9}(?:\.\d{1,9})?)ms)?$/
