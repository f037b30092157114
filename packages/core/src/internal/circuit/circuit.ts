/**
 * The state of a circuit and what can happen to it. The state is plain data; every function here depends on its arguments
 * alone. Counting in the closed state is done in place, every transition makes a new state.
 */
import type * as Outcome from "../../Outcome.ts"
import * as SlidingCounts from "./slidingCounts.ts"

export type Circuit = Closed | Open | HalfOpen | Isolated

interface Common {
  /** The highest ticket so far. A ticket from before the last transition is never valid again. */
  generation: number
  /** Openings in a row: the circuit has not yet stayed closed for as long as it had been open. */
  readonly openings: number
  /** How long it was last open, in milliseconds. */
  readonly openFor: number
}
export interface Closed extends Common {
  readonly _tag: "Closed"
  readonly since: number
  /** Consecutive failures. */
  streak: number
  /** Calls and failures in the window of the failure rate. */
  readonly counts: SlidingCounts.SlidingCounts | undefined
}
export interface Open extends Common {
  readonly _tag: "Open"
  readonly until: number
}
export interface HalfOpen extends Common {
  readonly _tag: "HalfOpen"
  readonly running: Array<Probe>
  succeeded: number
  failed: number
}
export interface Isolated extends Common {
  readonly _tag: "Isolated"
}
export interface Probe {
  readonly ticket: number
  /** When it is given up. */
  readonly until: number
}

/** Options with every default in place; times in milliseconds. */
export interface Settings {
  /** `Infinity` where consecutive failures are not counted. */
  readonly failureThreshold: number
  readonly failureRate:
    | { readonly threshold: number; readonly window: number; readonly minimumCalls: number }
    | undefined
  readonly probes: number
  readonly successThreshold: number
  readonly probeTimeout: number
}

/** Why a circuit opened. */
export type TripCause = "ConsecutiveFailures" | "FailureRate" | "ProbesFailed"

/** What the state looked like when a circuit opened. */
export interface Trip {
  readonly cause: TripCause
  /** Openings in a row, this one included. */
  readonly openings: number
  /** Failures that count: in a row, in the window, or of probes. */
  readonly failures: number
  /** Calls they are out of. */
  readonly calls: number
  /** The remote's own wish, in milliseconds. */
  readonly retryAfter: number | undefined
}

export const closed = (settings: Settings, generation = 0, openings = 0, openFor = 0, since = 0): Closed => ({
  _tag: "Closed",
  generation,
  openings,
  openFor,
  since,
  streak: 0,
  counts: settings.failureRate === undefined ? undefined : SlidingCounts.make(settings.failureRate.window)
})

/** The same circuit, counting what these settings ask for. Counts of another window are no use to them. */
export const counting = (settings: Settings, circuit: Closed): Closed => {
  if (settings.failureRate === undefined) return circuit
  const counts = SlidingCounts.make(settings.failureRate.window)
  return circuit.counts?.width === counts.width ? circuit : { ...circuit, counts }
}

export const opened = (circuit: Circuit, openings: number, openFor: number, now: number): Open => ({
  _tag: "Open",
  generation: circuit.generation + 1,
  openings,
  openFor,
  until: now + openFor
})

export const halfOpened = (circuit: Open): HalfOpen => ({
  _tag: "HalfOpen",
  generation: circuit.generation,
  openings: circuit.openings,
  openFor: circuit.openFor,
  running: [],
  succeeded: 0,
  failed: 0
})

/** The probes said it is well. What it was open for is remembered until it has stayed closed that long. */
export const recovered = (settings: Settings, circuit: HalfOpen, now: number): Closed =>
  closed(settings, circuit.generation + 1, circuit.openings, circuit.openFor, now)

export const isolated = (circuit: Circuit): Isolated => ({
  _tag: "Isolated",
  generation: circuit.generation + 1,
  openings: circuit.openings,
  openFor: circuit.openFor
})

/** What is worth keeping of a circuit, without times of a clock that ends with the process; durations in milliseconds. */
export interface Snapshot {
  readonly state: Circuit["_tag"]
  readonly openings: number
  readonly openFor: number
  /** Of the open time. */
  readonly left: number
  /** How long it has been closed. */
  readonly closedFor: number
}

