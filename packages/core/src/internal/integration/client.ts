/** The methods of an integration, over the pipeline and a channel. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Predicate from "effect/Predicate"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Auth from "../../Auth.ts"
import type { Call } from "../../Call.ts"
import { CurrentDeadline, nearest } from "../../Deadline.ts"
import type * as Events from "../../Events.ts"
import {
  AttemptTimeout,
  DeadlineExceeded,
  IntegrationError,
  InvalidRequest,
  isReason,
  type Reason
} from "../../IntegrationError.ts"
import { type InvalidOptions, refuse } from "../../InvalidOptions.ts"
import * as Outcome from "../../Outcome.ts"
import type * as Redaction from "../../Redaction.ts"
import * as Resilience from "../../Resilience.ts"
import { Stores } from "../../Stores.ts"
import * as Telemetry from "../../Telemetry.ts"
import type * as Transport from "../../Transport.ts"
import { isLarger } from "../contract/bodySize.ts"
import type { Compiled } from "../contract/compile.ts"
import type { Buffered, Encoded, Operation, Streamed } from "../contract/operation.ts"
import { isValue } from "../headerSyntax.ts"
import { now } from "../monotonic.ts"
import * as Credentials from "../pipeline/credentials.ts"
import * as EffectAttempt from "../pipeline/effectAttempt.ts"
import * as Exchange from "../pipeline/exchange.ts"
import * as Run from "../pipeline/run.ts"
import { settled } from "../pipeline/settled.ts"
import * as StreamedClient from "../pipeline/streamedClient.ts"
import { defaultKeyHeader, isRepeatable, settingsOf, validateRetry } from "./operationOptions.ts"
import type { Policies } from "./policies.ts"

/** What the methods of one integration share. */
export interface Shared {
  readonly id: string
  readonly channel: Transport.Channel
  readonly origin: string
  readonly prefix: string
  /** Names and values in turn, for every request. */
  readonly headers: ReadonlyArray<string>
  readonly authenticator: Auth.Authenticator
  readonly redaction: Redaction.Redaction
  readonly policies: Policies
  /** Settings of the definition, and those of the configuration: an operation's own stand between them. */
  readonly wider: Resilience.OperationOptions
  readonly configured: Resilience.OperationOptions
  readonly propagateTrace: boolean
  readonly listener: Events.Listener | undefined
  readonly onHeaders: Exchange.Wire["onHeaders"]
  readonly nextId: () => string
}

type Method = (request?: unknown) => Effect.Effect<unknown, unknown>

/** One method for each operation of the contract. */
export const make = Effect.fnUntraced(function*(
  operations: ReadonlyArray<Compiled>,
  shared: Shared
): Effect.fn.Return<object, InvalidOptions, Stores> {
  const client: Record<string, Method | Record<string, Method>> = {}
  for (const { endpoint, group, operation, topLevel } of operations) {
    const own = method(operation, shared, yield* planner(operation, shared))
    if (topLevel) client[endpoint] = own
    else client[group] = { ...client[group] as Record<string, Method> | undefined, [endpoint]: own }
  }
  return client
})

interface Planner {
  readonly plan: Run.Plan
  /** With settings given at a call site. */
  readonly planWith: (options: Resilience.OperationOptions) => Effect.Effect<Run.Plan, InvalidOptions>
}

