/** Builds a live integration from its definition and settings: every problem with them first, then the parts. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as Metric from "effect/Metric"
import type * as Scope from "effect/Scope"
import * as Events from "../../Events.ts"
import type { InvalidOptions } from "../../InvalidOptions.ts"
import type * as CircuitBreaker from "../../policy/CircuitBreaker.ts"
import type * as RateLimit from "../../policy/RateLimit.ts"
import * as Redaction from "../../Redaction.ts"
import * as Resilience from "../../Resilience.ts"
import type { Stores } from "../../Stores.ts"
import * as Telemetry from "../../Telemetry.ts"
import * as Transport from "../../Transport.ts"
import { compile, type Compiled } from "../contract/compile.ts"
import { millis } from "../monotonic.ts"
import * as AnyClient from "../pipeline/anyClient.ts"
import { InFlight } from "../pipeline/inFlight.ts"
import * as Audience from "./audience.ts"
import * as BaseUrl from "./baseUrl.ts"
import * as Client from "./client.ts"
import * as Generations from "./generations.ts"
import * as Planner from "./planner.ts"
import * as Policies from "./policies.ts"
import { sequence } from "./sequence.ts"
import type { Shared } from "./shared.ts"
import { check, type Declared, type Settings } from "./validate.ts"

export type { Declared, Settings }

/** What a client is built from: settings, and what takes the place of what was declared. */
export interface Given {
  readonly settings: Settings
  readonly instead?: Partial<Pick<Declared, "auth" | "userAgent">> | undefined
}

/** The client of the contract, whose settings may change; what is wrong is said of the integration. */
export const make = Effect.fnUntraced(function*(
  declared: Declared,
  given: Given
): Effect.fn.Return<object, InvalidOptions, HttpClient.HttpClient | Stores | Scope.Scope> {
  const { id } = declared
  const operations = compile(declared.api)
  const listener = Events.harmless(yield* Events.CurrentListener)
  const clock = yield* Clock.Clock
  return yield* Generations.make(
    id,
    operations,
    ({ instead, settings }: Given) => begin({ ...declared, ...instead }, operations, settings),
    given,
    (told) => listener?.({ ...told, integration: id, at: clock.currentTimeMillisUnsafe() })
  )
})

const begin = Effect.fnUntraced(function*(
  given: Declared,
  operations: ReadonlyArray<Compiled>,
  settings: Settings
): Effect.fn.Return<
  Generations.Generation,
  InvalidOptions,
  HttpClient.HttpClient | Stores | Scope.Scope
> {
  const { id } = given
  const declared = { ...given, resilience: Resilience.merge(yield* Resilience.CurrentDefaults, given.resilience) }
  const checked = yield* check(declared, operations, settings)
  const { authenticator, baseUrl, credentials, merged, pool } = checked
  // A scheme may have credentials that are none of its settings.
  const fixed = typeof authenticator === "function" ? undefined : authenticator
  const listener = Events.harmless(yield* Events.CurrentListener)
  const policies = yield* Policies.make(id, merged, yield* told(id, listener))
  if (policies.breaker !== undefined) yield* gauged(id, policies.breaker)
  const inFlight = new InFlight()
  const shared = {
    id,
    channel: yield* open(pool),
    ...BaseUrl.split(baseUrl),
    headers: ["user-agent", declared.userAgent],
    authenticator,
    redaction: Redaction.make(declared.auth.places, baseUrl),
    policies,
    optionsOf: checked.optionsOf,
    fallbacks: checked.fallbacks,
    audience: yield* Audience.make(id, baseUrl, [declared.auth.scheme, credentials, fixed]),
    audienceOfCall: declared.auth.audience,
    answering: checked.answering,
    propagateTrace: settings.propagateTrace ?? false,
    deadlineHeader: merged.deadlineHeader?.toLowerCase(),
    listener,
    onHeaders: policies.rateLimit && hinted(policies.rateLimit),
    nextId: yield* sequence,
    inFlight,
    scope: yield* Effect.scope
  }
  return {
    calls: yield* callersOf(operations, shared),
    breaker: policies.breaker,
    inFlight
  }
})

/**
 * What calls of an operation share is made here. Where they share nothing, its caller is made with the first of them: of a
 * large contract most processes call a few operations.
 */
const callersOf = Effect.fnUntraced(function*(operations: ReadonlyArray<Compiled>, shared: Shared) {
  const context = yield* Effect.context<Stores | Scope.Scope>()
  const callers: Array<Client.Caller> = []
  for (const [index, { operation }] of operations.entries()) {
    if (Planner.isLayered(operation, shared)) {
      callers.push(yield* Client.make(operation, shared))
      continue
    }
    callers.push((request, fiber) =>
      Client.make(operation, shared).pipe(
        Effect.provideContext(context),
        // Its settings have been checked.
        Effect.orDie,
        Effect.flatMap((caller) => (callers[index] = caller)(request, fiber))
      )
    )
  }
  return callers
})

/** Tells a limiter what the remote says of its own. */
const hinted =
  (limiter: RateLimit.RateLimit) => (headers: Transport.Headers, context: Context.Context<never>): void => {
    const clock = Context.get(context, Clock.Clock)
    const hint = limiter.hintOf(Transport.joined(headers), clock.currentTimeMillisUnsafe())
    if (hint !== undefined) limiter.hint(hint, millis(clock))
  }

const open = (pool: Transport.PoolOptions) =>
  Effect.flatMap(HttpClient.HttpClient, (client) => {
    const transport = Transport.of(client)
    return transport === undefined ? Effect.succeed(AnyClient.make(client)) : transport.open(pool)
  })

const states = { Closed: 0, HalfOpen: 1, Open: 2, Isolated: 3, MetricsOnly: 4, Disabled: 5 }

/** Tells the listener and the gauge of the circuit's transitions. */
const told = (integration: string, listener: Events.Listener | undefined) =>
  Effect.contextWith((context: Context.Context<never>) =>
    Effect.map(Clock.Clock, (clock) => {
      const gauge = Telemetry.circuitState(integration)
      return ({ cause, from, retryAfter, to }: CircuitBreaker.Transition) => {
        gauge.updateUnsafe(states[to], context)
        listener?.({
          _tag: "CircuitChanged",
          integration,
          at: clock.currentTimeMillisUnsafe(),
          from,
          to,
          cause,
          ...(retryAfter === undefined ? undefined : { retryAfter: Duration.toMillis(retryAfter) })
        })
      }
    })
  )

/** A circuit may be known already, from another layer of the integration. */
const gauged = (integration: string, { state }: CircuitBreaker.CircuitBreaker) =>
  Effect.flatMap(state, ({ _tag }) => Metric.update(Telemetry.circuitState(integration), states[_tag]))
