/** The options of a circuit breaker: checked, completed with defaults, and turned into numbers. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schedule from "effect/Schedule"
import type { Problem } from "../../InvalidOptions.ts"
import type { FailureRate, KeyedOptions, Options } from "../../policy/CircuitBreaker.ts"
import { atLeast, between, type Check, millis, positive, problems, unless } from "../checks.ts"
import type { Rate } from "./circuit.ts"
import type { Trip } from "./counting.ts"
import type { Settings } from "./machine.ts"

const defaultReset = 30_000
const defaultMaxReset = 300_000
/** The most delays that are drawn from a schedule. */
const tableSize = 64

export const validate = (options: Options): ReadonlyArray<Problem> => {
  const { failureRate, failureThreshold, maxResetTimeout, mode, resetTimeout, slowCalls } = options
  const probes = options.halfOpenMaxCalls ?? 1
  const fixed = isFixed(resetTimeout) ? resetTimeout : undefined
  return problems(
    unless(
      mode === undefined || modes.includes(mode),
      "mode",
      `must be one of ${modes.join(", ")}`
    ),
    atLeast(1, "failureThreshold", failureThreshold === false ? undefined : failureThreshold),
    unless(
      failureThreshold !== false || failureRate !== undefined || slowCalls !== undefined,
      "failureThreshold",
      "must not be false without a failureRate or slowCalls, because then nothing opens the circuit"
    ),
    ...rateProblems("failureRate", failureRate),
    given("slowCalls.duration", slowCalls, slowCalls?.duration),
    positive("slowCalls.duration", slowCalls?.duration),
    ...rateProblems("slowCalls", slowCalls),
    positive("resetTimeout", fixed),
    between(1, Number.MAX_VALUE, "resetFactor", options.resetFactor),
    positive("maxResetTimeout", maxResetTimeout),
    unless(
      fixed === undefined || maxResetTimeout === undefined || !(millis(fixed) > millis(maxResetTimeout)),
      "resetTimeout",
      "must not be longer than maxResetTimeout"
    ),
    atLeast(1, "halfOpenMaxCalls", options.halfOpenMaxCalls),
    atLeast(1, "successThreshold", options.successThreshold),
    unless(
      options.successThreshold === undefined || !(options.successThreshold > probes),
      "successThreshold",
      `must not be more than halfOpenMaxCalls, which is ${probes}`
    ),
    positive("halfOpenTimeout", options.halfOpenTimeout)
  )
}

export const keyedProblems = ({ idleTimeToLive, maxKeys }: KeyedOptions): ReadonlyArray<Problem> =>
  problems(positive("idleTimeToLive", idleTimeToLive), atLeast(1, "maxKeys", maxKeys))

const modes: ReadonlyArray<unknown> = ["enforce", "metrics-only", "disabled"]

const rateProblems = (option: string, rate: FailureRate | undefined): ReadonlyArray<Check> => [
  unless(
    rate === undefined || (rate.threshold > 0 && rate.threshold <= 1),
    `${option}.threshold`,
    `must be more than 0 and at most 1, got ${typeof rate?.threshold === "number" ? rate.threshold : "no number"}`
  ),
  given(`${option}.window`, rate, rate?.window),
  positive(`${option}.window`, rate?.window),
  given(`${option}.minimumCalls`, rate, rate?.minimumCalls),
  atLeast(1, `${option}.minimumCalls`, rate?.minimumCalls)
]

const given = (option: string, rate: FailureRate | undefined, value: unknown): Check =>
  unless(rate === undefined || value !== undefined, option, "must be given")

/** `table` holds the delays of a schedule, in milliseconds. */
export const settingsOf = (options: Options, table: ReadonlyArray<number> | undefined): Settings => {
  const { failureRate, resetTimeout: reset, slowCalls } = options
  const first = isFixed(reset) ? millis(reset) : defaultReset
  const factor = options.resetFactor ?? 2
  const longest = options.maxResetTimeout === undefined
    ? Math.max(defaultMaxReset, first)
    : millis(options.maxResetTimeout)
  const growing = (openings: number): number => first * factor ** (openings - 1)
  const own = (trip: Trip): number => {
    if (table !== undefined) return table[Math.min(trip.openings, table.length) - 1] ?? growing(trip.openings)
    return typeof reset === "function" ? generated(reset, trip) ?? growing(trip.openings) : growing(trip.openings)
  }
  const threshold = options.failureThreshold ?? (failureRate === undefined ? 5 : false)
  const probes = options.halfOpenMaxCalls ?? 1
  return {
    mode: options.mode ?? "enforce",
    failureThreshold: threshold === false ? Infinity : threshold,
    failureRate: failureRate && rateOf(failureRate),
    slowCalls: slowCalls && { ...rateOf(slowCalls), duration: millis(slowCalls.duration) },
    probes,
    successThreshold: options.successThreshold ?? probes,
    probeTimeout: options.halfOpenTimeout === undefined ? 30_000 : millis(options.halfOpenTimeout),
    longest,
    openFor: (trip) => Math.min(longest, Math.max(own(trip), trip.retryAfter ?? 0))
  }
}

const rateOf = ({ minimumCalls, threshold, window }: FailureRate): Rate => ({
  threshold,
  minimumCalls,
  window: millis(window)
})

/** The delays of a schedule, drawn as if each followed the other at once. */
export const tableOf = Effect.fnUntraced(function*(reset: Options["resetTimeout"]) {
  if (!Schedule.isSchedule(reset)) return undefined
  const step = yield* Schedule.toStep(reset)
  const table: Array<number> = []
  let now = 0
  while (table.length < tableSize) {
    const next = yield* Effect.exit(step(now, table.length + 1))
    if (Exit.isFailure(next)) break
    const delay = Duration.toMillis(next.value[1])
    table.push(delay)
    now += delay
  }
  return table
})

type Reset = NonNullable<Options["resetTimeout"]>

const isFixed = (reset: Options["resetTimeout"]): reset is Duration.Input =>
  reset !== undefined && typeof reset !== "function" && !Schedule.isSchedule(reset)

const generated = (reset: Extract<Reset, (...args: never) => unknown>, trip: Trip): number | undefined => {
  try {
    const { calls, cause, failures, openings, retryAfter } = trip
    const open = millis(reset({
      cause,
      openings,
      failures,
      failureRate: failures / calls,
      retryAfter: retryAfter === undefined ? undefined : Duration.millis(retryAfter)
    }))
    return open > 0 ? open : undefined
  } catch {
    return undefined
  }
}
