/** Pieces of messages. */
import * as Duration from "effect/Duration"

/** When to try again, as the end of a message: in whole seconds, below one second in milliseconds, never too early. */
export const wait = (retryAfter: Duration.Duration | undefined): string =>
  retryAfter === undefined ? "" : `; try again in ${Duration.format(roundedUp(retryAfter))}`

const roundedUp = (duration: Duration.Duration): Duration.Duration => {
  const unit = Duration.toMillis(duration) < 1000 ? 1 : 1000
  return Duration.millis(Math.ceil(Duration.toMillis(duration) / unit) * unit)
}
