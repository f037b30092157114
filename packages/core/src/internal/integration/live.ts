/** Builds a live integration from its definition and settings: every problem with them first, then the parts. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as HttpApi from "effect/http-api/HttpApi"
import * as HttpClient from "effect/http/HttpClient"
import * as Metric from "effect/Metric"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type * as Auth from "../../Auth.ts"
import * as Events from "../../Events.ts"
import { type InvalidOptions, type Problem, refuse } from "../../InvalidOptions.ts"
import type * as CircuitBreaker from "../../policy/CircuitBreaker.ts"
import type * as RateLimit from "../../policy/RateLimit.ts"
import * as Redaction from "../../Redaction.ts"
import * as Resilience from "../../Resilience.ts"
import type { Stores } from "../../Stores.ts"
import * as Telemetry from "../../Telemetry.ts"
import * as Transport from "../../Transport.ts"
import { compile, type Compiled } from "../contract/compile.ts"
import { isValue } from "../headerSyntax.ts"
import { millis } from "../monotonic.ts"
import * as AnyClient from "../pipeline/anyClient.ts"
import * as Credentials from "../pipeline/credentials.ts"
import { InFlight } from "../pipeline/inFlight.ts"
import type { FallbackSettings } from "../settings/fallbacks.ts"
import { problemsOf } from "../settings/issue.ts"
import * as Pool from "../settings/pool.ts"
import { reserved } from "../settings/reserved.ts"
import * as Audience from "./audience.ts"
import * as BaseUrl from "./baseUrl.ts"
import * as Client from "./client.ts"
import * as Fallbacks from "./fallbacks.ts"
import * as Generations from "./generations.ts"
import * as Policies from "./policies.ts"
import { sequence } from "./sequence.ts"

/** What is known before the settings are. */
export interface Declared {
  readonly id: string
  readonly api: HttpApi.Constraint
  readonly baseUrl: string | undefined
  readonly auth: Auth.Auth<any>
  readonly resilience: Resilience.Options
  readonly pool: Pool.PoolOptions
  readonly userAgent: string
  /** Fallbacks by group and endpoint; the last that are given for an operation count. */
  readonly fallbacks: ReadonlyArray<object>
}

/** What every settings record may hold besides what auth needs. */
export interface Settings extends Resilience.Options {
  readonly baseUrl?: string | undefined
  readonly pool?: Pool.PoolOptions | undefined
  readonly propagateTrace?: boolean | undefined
  readonly fallback?: FallbackSettings | undefined
}

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
  const { credentials, problems } = yield* check(declared, settings)
  const fallbacks = yield* Fallbacks.make(operations, declared.fallbacks, settings.fallback ?? {})
  yield* refuse([...problems, ...fallbacks.problems])
  const authenticator = declared.auth.authenticator(credentials)
  const unsendable = typeof authenticator === "function" ? undefined : Credentials.problemOf(authenticator)
  if (unsendable !== undefined) yield* refuse([{ option: "auth", problem: unsendable }])
  const { baseUrl = declared.baseUrl!, fallback: _, pool = {}, propagateTrace = false, ...rest } = settings
  const configured = omit(rest, Object.keys(declared.auth.settings))
  const merged = Resilience.merge(declared.resilience, configured)
  const listener = Events.harmless(yield* Events.CurrentListener)
  const policies = yield* Policies.make(id, concurrency(merged, poolOf(declared, pool)), yield* told(id, listener))
  if (policies.breaker !== undefined) yield* gauged(id, policies.breaker)
  const inFlight = new InFlight()
  const shared = {
    id,
    channel: yield* open(poolOf(declared, pool)),
    ...BaseUrl.split(baseUrl),
    headers: ["user-agent", declared.userAgent],
    authenticator,
    redaction: Redaction.make(declared.auth.places, baseUrl),
    policies,
    wider: declared.resilience,
    configured,
    fallbacks: fallbacks.chains,
    audience: yield* Audience.make(id, baseUrl, credentials),
    propagateTrace,
    deadlineHeader: merged.deadlineHeader?.toLowerCase(),
    listener,
    onHeaders: policies.rateLimit && hinted(policies.rateLimit),
    nextId: yield* sequence,
    inFlight,
    scope: yield* Effect.scope
  }
  return {
    calls: yield* Effect.forEach(operations, ({ operation }) => Client.make(operation, shared)),
    breaker: policies.breaker,
    inFlight
  }
})