const planner = Effect.fnUntraced(function*(
  operation: Operation,
  { configured, policies, wider }: Shared
): Effect.fn.Return<Planner, InvalidOptions, Stores> {
  const stores = yield* Stores
  const scopes = operation.annotations.map((annotations) => settingsOf(annotations))
  const options = Resilience.merge(wider, ...scopes, configured)
  yield* refuse([
    ...Resilience.validate(options),
    ...validateRetry(operation.method, scopes[2], isRepeatable(options, operation.method))
  ].map(({ option, problem }) => ({ option: `${operation.name}: ${option}`, problem })))
  const planOf = (options: Resilience.OperationOptions) => policies.plan(options, operation.method)
  const plan = yield* planOf(options)
  const { attemptTimeout, deadlines } = plan
  return {
    plan,
    planWith: (own) =>
      planOf(Resilience.merge(options, own)).pipe(
        // Whatever its timeout, a call shares the list of its operation: lists are as many as there are operations. What a
        // caller leaves of the total is no measure for the remote, so an attempt keeps its timeout unless it is given one.
        Effect.map((plan) =>
          own.attemptTimeout === undefined ? { ...plan, deadlines, attemptTimeout } : { ...plan, deadlines }
        ),
        Effect.provideService(Stores, stores)
      )
  }
})

const method = (operation: Operation, shared: Shared, { plan, planWith }: Planner): Method => {
  const { id: integration, listener, nextId, origin } = shared
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
    ...work
  })
  const fail = (reason: Reason) => Run.refuse(invocation(plan, nothing, undefined), reason)
  const invalid = (message: string) => fail(new InvalidRequest({ issue: message }))
  const start = (given: Run.Plan, work: Prepared, at: Resilience.CallOptions | undefined) => {
    const plan = work.keyed && !given.repeatable ? { ...given, repeatable: true } : given
    const key = work.keyed || plan.keyHeader === undefined ? undefined : at?.idempotencyKey ?? nextId()
    return Run.run(invocation(plan, work, key))
  }
  const call = (
    request: unknown,
    plan: Run.Plan,
    at: Resilience.CallOptions | undefined
  ): Effect.Effect<unknown, unknown> => {
    const prepared = prepare(request, plan)
    const exit = settled(prepared)
    if (exit !== undefined && Exit.isSuccess(exit)) return start(plan, exit.value, at)
    const run = { onFailure: fail, onSuccess: (work: Prepared) => start(plan, work, at) }
    return exit === undefined ? withinTotal(plan, prepared, run) : Effect.matchEffect(exit, run)
  }
  return (request = {}) =>
    Effect.withFiber<unknown, unknown>((fiber) => {
      const at = fiber.getRef(Resilience.CurrentOptions)
      if (at === undefined) return call(request, plan, undefined)
      const { idempotencyKey: key, settings } = at
      if (key !== undefined && !isKey(key)) return invalid(unusableKey)
      if (settings === undefined) return call(request, keyed(plan, key), at)
      return Effect.matchEffect(planWith(settings), {
        onFailure: ({ message }) => invalid(message),
        onSuccess: (plan) => call(request, keyed(plan, key), at)
      })
    })
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

/** A header loses the space around its value, so that one without anything else would be empty. */
const isKey = (key: string): boolean => typeof key === "string" && key.trim() !== "" && isValue(key)
const unusableKey = "Expected an idempotency key that is not empty and holds what a header may hold"

/** With a key of the caller's own. */
const keyed = (plan: Run.Plan, key: string | undefined): Run.Plan =>
  key === undefined ? plan : { ...plan, keyHeader: plan.keyHeader ?? defaultKeyHeader, repeatable: true }

interface Prepared extends Pick<Run.Invocation, "oneShot" | "start"> {
  /** The request has an idempotency key in a header that the contract declares: it stays as it is. */
  readonly keyed: boolean
}

type Prepare = (request: unknown, plan: Run.Plan) => Effect.Effect<Prepared, Reason>

const buffered = (operation: Buffered, shared: Shared): Prepare => {
  const wire: Exchange.Wire = { ...shared, ...secretTemplateOf(operation), authorize: authorizeOf(shared), operation }
  const prepared = (encoded: Encoded, plan: Run.Plan): Exit.Exit<Prepared, Reason> =>
    isLarger(encoded.body, plan.maxRequestBytes)
      ? Exit.fail(StreamedClient.tooLarge(plan.maxRequestBytes))
      : Exit.succeed({
        oneShot: false,
        keyed: isKeyed(encoded, plan),
        start: Exchange.start(wire, plan, encoded)
      })
  return (request, plan) => {
    const encoded = operation.encode(request)
    const exit = settled(encoded)
    return exit !== undefined && Exit.isSuccess(exit)
      ? prepared(exit.value, plan)
      : Effect.flatMap(encoded, (encoded) => prepared(encoded, plan))
  }
}

