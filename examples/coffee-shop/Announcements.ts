/**
 * Notifications behind the answer: the customer at the counter does not wait for a mail. Each is sent by a fiber of its own,
 * tried again while that may help, and waited for at shutdown.
 */
import { Context, type Duration, Effect, FiberSet, Layer, Schedule } from "effect"
import { type Notification, Notifications } from "./Notifications.ts"

export interface Options {
  /** How long a shutdown waits for notifications that are not yet sent. */
  readonly drain: Duration.Input
}

export class Announcements extends Context.Service<Announcements, {
  /** Returns at once. */
  readonly announce: (notification: Notification) => Effect.Effect<void>
  /** How many are not yet sent. */
  readonly pending: Effect.Effect<number>
}>()("coffee/Announcements") {
  static readonly layer = ({ drain }: Options) =>
    Layer.effect(
      Announcements,
      Effect.gen(function*() {
        const notifications = yield* Notifications
        const pending = new Set<string>()
        const fibers = yield* FiberSet.make()

        // Finalizers run in reverse order: this one waits before the set interrupts what is left.
        yield* Effect.addFinalizer(() =>
          FiberSet.awaitEmpty(fibers).pipe(
            Effect.timeoutOrElse({
              duration: drain,
              orElse: () => Effect.logError(`shut down before these orders were announced: ${[...pending].join(", ")}`)
            })
          )
        )

        const send = (notification: Notification) =>
          notifications.send({ payload: notification }).pipe(
            Effect.retry({ while: (error) => error.isRetryable, schedule: again }),
            // A notification that cannot be sent is for people to look at; it takes no other one down with it.
            Effect.catchCause((cause) => Effect.logError(`order ${notification.orderId} was not announced`, cause)),
            Effect.ensuring(Effect.sync(() => pending.delete(notification.orderId)))
          )

        return {
          announce: (notification) =>
            Effect.suspend(() => {
              pending.add(notification.orderId)
              return Effect.asVoid(FiberSet.run(fibers, send(notification)))
            }),
          pending: Effect.sync(() => pending.size)
        }
      })
    )
}

/** After the retries of the call itself: for as long as the shop is open, in growing steps up to a second. */
const again = Schedule.min([Schedule.exponential("250 millis"), Schedule.spaced("1 second")]).pipe(Schedule.jittered)
