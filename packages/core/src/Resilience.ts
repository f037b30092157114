/**
 * THE pipeline: its order with the reason of each position, its settings with their defaults, what contradicts what, and
 * what a set of settings amounts to.
 *
 * @example
 * console.log(Resilience.explain({ totalTimeout: "5 seconds", retry: { maxRetries: 2 } }).text)
 */
import type * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { Reason } from "./IntegrationError.ts"
import { atLeast, millis, positive, problems as collect, unless } from "./internal/checks.ts"
import * as DeadlineLists from "./internal/deadlineLists.ts"
import type { Plan } from "./internal/pipeline/run.ts"
import { type InvalidOptions, type Problem, refuse } from "./InvalidOptions.ts"
import type * as Outcome from "./Outcome.ts"
import type * as Policy from "./Policy.ts"
import * as Bulkhead from "./policy/Bulkhead.ts"
import * as CircuitBreaker from "./policy/CircuitBreaker.ts"
import * as Retry from "./policy/Retry.ts"
import type { Stores } from "./Stores.ts"

/** The order, the outermost first. What is not listed with a setting is always on, or comes with its own policy. */
export const order = [
  { position: 1, name: "telemetry", scope: "call", reason: "sees the final answer, whatever produced it" },
  { position: 2, name: "fallback", scope: "call", reason: "inside retry it would make retry unreachable" },
  { position: 3, name: "cache, coalesce", scope: "call", reason: "a hit takes no permit; failures are never stored" },
  { position: 4, name: "total timeout", scope: "call", reason: "bounds waiting, retries and queueing together" },
  {
    position: 5,
    name: "retry",
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
  /** Whether sending twice does what sending once does. Default: by the method (RFC 9110 section 9.2.2). */
  readonly idempotent?: boolean | undefined
  /**
   * Sends a key, the same on every attempt of a call, so that the remote recognises a repetition: `true` for the header
   * `Idempotency-Key`, or the name of another header. Makes the operation repeatable. Default `false`.
   */
  readonly idempotencyKey?: boolean | string | undefined
  /** The largest body sent, in bytes, at least 1: default 10 MiB. A stream is not counted. */
  readonly maxRequestBytes?: number | undefined
  /** The largest answer, in bytes after decompression, at least 1: default 10 MiB. A stream is not counted. */
  readonly maxResponseBytes?: number | undefined
  /** Decides the outcomes it knows; the default classifier decides the rest. */
  readonly classify?: Outcome.Classifier | undefined
}

/** Settings of an integration. */
export interface Options extends Omit<OperationOptions, "retry"> {
  readonly retry?: false | Retry.Options | undefined
  /** `false`: no circuit breaker. Default: 5 failures in a row open it for 30 seconds. */
  readonly breaker?: false | CircuitBreaker.Options | undefined
  /** `false`: no bound. Default: as many at once as the pool has connections, and 1,000 waiting. */
  readonly bulkhead?: false | Partial<Bulkhead.Options> | undefined
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

/** Settings given at a call site; they win over all others. */
export const CurrentOptions: Context.Reference<OperationOptions | undefined> = Context.Reference<
  OperationOptions | undefined
>("switchboard/Resilience/CurrentOptions", { defaultValue: () => undefined })

/**
 * Calls inside the effect are made with these settings.
 *
 * @example
 * payments.charges.get({ params: { id } }).pipe(Resilience.withOptions({ totalTimeout: "1 second" }))
 */
export const withOptions =
  (options: OperationOptions) => <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.updateService(
      self,
      CurrentOptions,
      (outer) => outer === undefined ? options : merge<OperationOptions>(outer, options)
    )

/**
 * Field by field, `retry`, `breaker` and `bulkhead` included; what is defined later wins. A narrower total timeout alone
 * takes the place of a wider scope's attempt timeout that does not fit into it.
 */
export const merge = <O extends Options>(...layers: ReadonlyArray<O | undefined>): O => {
  const merged: Record<string, unknown> = {}
  for (const layer of layers) {
    if (layer?.totalTimeout !== undefined && !fits(merged, layer.totalTimeout)) delete merged["attemptTimeout"]
    for (const [name, value] of Object.entries(layer ?? {})) {
      if (value === undefined) continue
      const outer = merged[name]
      merged[name] = sections.has(name) && isSection(value) && isSection(outer)
        ? { ...outer, ...defined(value) }
        : value
    }
  }
  // Every field is one of `O`, by name and by type.
  return merged as unknown as O
}

const fits = ({ attemptTimeout }: OperationOptions, total: Duration.Input): boolean =>
  attemptTimeout === undefined || millis(attemptTimeout) < millis(total)

const sections = new Set(["retry", "breaker", "bulkhead"])
const isSection = (value: unknown): value is object => typeof value === "object" && value !== null
const defined = (section: object): object =>
  Object.fromEntries(Object.entries(section).filter(([, value]) => value !== undefined))

export const defaults = {
  attemptTimeout: Duration.seconds(10),
  totalTimeout: Duration.seconds(30),
  maxRequestBytes: 10 * 1024 * 1024,
  maxResponseBytes: 10 * 1024 * 1024
} as const

/** What is wrong with merged settings. */
export const validate = (options: Options): ReadonlyArray<Problem> => {
  const { attemptTimeout, maxRequestBytes, maxResponseBytes, totalTimeout } = options
  const total = totalTimeout ?? defaults.totalTimeout
  return [
    ...collect(
      positive("attemptTimeout", attemptTimeout),
      positive("totalTimeout", totalTimeout),
      unless(
        fits(options, total) || !(millis(total) > 0),
        "attemptTimeout",
        `must be shorter than totalTimeout, which is ${Duration.format(Duration.millis(millis(total)))}`
      ),
      atLeast(1, "maxRequestBytes", maxRequestBytes),
      atLeast(1, "maxResponseBytes", maxResponseBytes),
      unless(
        typeof options.idempotencyKey !== "string" || /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(options.idempotencyKey),
        "idempotencyKey",
        "must be a header name"
      )
    ),
    ...within("retry", options.retry, Retry.validate),
    ...within("breaker", options.breaker, CircuitBreaker.validate),
    ...within("bulkhead", options.bulkhead, Bulkhead.validate)
  ]
}

const within = <O>(section: string, options: false | O | undefined, check: (options: O) => ReadonlyArray<Problem>) =>
  options === false || options === undefined
    ? []
    : check(options).map(({ option, problem }) => ({ option: `${section}.${option}`, problem }))

const timeoutsOf = (options: OperationOptions): { readonly attempt: number; readonly total: number } => {
  const total = millis(options.totalTimeout ?? defaults.totalTimeout)
  return { attempt: Math.min(millis(options.attemptTimeout ?? defaults.attemptTimeout), total), total }
}

const idempotentMethods = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "QUERY", "TRACE"])

