/** What the outcomes of calls come to: in a state that counts them, and of the probes of a half-open one. */
import type * as Outcome from "../../Outcome.ts"
import type { Counting, HalfOpen, Rate, Settings } from "./circuit.ts"
import * as SlidingCounts from "./slidingCounts.ts"

/** Why a circuit opened. */
export type TripCause = "ConsecutiveFailures" | "FailureRate" | "SlowCallRate" | "ProbesFailed" | "HealthCheck"

/** What the state looked like when a circuit opened. */
export interface Trip {
  readonly cause: TripCause
  /** Openings in a row, this one included. */
  readonly openings: number
  /** What counts: failures in a row, failures or slow calls in the window, failed probes or checks. */
  readonly failures: number
  /** Calls they are out of. */
  readonly calls: number
  /** The remote's own wish, in milliseconds. */
  readonly retryAfter: number | undefined
}

/** A throttled call counts nowhere, nor does one that says nothing. */
export const counts = (outcome: Outcome.Outcome): boolean =>
  outcome._tag === "Success" || (outcome._tag === "Failure" && !outcome.throttled)

/** The failures in a row with that outcome, which counts. */
export const lengthen = (circuit: Counting, outcome: Outcome.Outcome): number =>
  circuit.streak = outcome._tag === "Failure" ? circuit.streak + 1 : 0

/** Counts in the rates an outcome that counts. Only a failure or a slow call can trip. */
export const count = (
  settings: Settings,
  circuit: Counting,
  streak: number,
  outcome: Outcome.Outcome,
  now: number,
  elapsed: number | undefined
): Trip | undefined => {
  const failed = outcome._tag === "Failure"
  const slow = isSlow(settings, elapsed)
  if (circuit.failed !== undefined) SlidingCounts.add(circuit.failed, 1, failed ? 1 : 0, now)
  if (circuit.slow !== undefined) SlidingCounts.add(circuit.slow, 1, slow ? 1 : 0, now)
  if (!failed && !slow) return undefined
  const trip = (cause: TripCause, failures: number, calls: number): Trip => ({
    cause,
    openings: openingsAt(circuit, now),
    failures,
    calls,
    retryAfter: failed ? outcome.retryAfter : undefined
  })
  if (failed && streak >= settings.failureThreshold) return trip("ConsecutiveFailures", streak, streak)
  if (failed && reaches(settings.failureRate, circuit.failed)) {
    return trip("FailureRate", circuit.failed.secondTotal, circuit.failed.firstTotal)
  }
  if (slow && reaches(settings.slowCalls, circuit.slow)) {
    return trip("SlowCallRate", circuit.slow.secondTotal, circuit.slow.firstTotal)
  }
  return undefined
}

/** Openings in a row, if it opened now. */
export const openingsAt = ({ openFor, openings, since }: Counting, now: number): number =>
  (now - since >= openFor ? 0 : openings) + 1

/** A call of exactly the limit is not slow; neither is one that did not run. */
export const isSlow = ({ slowCalls }: Settings, elapsed: number | undefined): boolean =>
  slowCalls !== undefined && elapsed !== undefined && elapsed > slowCalls.duration

const reaches = (
  rate: Rate | undefined,
  counts: SlidingCounts.SlidingCounts | undefined
): counts is SlidingCounts.SlidingCounts =>
  rate !== undefined && counts !== undefined && counts.firstTotal >= rate.minimumCalls &&
  counts.secondTotal / counts.firstTotal >= rate.threshold

/** Whether another probe would be let through. */
export const hasRoom = (settings: Settings, circuit: HalfOpen, now: number): boolean =>
  circuit.running.length + circuit.succeeded + circuit.failed < settings.probes ||
  circuit.running.some((probe) => probe.until <= now)

/** The ticket of a new probe, or `undefined` while enough of them are running. */
export const probe = (settings: Settings, circuit: HalfOpen, now: number): number | undefined => {
  const busy = circuit.running.length + circuit.succeeded + circuit.failed >= settings.probes
  if (busy) {
    const overdue = circuit.running.findIndex((probe) => probe.until <= now)
    if (overdue === -1) return undefined
    circuit.running.splice(overdue, 1)
  }
  const ticket = ++circuit.generation
  circuit.running.push({ ticket, until: now + settings.probeTimeout })
  return ticket
}

/**
 * Takes the outcome of a probe: a trip, `"Recovered"`, or `undefined` while nothing is decided. Where slow calls count, a
 * slow probe has failed.
 */
export const judge = (
  settings: Settings,
  circuit: HalfOpen,
  ticket: number,
  outcome: Outcome.Outcome,
  elapsed: number | undefined
): Trip | "Recovered" | undefined => {
  const index = circuit.running.findIndex((probe) => probe.ticket === ticket)
  if (index === -1) return undefined
  circuit.running.splice(index, 1)
  if (outcome._tag === "Neutral") return undefined
  if (outcome._tag === "Success" && !isSlow(settings, elapsed)) {
    return ++circuit.succeeded >= settings.successThreshold ? "Recovered" : undefined
  }
  circuit.failed++
  if (settings.probes - circuit.failed >= settings.successThreshold) return undefined
  return {
    cause: "ProbesFailed",
    openings: circuit.openings + 1,
    failures: circuit.failed,
    calls: circuit.failed + circuit.succeeded,
    retryAfter: outcome._tag === "Failure" ? outcome.retryAfter : undefined
  }
}
