/** The calls of an integration: requests in, over the pipeline and a channel, declared successes and failures out. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import { DeadlineExceeded, InvalidRequest, type Reason } from "../../IntegrationError.ts"
import type { InvalidOptions } from "../../InvalidOptions.ts"
import * as Resilience from "../../Resilience.ts"
import type { Stores } from "../../Stores.ts"
import * as Telemetry from "../../Telemetry.ts"
import { millis as toMillis } from "../checks.ts"
import type { Operation } from "../contract/operation.ts"
import { millis } from "../monotonic.ts"
import { type Begun, type Resume, toEffect } from "../pipeline/begun.ts"
import * as Call from "../pipeline/call.ts"
import * as Layers from "../pipeline/layers.ts"
import * as Run from "../pipeline/run.ts"
import { settled } from "../settled.ts"
import * as Planner from "./planner.ts"
import { buffered, isKey, type Prepared } from "./prepare.ts"
import { streamed } from "./prepareStreamed.ts"
import type { Shared } from "./shared.ts"

/** Makes one call of an operation, for the running fiber. */
export type Caller = (request: unknown, fiber: Fiber.Fiber<unknown, unknown>) => Effect.Effect<unknown, unknown>

/** The calls of one operation. */
export const make = (
  operation: Operation,
  shared: Shared
): Effect.Effect<Caller, InvalidOptions, Stores | Scope.Scope> =>
  Effect.map(Planner.make(operation, shared), (planner) => caller(operation, shared, planner))

const caller = (operation: Operation, shared: Shared, { planWith, ...usual }: Planner.Planner): Caller => {
  const { id: integration, inFlight, listener, nextId, origin } = shared
  const observer = Telemetry.make({
    integration,
    operation: operation.name,
    method: operation.method,
    template: operation.template,
    origin,
    listener
  })
  const subject: Call.Subject = { integration, operation: operation.name, observer, inFlight }
  const prepare = operation._tag === "Buffered" ? buffered(operation, shared) : streamed(operation, shared)
  /** An answer may be kept, or serve another. */
  const answering = shared.answering.has(operation.name)

  const send = (
    call: Call.Call,
    request: unknown,
    { layers, plan: given }: Planner.Planned,
    work: Prepared,
    key: string | undefined,
    resume: Resume
  ): Begun | undefined => {
    const { keyed } = work
    const plan = keyed && !given.repeatable ? { ...given, repeatable: true } : given
    call.idempotencyKey = keyed || plan.keyHeader === undefined ? undefined : key ?? nextId()
    if (layers === undefined) return Run.begin(call, plan, work, resume)
    return Layers.begin(call, plan, layers, {
      request,
      key: answering ? work.identity() : "",
      work: (known) => answering ? work.kept(known) : work
    }, resume)
  }

  const answer = (
    call: Call.Call,
    request: unknown,
    planned: Planner.Planned,
    key: string | undefined,
    resume: Resume
  ): Begun | undefined => {
    const prepared = prepare(request, planned.plan)
    const exit = settled(prepared)
    if (exit !== undefined && Exit.isSuccess(exit)) return send(call, request, planned, exit.value, key, resume)
    resume(Effect.matchEffect(exit ?? inTime(call, prepared), {
      onFailure: (reason) => call.refuse(reason),
      onSuccess: (work) => toEffect((resume) => send(call, request, planned, work, key, resume))
    }))
    return undefined
  }

  return (request, fiber) => {
    const { totalTimeout } = usual.plan
    const at = fiber.getRef(Resilience.CurrentOptions)
    if (at === undefined) {
      return Call.begin(
        subject,
        nextId(),
        totalTimeout,
        fiber,
        (call, resume) => answer(call, request, usual, undefined, resume)
      )
    }
    const { idempotencyKey: key, settings } = at
    const total = settings?.totalTimeout === undefined ? totalTimeout : toMillis(settings.totalTimeout)
    return Call.begin(subject, nextId(), total, fiber, (call, resume) => {
      const refuse = (issue: string) => call.refuse(new InvalidRequest({ issue }))
      const run = (planned: Planner.Planned) =>
        toEffect((resume) => answer(call, request, key === undefined ? planned : Planner.keyed(planned), key, resume))
      const answered = () => {
        if (key !== undefined && !isKey(key)) return refuse(unusableKey)
        return settings === undefined
          ? run(usual)
          : Effect.matchEffect(planWith(settings), { onFailure: ({ message }) => refuse(message), onSuccess: run })
      }
      resume(answered())
      return undefined
    })
  }
}

/** A request that takes time to be encoded takes it from the call's own. */
const inTime = (call: Call.Call, prepared: Effect.Effect<Prepared, Reason>): Effect.Effect<Prepared, Reason> => {
  const timeout = Duration.millis(Math.max(0, call.deadline - millis(call.clock)))
  const exceeded = () => Effect.fail(new DeadlineExceeded({ timeout, wasSent: false }))
  return Effect.timeoutOrElse(prepared, { duration: timeout, orElse: exceeded })
}

const unusableKey = "Expected an idempotency key that is not empty and holds what a header may hold"
