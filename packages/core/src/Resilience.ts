/**
 * THE pipeline: its order with the reason of each position, its settings with their defaults, what contradicts what, and
 * what a set of settings amounts to.
 *
 * @example
 * console.log(Resilience.explain({ totalTimeout: "5 seconds", retry: { maxRetries: 2 } }).text)
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { atLeast, type Check, millis, positive, problems as collect, unless } from "./internal/checks.ts"
import * as BreakerOptions from "./internal/circuit/options.ts"
import { isToken } from "./internal/headerSyntax.ts"
import * as RetryOptions from "./internal/retry/options.ts"
import * as Pool from "./internal/settings/pool.ts"
import * as Repeats from "./internal/settings/repeats.ts"
import * as Timeouts from "./internal/settings/timeouts.ts"
import { InvalidOptions, type Problem } from "./InvalidOptions.ts"
import type * as Outcome from "./Outcome.ts"
import * as Bulkhead from "./policy/Bulkhead.ts"
import * as Cache from "./policy/Cache.ts"
import * as CircuitBreaker from "./policy/CircuitBreaker.ts"
import * as Hedge from "./policy/Hedge.ts"
import * as RateLimit from "./policy/RateLimit.ts"
import * as Retry from "./policy/Retry.ts"

/** The order, the outermost first. What is not listed with a setting is always on, or comes with its own policy. */
export const order = [
  { position: 1, name: "telemetry", scope: "call", reason: "sees the final answer, whatever produced it" },
  { position: 2, name: "fallback", scope: "call", reason: "inside retry it would make retry unreachable" },
  { position: 3, name: "cache, coalesce", scope: "call", reason: "a hit takes no permit; failures are never stored" },
  { position: 4, name: "total timeout", scope: "call", reason: "bounds waiting, retries and queueing together" },
  {
    position: 5,
    name: "retry or hedge",
    scope: "call",
    reason: "above what picks an endpoint, so that each attempt picks anew"
  },
  { position: 6, name: "endpoint", scope: "attempt", reason: "prefers one that was not tried yet" },
  {
    position: 7,
    name: "circuit check",
    scope: "attempt",
    reason: "an open circuit refuses before a token or a permit is taken"
  },
  {
    position: 8,
    name: "rate limit",
    scope: "attempt",
    reason: "the remote counts requests, so each attempt takes a token"
  },
  { position: 9, name: "bulkhead", scope: "attempt", reason: "one permit per attempt, none held while backing off" },
  {
    position: 10,
    name: "circuit breaker",
    scope: "attempt",
    reason: "judges the remote alone: refusals above are neutral"
  },
  {
    position: 11,
    name: "attempt timeout",
    scope: "attempt",
    reason: "connect, headers and body; never more than is left"
  },
  { position: 12, name: "auth", scope: "attempt", reason: "as fresh as the attempt, after every wait" },
  {
    position: 13,
    name: "faults, recording",
    scope: "attempt",
    reason: "nearest to the wire, so that all above is exercised"
  },
  { position: 14, name: "transport", scope: "attempt", reason: "encode, send, read, decode are one attempt" }
] as const

