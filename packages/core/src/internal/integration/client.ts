/** The calls of an integration: requests in, over the pipeline and a channel, declared successes and failures out. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import { CurrentDeadline, nearest } from "../../Deadline.ts"
import { DeadlineExceeded, InvalidRequest, type Reason } from "../../IntegrationError.ts"
import type { InvalidOptions } from "../../InvalidOptions.ts"
import type * as Resilience from "../../Resilience.ts"
import type { Stores } from "../../Stores.ts"
import * as Telemetry from "../../Telemetry.ts"
import type { Operation } from "../contract/operation.ts"
import { now } from "../monotonic.ts"
import * as InFlight from "../pipeline/inFlight.ts"
import * as Layers from "../pipeline/layers.ts"
import * as Run from "../pipeline/run.ts"
import { settled } from "../pipeline/settled.ts"
import { defaultKeyHeader } from "./operationOptions.ts"
import * as Planner from "./planner.ts"
import { buffered, isKey, type Prepared } from "./prepare.ts"
import { streamed } from "./prepareStreamed.ts"
import type { Shared } from "./shared.ts"

/** Makes one call of an operation, with what was asked for at the call site. */
export type Call = (request: unknown, at: Resilience.CallOptions | undefined) => Effect.Effect<unknown, unknown>

/** The calls of one operation. */
export const make = (
  operation: Operation,
  shared: Shared
): Effect.Effect<Call, InvalidOptions, Stores | Scope.Scope> =>
  Effect.map(Planner.make(operation, shared), (planner) => caller(operation, shared, planner))

const caller = (operation: Operation, shared: Shared, { planWith, ...usual }: Planner.Planner): Call => {
  const { id: integration, inFlight, listener, nextId, origin } = shared
  const observer = Telemetry.make({
    integration,
    operation: operation.name,
    method: operation.method,
    template: operation.template,
    origin,
    listener
  })
  const prepare = operation._tag === "Buffered" ? buffered(operation, shared) : streamed(operation, shared)
  const invocation = (plan: Run.Plan, work: Pick<Run.Invocation, "oneShot" | "start">, key: string | undefined) => ({
    integration,
    operation: operation.name,
    requestId: nextId(),
    idempotencyKey: key,
    plan,
    observer,
    inFlight,
    oneShot: work.oneShot,
    start: work.start
  })
  const fail = (reason: Reason) => Run.refuse(invocation(usual.plan, nothing, undefined), reason)
  const invalid = (message: string) => fail(new InvalidRequest({ issue: message }))
  const start = (
    { layers, plan: given }: Planner.Planned,
    request: unknown,
    work: Prepared,
    at: Resilience.CallOptions | undefined
  ) => {
    const plan = work.keyed && !given.repeatable ? { ...given, repeatable: true } : given
    const key = work.keyed || plan.keyHeader === undefined ? undefined : at?.idempotencyKey ?? nextId()
    const call = invocation(plan, work, key)
    if (layers === undefined) return Run.run(call)
    const kept = layers.cache !== undefined || layers.fallback !== undefined
    return Layers.run(call, layers, {
      request,
      key: work.identity(),
      start: kept ? work.startKept : () => work.start
    })
  }
  const call = (
    request: unknown,
    planned: Planner.Planned,
    at: Resilience.CallOptions | undefined
  ): Effect.Effect<unknown, unknown> => {
    const { plan } = planned
    const prepared = prepare(request, plan)
    const exit = settled(prepared)
    if (exit !== undefined && Exit.isSuccess(exit)) return start(planned, request, exit.value, at)
    const run = { onFailure: fail, onSuccess: (work: Prepared) => start(planned, request, work, at) }
    return exit === undefined
      ? InFlight.during(inFlight, withinTotal(plan, prepared, run))
      : Effect.matchEffect(exit, run)
  }
  return (request, at) => {
    if (at === undefined) return call(request, usual, undefined)
    const { idempotencyKey: key, settings } = at
    if (key !== undefined && !isKey(key)) return invalid(unusableKey)
    if (settings === undefined) return call(request, keyed(usual, key), at)
    const own = Effect.matchEffect(planWith(settings), {
      onFailure: ({ message }) => invalid(message),
      onSuccess: (planned) => call(request, keyed(planned, key), at)
    })
    return InFlight.during(inFlight, own)
  }
}

/** A request that takes time to be encoded takes it from the call's own. */
const withinTotal = (
  { totalTimeout }: Run.Plan,
  prepared: Effect.Effect<Prepared, Reason>,
  run: {
    readonly onFailure: (reason: Reason) => Effect.Effect<unknown, unknown>
    readonly onSuccess: (work: Prepared) => Effect.Effect<unknown, unknown>
  }
): Effect.Effect<unknown, unknown> =>
  Effect.withFiber<unknown, unknown>((fiber) => {
    const begun = now(fiber)
    const deadline = nearest(fiber.getRef(CurrentDeadline), begun + totalTimeout)
    const timeout = Duration.millis(Math.max(0, deadline - begun))
    const exceeded = () => Effect.fail(new DeadlineExceeded({ timeout, wasSent: false }))
    return prepared.pipe(
      Effect.timeoutOrElse({ duration: timeout, orElse: exceeded }),
      Effect.matchEffect(run),
      Effect.provideService(CurrentDeadline, deadline)
    )
  })

const unusableKey = "Expected an idempotency key that is not empty and holds what a header may hold"

/** With a key of the caller's own. */
const keyed = (planned: Planner.Planned, key: string | undefined): Planner.Planned => {
  if (key === undefined) return planned
  const { plan } = planned
  return { ...planned, plan: { ...plan, keyHeader: plan.keyHeader ?? defaultKeyHeader, repeatable: true } }
}

/** The work of a call that was refused before it began. */
const nothing = {
  oneShot: false,
  start: () => ({ wasSent: false, cancel: () => {} })
}