const isKeyed = ({ headers }: Encoded, { keyHeader = defaultKeyHeader }: Run.Plan): boolean => {
  for (let i = 0; i < headers.length; i += 2) if (headers[i] === keyHeader) return isKey(headers[i + 1]!)
  return false
}

const streamed = (operation: Streamed, shared: Shared): Prepare => {
  const hold = shared.policies.bulkhead?.hold ?? Effect.void
  const client = StreamedClient.make(shared.channel.client, {
    ...shared,
    ...secretTemplateOf(operation),
    authorize: authorizeOf(shared)
  })
  const compile = (limit: number) => ({
    limit,
    send: operation.run(client, undefined, limit)
  })
  let compiled: ReturnType<typeof compile> | undefined
  const prepared = (request: unknown, head: Encoded, plan: Run.Plan): Prepared => {
    if (compiled?.limit !== plan.maxResponseBytes) compiled = compile(plan.maxResponseBytes)
    const { send } = compiled
    const { classify, keyHeader, maxRequestBytes } = plan
    return {
      oneShot: operation.oneShot(request),
      keyed: isKeyed(head, plan),
      start: (attempt, sink) => {
        const answer: StreamedClient.Answer = {
          sent: false,
          status: undefined,
          retryAfter: undefined,
          span: attempt.span,
          keyHeader,
          maxRequestBytes
        }
        const work = send(request).pipe(
          Effect.map((value) => handedOut(value, attempt, plan.idleTimeout, hold)),
          Effect.provideService(StreamedClient.CurrentAnswer, answer)
        )
        const outcomeOf = (exit: Exit.Exit<unknown, unknown>) =>
          classify?.(exit) ?? Outcome.fromAnswer(exit, answer.status, answer.retryAfter)
        return EffectAttempt.start(work, outcomeOf, answer)(attempt, sink)
      }
    }
  }
  return (request, plan) => Effect.mapEager(operation.head(request), (head) => prepared(request, head, plan))
}

/** A stream goes on after the call has succeeded: what ends it then, silence too, is told as the failure of that call. */
const handedOut = (
  value: unknown,
  call: Pick<Call, "attempt" | "integration" | "operation">,
  idle: number,
  hold: Effect.Effect<void, never, Scope.Scope>
): unknown => {
  const { attempt, integration, operation } = call
  if (Stream.isStream(value)) {
    const silent = () => Stream.fail(new AttemptTimeout({ timeout: Duration.millis(idle), wasSent: true }))
    // While it is read it has a connection, so that there is one less for calls.
    return Stream.unwrap(Effect.as(hold, value)).pipe(
      Stream.timeoutOrElse({ duration: idle, orElse: silent }),
      Stream.mapError((error) =>
        isReason(error) ? new IntegrationError({ integration, operation, attempts: attempt, reason: error }) : error
      )
    )
  }
  return Predicate.hasProperty(value, "body") && Stream.isStream(value.body)
    ? { ...value, body: handedOut(value.body, call, idle, hold) }
    : value
}

const secretTemplateOf = ({ secretUrl, template }: Operation) => ({ secretTemplate: secretUrl ? template : undefined })

const authorizeOf = ({ authenticator }: Shared) =>
  typeof authenticator === "function" ? authenticator : Credentials.prepare(authenticator)

const nothing: Pick<Run.Invocation, "oneShot" | "start"> = {
  oneShot: false,
  start: () => ({ wasSent: false, cancel: () => {} })
}
