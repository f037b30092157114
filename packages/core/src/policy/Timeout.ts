/**
 * Ends an attempt that takes too long.
 *
 * The attempt has its own timeout or the time that is left of an inherited deadline, whichever is nearer, and passes it on
 * as the deadline of everything it does. The nearer one names itself: `AttemptTimeout` or `DeadlineExceeded`.
 *
 * @example
 * const timeout = yield* Timeout.make({ timeout: "2 seconds" })
 * yield* charge.pipe(timeout.policy)
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { CurrentDeadline, within } from "../Deadline.ts"
import { AttemptTimeout, DeadlineExceeded } from "../IntegrationError.ts"
import { millis, positive, problems } from "../internal/checks.ts"
import * as monotonic from "../internal/monotonic.ts"
import { type InvalidOptions, type Problem, refuse } from "../InvalidOptions.ts"
import * as Policy from "../Policy.ts"

/** A timeout. Nothing is shared between the effects it bounds. */
export interface Timeout<out Late = AttemptTimeout | DeadlineExceeded> {
  readonly policy: Policy.Policy<Late>
}

export interface Options {
  /** How long an attempt may take: positive and finite. */
  readonly timeout: Duration.Input
  /**
   * Whether to fail on time although the attempt is slow to stop: it is interrupted and left behind, and what it yields is
   * dropped. Default false: fails when everything the attempt held is released.
   */
  readonly abandon?: boolean | undefined
}

/** What is wrong with some options. */
export const validate = (options: Options): ReadonlyArray<Problem> => problems(positive("timeout", options.timeout))

/** A timeout for each attempt at any effect. */
export const make = Effect.fnUntraced(function*(options: Options): Effect.fn.Return<Timeout, InvalidOptions> {
  yield* refuse(validate(options))
  const own = millis(options.timeout)
  const bounded = options.abandon === true ? abandoned : interrupted
  return { policy: Policy.named("Timeout", options, limited(own, bounded)) }
})

/** A timeout for all that is inside it, retries and waits included: `Deadline.within` as the outermost of several policies. */
export const total = Effect.fnUntraced(function*(
  options: Pick<Options, "timeout">
): Effect.fn.Return<Timeout<DeadlineExceeded>, InvalidOptions> {
  yield* refuse(validate(options))
  return { policy: Policy.named("TotalTimeout", options, within(options.timeout)) }
})

type Bounded = <A, E, R, E2>(
  self: Effect.Effect<A, E, R>,
  duration: Duration.Duration,
  late: Effect.Effect<never, E2>
) => Effect.Effect<A, E | E2, R>

const limited =
  (own: number, bounded: Bounded): Policy.Policy<AttemptTimeout | DeadlineExceeded> =>
  <A, E, R>(self: Effect.Effect<A, E, R>) =>
    Effect.withFiber<A, E | AttemptTimeout | DeadlineExceeded, R>((fiber) => {
      const now = monotonic.now(fiber)
      const inherited = fiber.getRef(CurrentDeadline)
      const left = inherited === undefined ? Infinity : inherited - now
      if (left <= 0) return Effect.fail(new DeadlineExceeded({ timeout: Duration.zero, wasSent: false }))
      const timeout = Duration.millis(Math.min(own, left))
      const late = Effect.suspend((): Effect.Effect<never, AttemptTimeout | DeadlineExceeded> =>
        Effect.fail(
          own < left
            ? new AttemptTimeout({ timeout, wasSent: true })
            : new DeadlineExceeded({ timeout, wasSent: true })
        )
      )
      return bounded(Effect.provideService(self, CurrentDeadline, now + Math.min(own, left)), timeout, late)
    })

const interrupted: Bounded = (self, duration, late) => Effect.timeoutOrElse(self, { duration, orElse: () => late })

// The attempt runs in a fiber that nobody waits for once its time is over or its caller is gone.
const abandoned: Bounded = (self, duration, late) =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(Effect.forkDetach(restore(self), { startImmediately: true }), (fiber) => {
      const stop = Effect.sync(() => fiber.interruptUnsafe())
      return restore(Effect.timeoutOrElse(Fiber.await(fiber), {
        duration,
        orElse: () => Effect.andThen(stop, Effect.map(late, Exit.succeed))
      })).pipe(Effect.onInterrupt(() => stop), Effect.flatten)
    })
  )
