/** Checks of single options. Each returns the problem it found; an absent option has none. */
import * as Duration from "effect/Duration"
import type { Problem } from "../InvalidOptions.ts"

export type Check = Problem | undefined

/** The problems among some checks. */
export const problems = (...checks: ReadonlyArray<Check>): ReadonlyArray<Problem> =>
  checks.filter((check) => check !== undefined)

/** A problem with an option, if `wrong`. */
export const unless = (right: boolean, option: string, problem: string): Check =>
  right ? undefined : { option, problem }

/** A whole number of at least `min`. */
export const atLeast = (min: number, option: string, value: number | undefined): Check =>
  unless(
    value === undefined || (Number.isSafeInteger(value) && value >= min),
    option,
    `must be a whole number of at least ${min}, got ${shown(value)}`
  )

/** What is no number may be anything, a secret in the wrong place included. */
const shown = (value: unknown): string => typeof value === "number" ? String(value) : `a ${typeof value}`

/** A number between two others, both included. */
export const between = (min: number, max: number, option: string, value: number | undefined): Check =>
  unless(
    value === undefined || (value >= min && value <= max),
    option,
    `must be a number from ${min} to ${max}, got ${shown(value)}`
  )

/** A duration that is more than nothing and has an end. */
export const positive = (option: string, value: Duration.Input | undefined): Check =>
  duration(option, value, (millis) => millis > 0 && millis < Infinity, "must be positive and finite")

/** A duration that is not negative and has an end. */
export const notNegative = (option: string, value: Duration.Input | undefined): Check =>
  duration(option, value, (millis) => millis >= 0 && millis < Infinity, "must be finite and not negative")

/** Milliseconds, `NaN` for what is no duration. */
export const millis = (value: Duration.Input): number => {
  const parsed = Duration.fromInput(value)
  return parsed._tag === "None" ? NaN : Duration.toMillis(parsed.value)
}

const duration = (
  option: string,
  value: Duration.Input | undefined,
  right: (millis: number) => boolean,
  problem: string
): Check => {
  if (value === undefined || right(millis(value))) return undefined
  const parsed = Duration.fromInput(value)
  return {
    option,
    problem: `${problem}, got ${parsed._tag === "None" ? "no duration" : Duration.format(parsed.value)}`
  }
}
