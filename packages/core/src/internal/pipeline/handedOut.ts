/**
 * A stream that was handed out: the call has succeeded, but its attempt goes on until the body has ended. What ends the
 * stream then, silence too, is what the attempt came to, and is told as the failure of that call.
 */
import * as Cause from "effect/Cause"
import * as Channel from "effect/Channel"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Pull from "effect/Pull"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { CurrentDeadline } from "../../Deadline.ts"
import { AttemptTimeout, DeadlineExceeded, IntegrationError, isReason, type Reason } from "../../IntegrationError.ts"
import * as Outcome from "../../Outcome.ts"
import type { Attempt, Held } from "./attempt.ts"
import type { Lent } from "./lent.ts"
import { Reading, type Step } from "./reading.ts"
import type { Plan } from "./run.ts"

export interface About {
  readonly attempt: Attempt
  /** What the attempt has come to so far. */
  readonly outcome: Outcome.Outcome
  readonly plan: Pick<Plan, "idleTimeout" | "streamTimeout">
  readonly lent: Lent
}

/** One that nobody reads is given up as one that is silent: it holds a connection. */
export const make = (
  body: Stream.Stream<unknown, unknown>,
  held: Held,
  about: About
): Stream.Stream<unknown, unknown> => {
  const { attempt, lent, outcome, plan: { idleTimeout, streamTimeout = Infinity } } = about
  const clock = Context.get(attempt.context, Clock.Clock)
  const onSilence = () => new AttemptTimeout({ timeout: Duration.millis(idleTimeout), wasSent: true })

  const giveUp = Effect.suspend(() => {
    begin()
    held.settle(Outcome.neutral)
    return abandon(body)
  })
  const begin = lent.add(giveUp, held.since + idleTimeout, attempt.context)

  const named = (error: unknown) => {
    const { attempt: attempts, call: { integration, operation } } = attempt
    return isReason(error) ? new IntegrationError({ integration, operation, attempts, reason: error }) : error
  }

  const read = (within: Scope.Scope) =>
    Effect.withFiber((reader): Effect.Effect<Step, unknown> => {
      if (held.isSettled) return Effect.fail(named(onSilence()))
      // However steadily it comes: no longer than it may take, and than the reader has.
      const end = Math.min(held.since + streamTimeout, reader.getRef(CurrentDeadline) ?? Infinity)
      const onEnd = () => new DeadlineExceeded({ timeout: Duration.millis(end - held.since), wasSent: true })
      const scope = Scope.forkUnsafe(within)
      const release = (reason: Reason) =>
        void Effect.runForkWith(reader.context)(Scope.close(scope, failed(Cause.fail(reason))))
      const reading = new Reading({
        clock,
        deadlines: lent.deadlines(clock),
        idleTimeout,
        end,
        onSilence,
        onEnd,
        release
      })
      let broken: Outcome.Outcome | undefined
      const failed = (cause: Cause.Cause<unknown>) => {
        if (Pull.isDoneCause(cause)) return Exit.failCause(cause)
        broken = Outcome.classify(Exit.failCause(cause))
        return Exit.failCause(Cause.map(cause, named))
      }
      // A reader who stops before the end, or fails, has seen a remote that works; one who is interrupted says nothing of it.
      const ended = (exit: Exit.Exit<unknown, unknown>) =>
        Effect.sync(() => {
          reading.stop()
          held.settle(broken ?? (Exit.hasInterrupts(exit) ? Outcome.neutral : outcome))
        })
      return Scope.addFinalizerExit(scope, ended).pipe(
        Effect.andThen(Effect.sync(begin)),
        Effect.andThen(Channel.toPullScoped(body.channel, scope)),
        Effect.map((step) => Effect.catchCause(reading.pull(step), failed))
      )
    })
  return Stream.fromChannel(Channel.fromTransformBracket((_, __, within) => read(within)))
}

/** Begins to read it and stops at once, so that what it holds is released. */
const abandon = (body: Stream.Stream<unknown, unknown>): Effect.Effect<void> =>
  Effect.flatMap(
    Effect.forkChild(Effect.exit(Stream.runDrain(body)), { startImmediately: true }),
    (fiber) => Fiber.interrupt(fiber)
  )
