/** Options in their range, or a `RangeError` that names them. */
import * as Duration from "effect/Duration"

/** A positive, finite duration in milliseconds. */
export const inMillis = (name: string, duration: Duration.Input): number =>
  outOf(name, Duration.toMillis(duration), (millis) => millis > 0 && millis < Infinity)

/** The value, if it is what it should be. */
export const outOf = (name: string, value: number, isRight: (value: number) => boolean): number => {
  if (isRight(value)) return value
  throw new RangeError(`Outage: ${name} is out of its range, got ${value}`)
}