/** Settings of one operation. Absent: what the next wider scope says, at last the default. */
export interface OperationOptions {
  /** One attempt, connect to the last byte of the body: positive, less than `totalTimeout`. Default 10 seconds, or the total. */
  readonly attemptTimeout?: Duration.Input | undefined
  /** The whole call, waits and retries included: positive, finite. Default 30 seconds. */
  readonly totalTimeout?: Duration.Input | undefined
  /** `false`: no retries. The budget is set for the integration as a whole. */
  readonly retry?: false | Omit<Retry.Options, "budget"> | undefined
  /**
   * Makes another attempt while the first has not answered, in place of retries: one call has one or the other, and both
   * are paid from the same budget. Only for what may be sent twice: other calls are retried as if it were absent, that is
   * where nothing was sent. Absent or `false`: none.
   */
  readonly hedge?: false | Hedge.Options | undefined
  /**
   * Keeps answers. Absent or `false`: none are kept. For GET, HEAD, OPTIONS and QUERY, and for what is `idempotent` by its
   * own settings; not for streams. One of the scopes has to say `ttl`. At a call site it can be switched off alone.
   */
  readonly cache?: false | Partial<CacheOptions> | undefined
  /** Whether equal calls at the same time are one: default false. For what `cache` is for. */
  readonly coalesce?: boolean | undefined
  /** Whether sending twice does what sending once does. Default: by the method (RFC 9110 section 9.2.2). */
  readonly idempotent?: boolean | undefined
  /**
   * Sends a key, the same on every attempt of a call and new for each call, so that the remote recognises a repetition:
   * `true` for the header `Idempotency-Key`, or another header. Makes the operation repeatable. Default `false`. A key of
   * the caller's own comes with `withIdempotencyKey`.
   */
  readonly idempotencyKey?: boolean | { readonly header: string } | undefined
  /** How long a stream that was handed out may go without a chunk: positive, finite. Default: `attemptTimeout`. */
  readonly idleTimeout?: Duration.Input | undefined
  /**
   * How long a stream may go on, from when it was handed out: positive, finite. Default: as long as chunks come. It never
   * outlives a deadline that the caller inherits.
   */
  readonly streamTimeout?: Duration.Input | undefined
  /** The largest body sent, in bytes, at least 1: default 10 MiB. A stream is not counted. */
  readonly maxRequestBytes?: number | undefined
  /** The largest answer, in bytes after decompression, at least 1: default 10 MiB. A stream is not counted. */
  readonly maxResponseBytes?: number | undefined
  /** Decides the outcomes it knows; the default classifier decides the rest. */
  readonly classify?: Outcome.Classifier | undefined
}

/** How answers are kept, and how long. */
export interface CacheOptions extends Cache.Options {
  /**
   * Whether the headers of an answer decide (`Cache-Control`, `Expires`, `Age`, `ETag`, `Last-Modified`), and the times
   * above only where they are silent: default false. What has become stale is then asked for with its validator, and a 304
   * makes it fresh again.
   */
  readonly cacheControl?: boolean | undefined
}

/** Settings of an integration. */
export interface Options extends Omit<OperationOptions, "retry"> {
  readonly retry?: false | Retry.Options | undefined
  /** `false`: no circuit breaker. Default: 5 failures in a row open it for 30 seconds. */
  readonly breaker?: false | CircuitBreaker.Options | undefined
  /** A limit and a window, and how to wait. Absent or `false`: no limiter, and the remote's hints pace retries alone. */
  readonly rateLimit?: false | Partial<RateLimit.Options> | undefined
  /** `false`: no bound. Default: as many at once as the pool has connections, and 1,000 waiting. */
  readonly bulkhead?: false | Partial<Bulkhead.Options> | undefined
  /** The header that tells the remote how many milliseconds an attempt has left. Absent: none is sent. */
  readonly deadlineHeader?: string | undefined
}

/** Settings of an API, a group or an endpoint of a contract, as an annotation. Wider scopes are merged field by field. */
export class Settings extends Context.Service<Settings, OperationOptions>()("switchboard/Resilience/Settings") {}

/**
 * Settings that every integration built below it starts from, before its own definition: one place for a whole program.
 *
 * @example
 * program.pipe(Effect.provide(integrations.pipe(Layer.provide(Resilience.layerDefaults({ totalTimeout: "15 seconds" })))))
 */
export const CurrentDefaults: Context.Reference<Options> = Context.Reference<Options>(
  "switchboard/Resilience/CurrentDefaults",
  { defaultValue: () => ({}) }
)

/** Provides `CurrentDefaults`. */
export const layerDefaults = (options: Options): Layer.Layer<never> => Layer.succeed(CurrentDefaults, options)

/** What is asked for at a call site. */
export interface CallOptions {
  /** They win over all others. */
  readonly settings?: OperationOptions | undefined
  /** The caller's own idempotency key. */
  readonly idempotencyKey?: string | undefined
}

/** Set by `withOptions` and `withIdempotencyKey`. What a call does in turn, such as asking for a token, sees none of it. */
export const CurrentOptions: Context.Reference<CallOptions | undefined> = Context.Reference<CallOptions | undefined>(
  "switchboard/Resilience/CurrentOptions",
  { defaultValue: () => undefined }
)

/**
 * Calls inside the effect are made with these settings.
 *
 * @example
 * payments.charges.get({ params: { id } }).pipe(Resilience.withOptions({ totalTimeout: "1 second" }))
 */
export const withOptions =
  (options: OperationOptions) => <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.updateService(self, CurrentOptions, (outer) => ({
      ...outer,
      settings: outer?.settings === undefined ? options : merge<OperationOptions>(outer.settings, options)
    }))