/** Whether an operation may be sent again. */
export const isRepeatable = (options: OperationOptions, method: string): boolean =>
  options.idempotent ?? (keyHeaderOf(options) !== undefined || idempotentMethods.has(method))

/** The header of an operation's idempotency key, in lower case, if it has one. */
export const keyHeaderOf = ({ idempotencyKey }: OperationOptions): string | undefined =>
  idempotencyKey === true ? "idempotency-key" : idempotencyKey === false ? undefined : idempotencyKey?.toLowerCase()

/** Settings that an annotation gives, if it gives some. */
export const settingsOf = (annotations: Context.Context<never>): OperationOptions =>
  Context.getOrUndefined(annotations, Settings) ?? {}

/** Retries asked for at an operation that may not be sent twice are a contradiction. */
export const validateOperation = (
  method: string,
  own: OperationOptions | undefined,
  merged: OperationOptions
): ReadonlyArray<Problem> =>
  collect(unless(
    !own?.retry || own.retry.maxRetries === 0 || isRepeatable(merged, method),
    "retry",
    `needs idempotencyKey or idempotent, because a ${method} may not be sent twice`
  ))

/** The policies of one integration. */
export interface Resilience {
  readonly breaker: CircuitBreaker.CircuitBreaker | undefined
  readonly bulkhead: Bulkhead.Bulkhead | undefined
  /** What the merged settings of one operation amount to. */
  readonly plan: (options: OperationOptions, method: string) => Effect.Effect<Plan, InvalidOptions, Stores>
}

