/** Retries, from options that have been checked and a budget. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import { CurrentDeadline } from "../../Deadline.ts"
import * as Outcome from "../../Outcome.ts"
import * as Policy from "../../Policy.ts"
import type { Options, Retry } from "../../policy/Retry.ts"
import { errorOf } from "../failure.ts"
import * as monotonic from "../monotonic.ts"
import type { Budget } from "./budget.ts"
import { type Decider, start } from "./decider.ts"
import { settingsOf } from "./options.ts"

export const make = (
  options: Options & { readonly classify?: Outcome.Classifier | undefined },
  budget: Budget
): Retry => {
  const settings = settingsOf(options)
  const begin = (): Decider => start(settings, budget)
  return {
    policy: Policy.named("Retry", options, repeating(begin, budget, Outcome.classifyWith(options.classify))),
    deposit: budget.deposit,
    budget,
    start: begin
  }
}

const repeating = (
  begin: () => Decider,
  budget: Budget,
  classify: (exit: Exit.Exit<unknown, unknown>) => Outcome.Outcome
): Policy.Policy =>
<A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.withFiber((fiber) => {
    budget.deposit(monotonic.now(fiber))
    let decider: Decider | undefined
    let attempt = 0

    const attempted = (exit: Exit.Exit<A, E>): Effect.Effect<A, E, R> => {
      const outcome = classify(exit)
      if (Exit.isSuccess(exit) && outcome._tag === "Success") return exit
      decider ??= begin()
      return Effect.flatMap(
        decider.turn(outcome, {
          attempt,
          safeToRepeat: true,
          remainingMillis: remaining(fiber),
          error: errorOf(exit)
        }),
        (decision) => decision._tag === "Stop" ? exit : once
      )
    }

    const once: Effect.Effect<A, E, R> = Effect.suspend(() => {
      attempt++
      return Effect.matchCauseEffect(self, {
        onFailure: (cause) => attempted(Exit.failCause(cause)),
        onSuccess: (value) => attempted(Exit.succeed(value))
      })
    })
    return once
  })

const remaining = (fiber: Fiber.Fiber<unknown, unknown>): number | undefined => {
  const deadline = fiber.getRef(CurrentDeadline)
  return deadline === undefined ? undefined : deadline - monotonic.now(fiber)
}