/**
 * The call inside the effect carries this idempotency key on every attempt, and so may be repeated: in the header of the
 * operation's `idempotencyKey`, by default `Idempotency-Key`. One key belongs to one thing to do: of two different calls
 * with the same key, the remote may refuse the second, or take it for the first. A key that no header can hold fails the
 * call with `InvalidRequest`.
 *
 * @example
 * payments.charges.create({ payload }).pipe(Resilience.withIdempotencyKey(order.id))
 */
export const withIdempotencyKey = (value: string) => <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.updateService(self, CurrentOptions, (outer) => ({ ...outer, idempotencyKey: value }))

/**
 * Field by field, those of `retry`, `breaker`, `rateLimit`, `bulkhead`, `hedge` and `cache` included; what is defined later
 * wins. A narrower total timeout alone takes the place of a wider scope's attempt timeout that does not fit into it. Of
 * `retry` and `hedge` the one asked for last applies, as long as it is not switched off; a budget alone asks for neither.
 */
export const merge = <O extends Options>(...layers: ReadonlyArray<O | undefined>): O => {
  const merged: Record<string, unknown> = {}
  for (const layer of layers) {
    if (layer?.totalTimeout !== undefined && !Timeouts.fits(merged, layer.totalTimeout)) delete merged["attemptTimeout"]
    const repeats = Repeats.latestOf(merged, layer ?? {})
    for (const [name, value] of Object.entries(layer ?? {})) {
      if (value === undefined) continue
      const outer = merged[name]
      merged[name] = sections.has(name) && Repeats.isSection(value) && Repeats.isSection(outer)
        ? { ...outer, ...defined(value) }
        : value
    }
    Repeats.note(merged, repeats)
  }
  // Every field is one of `O`, by name and by type.
  return merged as unknown as O
}

const sections = new Set(["retry", "breaker", "rateLimit", "bulkhead", "hedge", "cache"])
const defined = (section: object): object =>
  Object.fromEntries(Object.entries(section).filter(([, value]) => value !== undefined))

export const defaults = {
  ...Timeouts.defaults,
  maxRequestBytes: 10 * 1024 * 1024,
  maxResponseBytes: 10 * 1024 * 1024
} as const

/** What is wrong with merged settings. Whether an operation that keeps answers knows how long is another question. */
export const validate = (options: Options): ReadonlyArray<Problem> => {
  const { attemptTimeout, maxRequestBytes, maxResponseBytes, totalTimeout } = options
  const total = totalTimeout ?? defaults.totalTimeout
  return [
    ...collect(
      positive("attemptTimeout", attemptTimeout),
      positive("totalTimeout", totalTimeout),
      positive("idleTimeout", options.idleTimeout),
      positive("streamTimeout", options.streamTimeout),
      unless(
        Timeouts.fits(options, total) || !(millis(total) > 0),
        "attemptTimeout",
        `must be shorter than totalTimeout, which is ${Duration.format(Duration.millis(millis(total)))}`
      ),
      atLeast(1, "maxRequestBytes", maxRequestBytes),
      atLeast(1, "maxResponseBytes", maxResponseBytes),
      keyProblem(options.idempotencyKey),
      unless(
        !Repeats.contradict(options),
        "hedge",
        "must not stand beside retry, because a call is repeated one way or the other"
      ),
      unless(
        options.deadlineHeader === undefined || isToken(options.deadlineHeader),
        "deadlineHeader",
        "must be a header name"
      )
    ),
    ...within("retry", options.retry, Retry.validate),
    ...within("hedge", options.hedge, Hedge.validate),
    ...within("cache", options.cache, Cache.validate),
    ...within("breaker", options.breaker, CircuitBreaker.validate),
    ...within("rateLimit", options.rateLimit, RateLimit.validate),
    ...within("bulkhead", options.bulkhead, Bulkhead.validate)
  ]
}

const within = <O>(section: string, options: false | O | undefined, check: (options: O) => ReadonlyArray<Problem>) =>
  options === false || options === undefined
    ? []
    : typeof options !== "object"
    ? [{ option: section, problem: "must be false, or options by name" }]
    : check(options).map(({ option, problem }) => ({ option: `${section}.${option}`, problem }))

