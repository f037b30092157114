/** A health check that opens a circuit before calls have to fail. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { type InvalidOptions, refuse } from "../../InvalidOptions.ts"
import * as Outcome from "../../Outcome.ts"
import type { WatchOptions } from "../../policy/CircuitBreaker.ts"
import { atLeast, positive, problems } from "../checks.ts"
import type { Act } from "./place.ts"

/** Checks until the scope is closed. */
export const watch = Effect.fnUntraced(function*<R>(
  act: Act,
  classify: (exit: Exit.Exit<unknown, unknown>) => Outcome.Outcome,
  probe: Effect.Effect<unknown, unknown, R>,
  { failures: needed = 1, interval, timeout = "10 seconds" }: WatchOptions
): Effect.fn.Return<void, InvalidOptions, R | Scope.Scope> {
  const schedule = Schedule.isSchedule(interval) ? interval : Schedule.spaced(interval)
  yield* refuse(problems(
    positive("interval", Schedule.isSchedule(interval) ? undefined : interval),
    atLeast(1, "failures", needed),
    positive("timeout", timeout)
  ))
  let failed = 0
  /** The opening that this check has caused, by its generation. */
  let caused: number | undefined
  const told = (outcome: Outcome.Outcome): Effect.Effect<void> => {
    if (outcome._tag === "Neutral" || (outcome._tag === "Failure" && outcome.throttled)) return Effect.void
    if (outcome._tag === "Failure") {
      if (++failed < needed) return Effect.void
      const opening = act((machine, now) => machine.unhealthy(failed, outcome.retryAfter, now))
      return Effect.map(opening, (generation) => void (caused = generation ?? caused))
    }
    failed = 0
    if (caused === undefined) return Effect.void
    const own = caused
    caused = undefined
    return act((machine, now) => machine.healthy(own, now))
  }
  const check = Effect.flatMap(
    Effect.exit(Effect.timeoutOption(probe, timeout)),
    (exit) => told(isLate(exit) ? Outcome.failure() : harmless(classify, exit))
  )
  yield* Effect.forkScoped(Effect.repeat(check, schedule))
})

const isLate = (exit: Exit.Exit<Option.Option<unknown>, unknown>): boolean =>
  Exit.isSuccess(exit) && Option.isNone(exit.value)

/** A classifier that throws says nothing. It is asked about what the check yielded. */
const harmless = (
  classify: (exit: Exit.Exit<unknown, unknown>) => Outcome.Outcome,
  exit: Exit.Exit<Option.Option<unknown>, unknown>
): Outcome.Outcome => {
  try {
    return classify(Exit.map(exit, Option.getOrUndefined))
  } catch {
    return Outcome.neutral
  }
}