/** The policies of the integration of that name. `onTransition` is told of its circuit. */
export const make = Effect.fnUntraced(function*(
  name: string,
  options: Options,
  onTransition?: (transition: CircuitBreaker.Transition) => void
): Effect.fn.Return<Resilience, InvalidOptions, Stores | Scope.Scope> {
  yield* refuse(validate(options))
  const breaker = options.breaker === false
    ? undefined
    : yield* CircuitBreaker.make({ ...options.breaker, name, onTransition })
  const bulkhead = options.bulkhead === false
    ? undefined
    : yield* Bulkhead.make({ maxConcurrent: defaultConcurrency, ...defined(options.bulkhead ?? {}) })
  // Positions 7 to 10.
  const gates: ReadonlyArray<Policy.Gate<Reason>> = [breaker?.check, bulkhead?.gate, breaker?.gate]
    .filter((gate) => gate !== undefined)
  const budget = options.retry === false ? undefined : options.retry?.budget
  const deadlines = yield* DeadlineLists.make
  const plan = Effect.fnUntraced(function*(
    own: OperationOptions,
    method: string
  ): Effect.fn.Return<Plan, InvalidOptions, Stores> {
    yield* refuse(validate(own))
    const { attempt, total } = timeoutsOf(own)
    const retry = own.retry === false ? { maxRetries: 0 } : own.retry
    return {
      attemptTimeout: attempt,
      totalTimeout: total,
      repeatable: isRepeatable(own, method),
      keyHeader: keyHeaderOf(own),
      classify: own.classify,
      maxRequestBytes: own.maxRequestBytes ?? defaults.maxRequestBytes,
      maxResponseBytes: own.maxResponseBytes ?? defaults.maxResponseBytes,
      retry: yield* Retry.make({ ...retry, budget, name }),
      gates,
      deadlines: (clock: Clock.Clock) => deadlines(clock, attempt)
    }
  })
  return { breaker, bulkhead, plan }
})

/** Connections, and so calls in flight, of an integration that says nothing of them. */
export const defaultConcurrency = 16

/** What settings amount to. */
export interface Explanation {
  /** The positions that these settings fill, the outermost first. */
  readonly order: ReadonlyArray<string>
  /** The longest a call can take. */
  readonly worstCase: Duration.Duration
  /** The most requests one call can send, where it may be repeated. */
  readonly maxRequests: number
  readonly text: string
}

/** Order, worst-case time and most requests of merged settings. */
export const explain = (options: Options = {}): Explanation => {
  const { attempt, total } = timeoutsOf(options)
  const retries = options.retry === false ? 0 : options.retry?.maxRetries ?? 3
  const details: Partial<Record<string, string>> = {
    "telemetry": "spans, metrics, events",
    "total timeout": shown(total),
    "retry": retries === 0 ? "off" : `${retries} at the most, if the operation may be repeated`,
    "circuit check": options.breaker === false ? "off" : "before anything is taken",
    "bulkhead": options.bulkhead === false ? "off" : `${options.bulkhead?.maxConcurrent ?? defaultConcurrency} at once`,
    "circuit breaker": options.breaker === false ? "off" : breakerText(options.breaker ?? {}),
    "attempt timeout": shown(attempt),
    "auth": "attached",
    "transport": `answers up to ${options.maxResponseBytes ?? defaults.maxResponseBytes} bytes`
  }
  const filled = order.filter(({ name }) => details[name] !== undefined && details[name] !== "off")
  const lines = filled.map(({ name, position, reason }) =>
    `${String(position).padStart(2)}  ${name.padEnd(16)} ${details[name]!.padEnd(44)} ${reason}`
  )
  return {
    order: filled.map(({ name }) => name),
    worstCase: Duration.millis(total),
    maxRequests: retries + 1,
    text: [...lines, `worst case ${shown(total)}, at most ${retries + 1} requests per call`].join("\n")
  }
}

const shown = (millis: number): string => Duration.format(Duration.millis(millis))

const breakerText = (options: CircuitBreaker.Options): string => {
  const { failureRate, failureThreshold = failureRate === undefined ? 5 : false } = options
  const trips = [
    ...(failureThreshold === false ? [] : [`${failureThreshold} failures in a row`]),
    ...(failureRate === undefined ? [] : [`${failureRate.threshold * 100} % failures`])
  ]
  return `opens at ${trips.join(" or ")}`
}