/** A key itself in the place of its header is a mistake that would send every call with no key, or with one for all. */
const keyProblem = (key: OperationOptions["idempotencyKey"]): Check => {
  if (key === undefined || typeof key === "boolean") return undefined
  return typeof key !== "object" || typeof key?.header !== "string"
    ? {
      option: "idempotencyKey",
      problem: "must be true, false or { header }; a key itself goes to withIdempotencyKey"
    }
    : unless(isToken(key.header), "idempotencyKey.header", "must be a header name")
}

/** What settings amount to. */
export interface Explanation {
  /** The positions that these settings fill, the outermost first. */
  readonly order: ReadonlyArray<string>
  /** The longest a call can take, fallbacks aside: each has a `timeout` of its own. */
  readonly worstCase: Duration.Duration
  /** The most requests one call can send, where it may be repeated. */
  readonly maxRequests: number
  readonly text: string
}

/**
 * Order, worst-case time and most requests of merged settings. Throws a `RangeError` that lists what is wrong with them.
 */
export const explain = (
  options: Options & { readonly pool?: Pool.PoolOptions | undefined } = {}
): Explanation => {
  const { breaker, bulkhead, cache, pool = {}, rateLimit, retry } = options
  const problems = [...validate(options), ...within("pool", pool, Pool.validate)]
  if (problems.length > 0) throw new RangeError(new InvalidOptions({ problems }).message)
  const { attempt, total } = Timeouts.timeoutsOf(options)
  const hedge = Repeats.hedgeOf(options)
  const repeats = hedge
    ? hedge.maxHedges ?? 1
    : retry === false
    ? 0
    : RetryOptions.settingsOf(retry ?? {}).maxRetries
  const shared = [
    ...(cache ? [cache.ttl === undefined ? "answers kept" : `answers kept for ${shown(millis(cache.ttl))}`] : []),
    ...(options.coalesce === true ? ["equal calls are one"] : [])
  ]
  const concurrent = bulkhead === false
    ? undefined
    : bulkhead?.maxConcurrent ?? pool.maxConnections ?? Pool.defaults.maxConnections
  const details: Partial<Record<string, string>> = {
    "telemetry": "spans, metrics, events",
    "total timeout": shown(total),
    "cache, coalesce": shared.length === 0 ? undefined : shared.join(", "),
    "retry or hedge": repeats === 0
      ? undefined
      : `${hedge ? "hedges" : "retries"}: ${repeats} at the most, if the operation may be repeated`,
    "circuit check": breaker === false ? undefined : "before anything is taken",
    "rate limit": rateLimit ? `${rateLimit.limit} per ${shown(millis(rateLimit.window ?? 0))}` : undefined,
    "bulkhead": concurrent === undefined
      ? undefined
      : `${bulkhead && bulkhead.adaptive !== undefined ? "up to " : ""}${concurrent} at once`,
    "circuit breaker": breaker === false ? undefined : breakerText(breaker ?? {}),
    "attempt timeout": shown(attempt),
    "auth": "attached",
    "transport": `answers up to ${options.maxResponseBytes ?? defaults.maxResponseBytes} bytes`
  }
  const filled = order.filter(({ name }) => details[name] !== undefined)
  const width = Math.max(...filled.map(({ name }) => details[name]!.length))
  const lines = filled.map(({ name, position, reason }) =>
    `${String(position).padStart(2)}  ${name.padEnd(16)} ${details[name]!.padEnd(width)} ${reason}`
  )
  return {
    order: filled.map(({ name }) => name),
    worstCase: Duration.millis(total),
    maxRequests: repeats + 1,
    text: [...lines, `worst case ${shown(total)}, at most ${repeats + 1} requests per call`].join("\n")
  }
}

const shown = (millis: number): string => Duration.format(Duration.millis(millis))

const breakerText = (options: CircuitBreaker.Options): string => {
  const { failureRate, failureThreshold, mode, slowCalls } = BreakerOptions.settingsOf(options, undefined)
  const trips = [
    ...(failureThreshold === Infinity ? [] : [`${failureThreshold} failures in a row`]),
    ...(failureRate === undefined ? [] : [`${failureRate.threshold * 100} % failures`]),
    ...(slowCalls === undefined ? [] : [`${slowCalls.threshold * 100} % calls over ${shown(slowCalls.duration)}`])
  ].join(" or ")
  if (mode === "disabled") return "disabled"
  return mode === "enforce" ? `opens at ${trips}` : `only tells of ${trips}`
}