export const snapshot = (circuit: Circuit, now: number): Snapshot => ({
  state: circuit._tag,
  openings: circuit.openings,
  openFor: circuit.openFor,
  left: circuit._tag === "Open" ? Math.max(0, circuit.until - now) : 0,
  closedFor: circuit._tag === "Closed" ? now - circuit.since : 0
})

/** A half-open circuit's probes are gone, so it is open and due: the next call probes. */
export const restored = (settings: Settings, circuit: Circuit, from: Snapshot, now: number): Circuit => {
  const { closedFor, left, openFor, openings, state } = from
  if (state === "Closed") return closed(settings, circuit.generation + 1, openings, openFor, now - closedFor)
  return state === "Isolated"
    ? { ...isolated(circuit), openings, openFor }
    : { ...opened(circuit, openings, openFor, now), until: now + left }
}

/** Counts an outcome in the closed state. A throttled call counts nowhere. Only a failure can trip. */
export const count = (
  settings: Settings,
  circuit: Closed,
  outcome: Outcome.Outcome,
  now: number
): Trip | undefined => {
  if (outcome._tag === "Success") {
    circuit.streak = 0
    if (circuit.counts !== undefined) SlidingCounts.add(circuit.counts, 1, 0, now)
    return undefined
  }
  if (outcome._tag === "Neutral" || outcome.throttled) return undefined
  circuit.streak++
  if (circuit.counts !== undefined) SlidingCounts.add(circuit.counts, 1, 1, now)
  const trip = (cause: TripCause, failures: number, calls: number): Trip => ({
    cause,
    openings: (now - circuit.since >= circuit.openFor ? 0 : circuit.openings) + 1,
    failures,
    calls,
    retryAfter: outcome.retryAfter
  })
  if (circuit.streak >= settings.failureThreshold) return trip("ConsecutiveFailures", circuit.streak, circuit.streak)
  const rate = settings.failureRate
  if (rate === undefined || circuit.counts === undefined) return undefined
  const { firstTotal: calls, secondTotal: failures } = circuit.counts
  return calls >= rate.minimumCalls && failures / calls >= rate.threshold
    ? trip("FailureRate", failures, calls)
    : undefined
}

/** Whether another probe would be let through. */
export const hasRoom = (settings: Settings, circuit: HalfOpen, now: number): boolean =>
  circuit.running.length + circuit.succeeded + circuit.failed < settings.probes ||
  circuit.running.some((probe) => probe.until <= now)

/** The ticket of a new probe, or `undefined` while enough of them are running. */
export const probe = (settings: Settings, circuit: HalfOpen, now: number): number | undefined => {
  const busy = (): boolean => circuit.running.length + circuit.succeeded + circuit.failed >= settings.probes
  if (busy()) {
    const overdue = circuit.running.findIndex((probe) => probe.until <= now)
    if (overdue === -1) return undefined
    circuit.running.splice(overdue, 1)
  }
  const ticket = ++circuit.generation
  circuit.running.push({ ticket, until: now + settings.probeTimeout })
  return ticket
}

/** Takes the outcome of a probe: a trip, `"Recovered"`, or `undefined` while nothing is decided. */
export const judge = (
  settings: Settings,
  circuit: HalfOpen,
  ticket: number,
  outcome: Outcome.Outcome
): Trip | "Recovered" | undefined => {
  const index = circuit.running.findIndex((probe) => probe.ticket === ticket)
  if (index === -1) return undefined
  circuit.running.splice(index, 1)
  if (outcome._tag === "Neutral") return undefined
  if (outcome._tag === "Success") return ++circuit.succeeded >= settings.successThreshold ? "Recovered" : undefined
  circuit.failed++
  if (settings.probes - circuit.failed >= settings.successThreshold) return undefined
  return {
    cause: "ProbesFailed",
    openings: circuit.openings + 1,
    failures: circuit.failed,
    calls: circuit.failed + circuit.succeeded,
    retryAfter: outcome.retryAfter
  }
}
