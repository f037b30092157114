/**
 * The settings of an integration as one Schema: from code, JSON, YAML or the environment, with ranges checked, every problem
 * reported at once by the option's name, and unknown keys refused. A secret never stands in a message.
 *
 * @example
 * const definition = yield* Definition.decode(Yaml.parse(text))
 * program.pipe(Effect.provide(Payments.layerDefinition(definition)))
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaTransformation from "effect/SchemaTransformation"
import * as Auth from "./Auth.ts"
import { isToken, token } from "./internal/headerSyntax.ts"
import * as BaseUrl from "./internal/integration/baseUrl.ts"
import * as Fallbacks from "./internal/settings/fallbacks.ts"
import { problemsOf } from "./internal/settings/issue.ts"
import * as Pool from "./internal/settings/pool.ts"
import { nested, option, section, strict, switchable, type Validate, whole } from "./internal/settings/section.ts"
import { InvalidOptions } from "./InvalidOptions.ts"
import * as Bulkhead from "./policy/Bulkhead.ts"
import * as Cache from "./policy/Cache.ts"
import * as CircuitBreaker from "./policy/CircuitBreaker.ts"
import * as Hedge from "./policy/Hedge.ts"
import * as RateLimit from "./policy/RateLimit.ts"
import * as Retry from "./policy/Retry.ts"
import * as Resilience from "./Resilience.ts"

export type { PoolOptions } from "./internal/settings/pool.ts"

const expectedDuration = "a duration such as \"10 seconds\""

/** A number and a unit. The cast: whatever a text holds, `fromInput` says whether it is a duration. */
const DurationString = Schema.String.annotate({ message: `must be ${expectedDuration}` }).pipe(
  Schema.decodeTo(
    Schema.Duration,
    SchemaTransformation.transformEffect<Duration.Duration, string>({
      decode: (text) =>
        Option.match(Duration.fromInput(text as Duration.Input), {
          onNone: () => Effect.fail(new SchemaIssue.InvalidValue({ expected: expectedDuration })),
          onSome: Effect.succeed
        }),
      encode: (duration) => Effect.succeed(`${Duration.toMillis(duration)} millis`)
    })
  )
)

/** Waits, number and budget of retries: the options of `Retry` that are data. */
export const RetrySettings = section(Retry.validate, {
  maxRetries: Schema.Finite,
  baseDelay: DurationString,
  factor: Schema.Finite,
  maxDelay: DurationString,
  jitter: Schema.Literals(["full", "equal", "none"]),
  retryAfter: Schema.Boolean,
  maxRetryAfter: DurationString,
  budget: section((budget) => nested("budget", Retry.validate({ budget })), {
    ratio: Schema.Finite,
    minPerSecond: Schema.Finite,
    ttl: DurationString
  })
})

// Options that contradict each other are refused here where they stand beside each other. Whether one contradicts what
// another scope says, or a default, is known when a layer is built.
const validateBreaker: Validate = (options) =>
  CircuitBreaker.validate({ halfOpenMaxCalls: Infinity, ...options })
    .filter(({ option }) => option !== "halfOpenMaxCalls" || option in options)
const validateTimeouts: Validate = (options) =>
  Resilience.validate({ totalTimeout: Infinity, ...options }).filter(({ option }) => option === "attemptTimeout")

/** The options of `CircuitBreaker` that are data. */
export const BreakerSettings = section(validateBreaker, {
  failureThreshold: Schema.Finite,
  failureRate: Schema.Struct({ threshold: Schema.Finite, window: DurationString, minimumCalls: Schema.Finite })
    .check(
      whole((failureRate) =>
        nested("failureRate", CircuitBreaker.validate({ failureRate: failureRate as CircuitBreaker.FailureRate }))
      )
    )
    .annotate(strict),
  slowCalls: Schema.Struct({
    duration: DurationString,
    threshold: Schema.Finite,
    window: DurationString,
    minimumCalls: Schema.Finite
  })
    .check(
      whole((slowCalls) =>
        nested("slowCalls", CircuitBreaker.validate({ slowCalls: slowCalls as CircuitBreaker.SlowCalls }))
      )
    )
    .annotate(strict),
  resetTimeout: DurationString,
  resetFactor: Schema.Finite,
  maxResetTimeout: DurationString,
  halfOpenMaxCalls: Schema.Finite,
  successThreshold: Schema.Finite,
  halfOpenTimeout: DurationString,
  mode: Schema.Literals(["enforce", "metrics-only", "disabled"])
})

// Limit and window may come from different scopes; whether both are there is known when a layer is built.
const validateRateLimit: Validate = (options) => RateLimit.validate({ limit: 1, window: "1 minute", ...options })

/** The options of `RateLimit`. */
export const RateLimitSettings = section(validateRateLimit, {
  algorithm: Schema.Literals(["token-bucket", "fixed-window", "sliding-window"]),
  limit: Schema.Finite,
  window: DurationString,
  burst: Schema.Finite,
  adaptive: Schema.Boolean,
  maxWait: DurationString,
  maxQueue: Schema.Finite,
  maxHintDelay: DurationString,
  hintHeaders: section((hintHeaders) => nested("hintHeaders", validateRateLimit({ hintHeaders })), {
    limit: Schema.String,
    remaining: Schema.String,
    reset: Schema.String,
    resetUnit: Schema.Literals(["millis", "seconds"])
  })
})

/** The options of `Bulkhead`. */
export const BulkheadSettings = section(Bulkhead.validate, {
  maxConcurrent: Schema.Finite,
  maxQueue: Schema.Finite,
  adaptive: section((adaptive) => nested("adaptive", Bulkhead.validate({ adaptive })), {
    minConcurrent: Schema.Finite,
    initial: Schema.Finite,
    tolerance: Schema.Finite
  })
})

