/** Everything that is wrong with an integration and its settings, found before anything of it is made or changed. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { memoize } from "effect/Function"
import type * as HttpApi from "effect/http-api/HttpApi"
import * as Schema from "effect/Schema"
import type * as Auth from "../../Auth.ts"
import { type InvalidOptions, type Problem, refuse } from "../../InvalidOptions.ts"
import * as Resilience from "../../Resilience.ts"
import type * as Transport from "../../Transport.ts"
import type { Compiled } from "../contract/compile.ts"
import { isValue } from "../headerSyntax.ts"
import * as Credentials from "../pipeline/credentials.ts"
import type { FallbackSettings } from "../settings/fallbacks.ts"
import { problemsOf } from "../settings/issue.ts"
import * as Pool from "../settings/pool.ts"
import { reserved } from "../settings/reserved.ts"
import * as BaseUrl from "./baseUrl.ts"
import * as Fallbacks from "./fallbacks.ts"
import * as Operation from "./operationOptions.ts"
import * as Policies from "./policies.ts"
import type { Shared } from "./shared.ts"

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

/** What an integration is made of. */
export interface Checked extends Pick<Shared, "answering" | "authenticator" | "fallbacks" | "optionsOf"> {
  readonly baseUrl: string
  readonly credentials: object
  readonly pool: Transport.PoolOptions
  /** Of the integration as a whole. */
  readonly merged: Policies.Settings
}

/** Fails with every problem at once. */
export const check = Effect.fnUntraced(function*(
  declared: Declared,
  operations: ReadonlyArray<Compiled>,
  settings: Settings
): Effect.fn.Return<Checked, InvalidOptions> {
  const { auth } = declared
  const baseUrl = settings.baseUrl ?? declared.baseUrl
  const { baseUrl: _, fallback = {}, pool: __, propagateTrace: ___, ...rest } = settings
  const configured = omit(rest, Object.keys(auth.settings))
  const resilience = Resilience.merge(declared.resilience, configured)
  const credentials = yield* Effect.result(
    Schema.decodeUnknownEffect(Schema.toType(Schema.Struct(auth.settings)), { errors: "all" })(settings)
  )
  const authenticator = credentials._tag === "Success" ? auth.authenticator(credentials.success) : {}
  const fallbacks = yield* Fallbacks.make(operations, declared.fallbacks, fallback)
  const wide = [
    ...Pool.validate({ ...declared.pool, ...settings.pool }).map(({ option, problem }) => ({
      option: `pool.${option}`,
      problem
    })),
    ...Resilience.validate(resilience)
  ]
  const anonymous = typeof authenticator === "function" && auth.audience === undefined
  const answering = new Set<string>()
  const optionsOf = Operation.optionsOf(declared.resilience, configured)
  const problemsWith = memoize(Resilience.validate)
  const own = operations.flatMap(({ operation }) => {
    const { name } = operation
    const options = optionsOf(operation)
    const chain = fallbacks.chains.get(name) ?? []
    if (Operation.isAnswering(operation, options, chain)) answering.add(name)
    return [...problemsWith(options), ...Operation.validate(operation, options, chain, anonymous)]
      // What is wrong with the whole is said once.
      .filter((one) => !wide.some(({ option, problem }) => one.option === option && one.problem === problem))
      .map(({ option, problem }) => ({ option: `${name}: ${option}`, problem }))
  })
  yield* refuse([
    ...named(declared, settings),
    ...located(baseUrl, auth),
    ...(credentials._tag === "Failure" ? problemsOf(credentials.failure.issue) : []),
    ...unsendable(authenticator),
    ...wide,
    // From settings that make no sense nothing follows.
    ...(wide.length > 0 ? [] : Policies.unreachable(withBulkhead(resilience, poolOf(declared, settings)))),
    ...fallbacks.problems,
    ...own
  ])
  const pool = poolOf(declared, settings)
  return {
    answering,
    authenticator,
    baseUrl: baseUrl!,
    credentials: credentials._tag === "Success" ? credentials.success : {},
    fallbacks: fallbacks.chains,
    merged: withBulkhead(resilience, pool),
    optionsOf,
    pool
  }
})

const named = ({ auth, userAgent }: Declared, settings: Settings): ReadonlyArray<Problem> => {
  const known = new Set<string>([...reserved, ...Object.keys(auth.settings)])
  return [
    ...Object.keys(settings).filter((key) => !known.has(key)).map((option) => ({
      option,
      problem: "is not an option"
    })),
    ...reserved.filter((name) => name in auth.settings).map((option) => ({
      option,
      problem: "is an option of every integration, so that the auth scheme must call its setting something else"
    })),
    ...(isValue(userAgent) && userAgent.trim() !== ""
      ? []
      : [{ option: "userAgent", problem: "must not be empty, and hold what a header may hold" }])
  ]
}

const located = (url: string | undefined, auth: Auth.Auth<any>): ReadonlyArray<Problem> => {
  const problem = url === undefined ? "is missing" : BaseUrl.problemOf(url)
  return (problem === undefined ? unfilled(url!, auth) : [problem]).map((problem) => ({ option: "baseUrl", problem }))
}

/** Placeholders that would be sent as they are. */
const unfilled = (url: string, { places }: Auth.Auth<any>): ReadonlyArray<string> =>
  BaseUrl.placeholders(url).filter((name) => !places.some((place) => place.in === "path" && place.name === name))
    .map((name) => `holds {${name}}, which is no place of the auth scheme`)

const unsendable = (authenticator: Auth.Authenticator): ReadonlyArray<Problem> => {
  const problem = typeof authenticator === "function" ? undefined : Credentials.problemOf(authenticator)
  return problem === undefined ? [] : [{ option: "auth", problem }]
}

const poolOf = (declared: Declared, { pool = {} }: Settings): Transport.PoolOptions => {
  const of = <K extends keyof Pool.PoolOptions>(name: K) => pool[name] ?? declared.pool[name] ?? Pool.defaults[name]
  return {
    maxConnections: of("maxConnections"),
    keepAliveTimeout: Duration.toMillis(of("keepAliveTimeout")),
    connectTimeout: Duration.toMillis(of("connectTimeout"))
  }
}

/** Unless it says otherwise, as much is in flight as the pool has connections, so that nothing queues below the pipeline. */
const withBulkhead = (
  { bulkhead, ...merged }: Resilience.Options,
  { maxConnections }: Transport.PoolOptions
): Policies.Settings => ({
  ...merged,
  bulkhead: bulkhead !== false && { ...bulkhead, maxConcurrent: bulkhead?.maxConcurrent ?? maxConnections }
})

const omit = <T extends object>(record: T, keys: ReadonlyArray<string>): T => {
  const rest = { ...record }
  for (const key of keys) Reflect.deleteProperty(rest, key)
  return rest
}
