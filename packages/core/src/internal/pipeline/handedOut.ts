/**
 * A stream that was handed out: the call has succeeded, but its attempt goes on until the body has ended. What ends the
 * stream then, silence too, is what the attempt came to, and is told as the failure of that call.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { CurrentDeadline } from "../../Deadline.ts"
import { AttemptTimeout, DeadlineExceeded, IntegrationError, isReason } from "../../IntegrationError.ts"
import * as Outcome from "../../Outcome.ts"
import { now } from "../monotonic.ts"
import type { Attempt, Held } from "./attempt.ts"

export interface About {
  readonly attempt: Attempt
  /** What the attempt has come to so far. */
  readonly outcome: Outcome.Outcome
  /** Milliseconds. */
  readonly plan: { readonly idleTimeout: number; readonly streamTimeout: number | undefined }
  readonly scope: Scope.Scope
}

/** One that nobody reads is given up as one that is silent: it holds a connection. `scope` ends with the integration. */
export const make = (
  body: Stream.Stream<unknown, unknown>,
  held: Held,
  { attempt, outcome, plan: { idleTimeout, streamTimeout }, scope }: About
): Stream.Stream<unknown, unknown> => {
  const timeout = Duration.millis(idleTimeout)
  const silent = () => Stream.fail(new AttemptTimeout({ timeout, wasSent: true }))
  let isRead = false
  const unread = Effect.runForkWith(attempt.context)(
    Effect.onExit(Effect.sleep(timeout), () => {
      if (isRead) return Effect.void
      held.settle(Outcome.neutral)
      return abandon(body)
    })
  )
  Fiber.runIn(unread, scope)
  let broken: Outcome.Outcome | undefined
  // A reader who stops before the end, or fails, has seen a remote that works; one who is interrupted says nothing of it.
  const ended = (exit: Exit.Exit<unknown, unknown>) =>
    Effect.sync(() => held.settle(broken ?? (Exit.hasInterrupts(exit) ? Outcome.neutral : outcome)))
  const read = (reader: Fiber.Fiber<unknown, unknown>) =>
    body.pipe(
      Stream.timeoutOrElse({ duration: timeout, orElse: silent }),
      within(held, streamTimeout, reader),
      Stream.catchCause((cause) => {
        broken = Outcome.classify(Exit.failCause(cause))
        return Stream.failCause(cause)
      })
    )
  const begin = Effect.sync(() => {
    isRead = true
    unread.interruptUnsafe()
  })
  const begun = Effect.acquireRelease(begin, (_, exit) => ended(exit))
  const { integration, operation } = attempt.call
  return Stream.unwrap(
    Effect.flatMap(
      Effect.sync(() => held.isSettled),
      (late) =>
        late
          ? Effect.succeed(silent())
          : Effect.andThen(begun, Effect.withFiber((fiber) => Effect.succeed(read(fiber))))
    )
  ).pipe(
    Stream.mapError((error) =>
      isReason(error)
        ? new IntegrationError({ integration, operation, attempts: attempt.attempt, reason: error })
        : error
    )
  )
}

/** However steadily it comes: no longer than it may take, and than the reader has. */
const within = (held: Held, streamTimeout: number | undefined, reader: Fiber.Fiber<unknown, unknown>) => {
  const own = streamTimeout === undefined ? Infinity : held.since + streamTimeout
  const end = Math.min(own, reader.getRef(CurrentDeadline) ?? Infinity)
  return (self: Stream.Stream<unknown, unknown>): Stream.Stream<unknown, unknown> => {
    if (end === Infinity) return self
    const left = Duration.millis(Math.max(0, end - now(reader)))
    const exceeded = Effect.suspend(() =>
      Effect.fail(new DeadlineExceeded({ timeout: Duration.millis(end - held.since), wasSent: true }))
    )
    return Stream.interruptWhen(self, Effect.andThen(Effect.sleep(left), exceeded))
  }
}

/** Begins to read it and stops at once, so that what it holds is released. */
const abandon = (body: Stream.Stream<unknown, unknown>): Effect.Effect<void> =>
  Effect.flatMap(
    Effect.forkChild(Effect.exit(Stream.runDrain(body)), { startImmediately: true }),
    (fiber) => Fiber.interrupt(fiber)
  )
