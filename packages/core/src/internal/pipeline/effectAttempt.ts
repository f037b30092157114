/** The work of an attempt that is an effect: it runs in a fiber of its own, so that a deadline can leave it behind. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Tracer from "effect/Tracer"
import { CurrentCall } from "../../Call.ts"
import { CurrentDeadline } from "../../Deadline.ts"
import * as Outcome from "../../Outcome.ts"
import type { Attempt, Running, Sink } from "./attempt.ts"
import { inTurn } from "./inTurn.ts"

/** What the work notes of itself while it runs. */
export interface Noted {
  readonly sent: boolean
  readonly status: number | undefined
}

export const start = (
  attempt: Attempt,
  sink: Sink,
  work: Effect.Effect<unknown, unknown>,
  classify: (exit: Exit.Exit<unknown, unknown>) => Outcome.Outcome,
  noted: Noted = { sent: true, status: undefined }
): Running => {
  const fiber = Effect.runForkWith(surroundings(attempt))(work)
  fiber.addObserver((exit) => conclude(sink, exit, noted.status, classify))
  return {
    get wasSent() {
      return noted.sent
    },
    cancel: () => Fiber.interrupt(fiber)
  }
}

/** Tells the sink how an attempt ended. A classifier that throws is a defect of the call, and says nothing of the remote. */
export const conclude = (
  sink: Sink,
  exit: Exit.Exit<unknown, unknown>,
  status: number | undefined,
  classify: (exit: Exit.Exit<unknown, unknown>) => Outcome.Outcome
): void => {
  let outcome: Outcome.Outcome
  try {
    outcome = classify(exit)
  } catch (defect) {
    return sink.end(Exit.die(defect), Outcome.neutral, status)
  }
  sink.end(exit, outcome, status)
}

/** What an effect that is part of an attempt sees: the attempt, its time, and its span as the parent. */
export const surroundings = ({ at, attempt, call, context, span }: Attempt): Context.Context<never> => {
  const { idempotencyKey, integration, operation, requestId } = call
  const around = inTurn(context).pipe(
    Context.add(CurrentCall, { integration, operation, requestId, attempt, idempotencyKey }),
    Context.add(CurrentDeadline, at)
  )
  return span === undefined ? around : Context.add(around, Tracer.ParentSpan, span)
}