/** The options of `Hedge`. */
export const HedgeSettings = section(Hedge.validate, {
  delay: Schema.Union([
    DurationString,
    Schema.Struct({
      percentile: Schema.Finite,
      minimumCalls: Schema.optionalKey(Schema.Finite),
      window: Schema.optionalKey(DurationString)
    }).check(whole((delay) => nested("delay", Hedge.validate({ delay: delay as Hedge.Percentile })))).annotate(strict)
  ]),
  maxHedges: Schema.Finite
})

// How long answers are fresh may be said in a wider scope.
const validateCache: Validate = (options) => Cache.validate(options)

/** The options of `Cache`, and whether the headers of an answer decide. */
export const CacheSettings = section(validateCache, {
  ttl: DurationString,
  staleWhileRevalidate: DurationString,
  staleIfError: DurationString,
  capacity: Schema.Finite,
  cacheControl: Schema.Boolean
})

/** The connections of an integration. */
export const PoolSettings = section(Pool.validate, {
  maxConnections: Schema.Finite,
  keepAliveTimeout: DurationString,
  connectTimeout: DurationString
})

/** An absolute URL over HTTP or HTTPS, without credentials, query or fragment. */
export const BaseUrlString = Schema.String.check(Schema.makeFilter(BaseUrl.problemOf))

/** What every integration can be told, whatever its contract and its auth. */
export const fields = {
  /** One attempt: positive, less than `totalTimeout`; default 10 seconds, or the total. */
  attemptTimeout: option(validateTimeouts, "attemptTimeout", DurationString),
  /** The whole call: positive; default 30 seconds. */
  totalTimeout: option(Resilience.validate, "totalTimeout", DurationString),
  /** How long a stream may go without a chunk: positive; default `attemptTimeout`. */
  idleTimeout: option(Resilience.validate, "idleTimeout", DurationString),
  /** How long a stream may go on: positive; default: as long as chunks come. */
  streamTimeout: option(Resilience.validate, "streamTimeout", DurationString),
  /** The largest body sent in bytes, at least 1; default 10 MiB. */
  maxRequestBytes: option(Resilience.validate, "maxRequestBytes", Schema.Finite),
  /** The largest answer in bytes, at least 1; default 10 MiB. */
  maxResponseBytes: option(Resilience.validate, "maxResponseBytes", Schema.Finite),
  /** `false`: no retries. */
  retry: Schema.optionalKey(switchable(RetrySettings)),
  /** In place of retries. */
  hedge: Schema.optionalKey(switchable(HedgeSettings)),
  /** Of GET, HEAD, OPTIONS and QUERY. */
  cache: Schema.optionalKey(switchable(CacheSettings)),
  coalesce: Schema.optionalKey(Schema.Boolean),
  /** By operation, such as `menu.list`: a chain of values and last good answers, in place of that of the class. */
  fallback: Schema.optionalKey(Fallbacks.make(DurationString)),
  /** `false`: no circuit breaker. */
  breaker: Schema.optionalKey(switchable(BreakerSettings)),
  /** `false`: no bound. */
  rateLimit: Schema.optionalKey(switchable(RateLimitSettings)),
  bulkhead: Schema.optionalKey(switchable(BulkheadSettings)),
  pool: Schema.optionalKey(PoolSettings),
  /** The header that tells the remote how many milliseconds an attempt has left. */
  deadlineHeader: option(Resilience.validate, "deadlineHeader", Schema.String),
  /** Whether W3C trace context is sent to the remote; default false. */
  propagateTrace: Schema.optionalKey(Schema.Boolean)
} as const

/** The settings of one integration: what its auth needs, the fields above, and a base URL, unless the class has one. */
export const settings = <const Fields extends Schema.Struct.Fields>(
  auth: Auth.Auth<Fields>,
  classBaseUrl?: string | undefined
) =>
  Schema.Struct({
    baseUrl: classBaseUrl === undefined ? BaseUrlString : Schema.optionalKey(BaseUrlString),
    ...auth.settings,
    ...fields
  })
    .check(whole(validateTimeouts))
    .annotate(strict)

const Token = Schema.String.check(
  Schema.isPattern(token, { expected: "letters, digits and - . _ without spaces" })
)

/** A whole integration, less its contract. */
export const Definition = Schema.Struct({
  /** What the remote sees in `User-Agent`, with the version: a token of RFC 9110 section 5.6.2. */
  name: Token,
  version: Schema.optionalKey(Token),
  baseUrl: BaseUrlString,
  authentication: Auth.Authentication,
  ...fields
}).check(whole(validateTimeouts)).annotate(strict)
export type Definition = typeof Definition.Type

/** Decodes what a JSON or YAML document holds; fails with every problem at once. */
export const decode = (input: unknown): Effect.Effect<Definition, InvalidOptions> => {
  const name = Predicate.hasProperty(input, "name") ? input.name : undefined
  return decodeWith(Definition, typeof name === "string" && isToken(name) ? name : undefined)(input)
}

/** The same for any settings; whose they are stands in the error. */
export const decodeWith = <S extends Schema.Constraint>(schema: S, subject?: string | undefined) => {
  // Settings are decoded without services.
  const decode = Schema.decodeUnknownEffect(schema as S & Schema.Decoder<S["Type"]>, strict.parseOptions)
  return (input: unknown): Effect.Effect<S["Type"], InvalidOptions> =>
    Effect.mapError(decode(input), ({ issue }) => InvalidOptions.of(problemsOf(issue), subject))
}
