/** The work of an attempt that is an effect: it runs in a fiber of its own, so that a deadline can leave it behind. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { CurrentCall } from "../../Call.ts"
import { CurrentDeadline } from "../../Deadline.ts"
import type * as Outcome from "../../Outcome.ts"
import type { Start } from "./attempt.ts"

/** The effect sees the attempt as `CurrentCall` and its time as `CurrentDeadline`. */
export const start = (
  work: Effect.Effect<unknown, unknown>,
  classify: (exit: Exit.Exit<unknown, unknown>) => Outcome.Outcome,
  status: () => number | undefined = () => undefined
): Start =>
(attempt, sink) => {
  const { at, context, idempotencyKey, integration, operation, requestId } = attempt
  const call = { integration, operation, requestId, attempt: attempt.attempt, idempotencyKey }
  const surroundings = context.pipe(Context.add(CurrentCall, call), Context.add(CurrentDeadline, at))
  const fiber = Effect.runForkWith(surroundings)(work)
  fiber.addObserver((exit) => sink.end(exit, classify(exit), status()))
  return { wasSent: true, cancel: () => Fiber.interrupt(fiber) }
}