/** Tells a limiter what the remote says of its own. */
const hinted =
  (limiter: RateLimit.RateLimit) => (headers: Transport.Headers, context: Context.Context<never>): void => {
    const clock = Context.get(context, Clock.Clock)
    const hint = limiter.hintOf(Transport.joined(headers), clock.currentTimeMillisUnsafe())
    if (hint !== undefined) limiter.hint(hint, millis(clock))
  }

const check = Effect.fnUntraced(function*(declared: Declared, settings: Settings) {
  const { auth } = declared
  const url = settings.baseUrl ?? declared.baseUrl
  const urlProblem = url === undefined ? "is missing" : BaseUrl.problemOf(url)
  const credentials = yield* Effect.result(
    Schema.decodeUnknownEffect(Schema.toType(Schema.Struct(auth.settings)), { errors: "all" })(settings)
  )
  const known = new Set<string>([...reserved, ...Object.keys(auth.settings)])
  const own = omit(settings, Object.keys(auth.settings))
  const hidden = reserved.filter((name) => name in auth.settings)
  const problems: ReadonlyArray<Problem> = [
    ...Object.keys(settings).filter((key) => !known.has(key)).map((option) => ({
      option,
      problem: "is not an option"
    })),
    ...hidden.map((option) => ({
      option,
      problem: "is an option of every integration, so that the auth scheme must call its setting something else"
    })),
    ...(isValue(declared.userAgent) && declared.userAgent.trim() !== ""
      ? []
      : [{ option: "userAgent", problem: "must not be empty, and hold what a header may hold" }]),
    ...(urlProblem === undefined ? unfilled(url!, auth) : [urlProblem])
      .map((problem) => ({ option: "baseUrl", problem })),
    ...(credentials._tag === "Failure" ? problemsOf(credentials.failure.issue) : []),
    ...Pool.validate({ ...declared.pool, ...settings.pool })
      .map(({ option, problem }) => ({ option: `pool.${option}`, problem })),
    ...Resilience.validate(Resilience.merge(declared.resilience, own))
  ]
  return { problems, credentials: credentials._tag === "Success" ? credentials.success : {} }
})

/** Placeholders that would be sent as they are. */
const unfilled = (url: string, { places }: Auth.Auth<any>): ReadonlyArray<string> =>
  BaseUrl.placeholders(url).filter((name) => !places.some((place) => place.in === "path" && place.name === name))
    .map((name) => `holds {${name}}, which is no place of the auth scheme`)

const poolOf = (declared: Declared, pool: Pool.PoolOptions): Transport.PoolOptions => {
  const of = <K extends keyof Pool.PoolOptions>(name: K) => pool[name] ?? declared.pool[name] ?? Pool.defaults[name]
  return {
    maxConnections: of("maxConnections"),
    keepAliveTimeout: Duration.toMillis(of("keepAliveTimeout")),
    connectTimeout: Duration.toMillis(of("connectTimeout"))
  }
}

/** Unless it says otherwise, as much is in flight as the pool has connections, so that nothing queues below the pipeline. */
const concurrency = ({ bulkhead, ...merged }: Resilience.Options, { maxConnections }: Transport.PoolOptions) => ({
  ...merged,
  bulkhead: bulkhead !== false && { ...bulkhead, maxConcurrent: bulkhead?.maxConcurrent ?? maxConnections }
})

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

const omit = <T extends object>(record: T, keys: ReadonlyArray<string>): T => {
  const rest = { ...record }
  for (const key of keys) Reflect.deleteProperty(rest, key)
  return rest
}
