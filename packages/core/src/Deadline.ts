/**
 * The time left. A deadline is a point on the monotonic clock, inherited by every child fiber; a nested one can only be
 * nearer.
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { DeadlineExceeded } from "./IntegrationError.ts"
import { now } from "./internal/monotonic.ts"

/** The deadline of the running fiber, in milliseconds of the monotonic clock; absent by default. */
export const CurrentDeadline: Context.Reference<number | undefined> = Context.Reference<number | undefined>(
  "switchboard/Deadline/CurrentDeadline",
  { defaultValue: () => undefined }
)

/** The time left, `undefined` where there is no deadline, zero where it has passed. */
export const remaining: Effect.Effect<Duration.Duration | undefined> = Effect.withFiber((fiber) => {
  const deadline = fiber.getRef(CurrentDeadline)
  return Effect.succeed(
    deadline === undefined ? undefined : Duration.millis(Math.max(0, deadline - now(fiber)))
  )
})

/**
 * Gives an effect at most this long, the deadline it inherits at most, and passes the rest on to its children. Fails with
 * `DeadlineExceeded`.
 */
export const within = (
  duration: Duration.Input
): <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E | DeadlineExceeded, R> => {
  const timeout = Duration.fromInputUnsafe(duration)
  return <A, E, R>(self: Effect.Effect<A, E, R>) =>
    Effect.withFiber<A, E | DeadlineExceeded, R>((fiber) => {
      const start = now(fiber)
      const deadline = nearest(fiber.getRef(CurrentDeadline), start + Duration.toMillis(timeout))
      const left = Duration.millis(deadline - start)
      const exceeded = Effect.suspend(() => Effect.fail(new DeadlineExceeded({ timeout: left, wasSent: true })))
      return deadline <= start
        ? Effect.fail(new DeadlineExceeded({ timeout: Duration.zero, wasSent: false }))
        : self.pipe(
          Effect.provideService(CurrentDeadline, deadline),
          Effect.timeoutOrElse({ duration: left, orElse: () => exceeded })
        )
    })
}

/** Cuts an effect off from the deadline it would inherit. */
export const detached: <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R> = Effect.provideService(
  CurrentDeadline,
  undefined
)

/** The nearer of an inherited deadline and one's own. */
export const nearest = (inherited: number | undefined, own: number): number =>
  inherited === undefined || own < inherited ? own : inherited
