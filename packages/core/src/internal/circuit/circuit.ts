/**
 * The state of a circuit and how one state is made of another. The state is plain data; every function here depends on its
 * arguments alone. Counting is done in place, every transition makes a new state.
 */
import * as SlidingCounts from "./slidingCounts.ts"

export type Circuit = Closed | Open | HalfOpen | Isolated | MetricsOnly | Disabled
export type Tag = Circuit["_tag"]

interface Common {
  /** The highest ticket so far. A ticket from before the last transition is never valid again. */
  generation: number
  /** Openings in a row: the circuit has not yet stayed closed for as long as it had been open. */
  readonly openings: number
  /** How long it was last open, in milliseconds. */
  readonly openFor: number
}
/** What a state that counts calls holds. */
export interface Counting extends Common {
  /** Since when it counts. */
  readonly since: number
  /** Consecutive failures, of this process alone. */
  streak: number
  /** Calls and failures in the window of the failure rate. */
  readonly failed: SlidingCounts.SlidingCounts | undefined
  /** Calls and slow calls in the window of the slow-call rate. */
  readonly slow: SlidingCounts.SlidingCounts | undefined
}
export interface Closed extends Counting {
  readonly _tag: "Closed"
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
/** While it would be open, `since` is the end of that time. */
export interface MetricsOnly extends Counting {
  readonly _tag: "MetricsOnly"
  /** How often it would have opened. */
  readonly wouldOpen: number
}
export interface Disabled extends Common {
  readonly _tag: "Disabled"
}
export interface Probe {
  readonly ticket: number
  /** When it is given up. */
  readonly until: number
}

/** The ticket of a call that counts nowhere. */
export const uncounted = -1

/** What a circuit is for: see `Options.mode`. */
export type Mode = "enforce" | "metrics-only" | "disabled"

/** Options with every default in place; times in milliseconds. */
export interface Settings {
  readonly mode: Mode
  /** `Infinity` where consecutive failures are not counted. */
  readonly failureThreshold: number
  readonly failureRate: Rate | undefined
  readonly slowCalls: (Rate & { readonly duration: number }) | undefined
  readonly probes: number
  readonly successThreshold: number
  readonly probeTimeout: number
}
export interface Rate {
  readonly threshold: number
  readonly window: number
  readonly minimumCalls: number
}

const none = { generation: 0, openings: 0, openFor: 0 }

/** A circuit that nothing is known of, in the state that its mode starts with. */
export const fresh = (settings: Settings, generation = 0): Circuit => {
  const from = { ...none, generation: generation - 1 }
  if (settings.mode === "disabled") return disabled(from)
  return settings.mode === "metrics-only" ? metricsOnly(settings, from, 0) : closed(settings, from, 0)
}

/** It has been closed since then. What it was open for is remembered until it has stayed closed that long. */
export const closed = (settings: Settings, from: Common, since: number): Closed => ({
  _tag: "Closed",
  ...next(from),
  ...noCounts(settings, since)
})

export const metricsOnly = (settings: Settings, from: Common, since: number, wouldOpen = 0): MetricsOnly => ({
  _tag: "MetricsOnly",
  ...next(from),
  ...noCounts(settings, since),
  wouldOpen
})

export const opened = (from: Common, openings: number, openFor: number, now: number): Open => ({
  _tag: "Open",
  generation: from.generation + 1,
  openings,
  openFor,
  until: now + openFor
})

/** It lets probes through from now on; `generation` stays, because nothing was admitted while it was open. */
export const halfOpened = ({ generation, openFor, openings }: Open): HalfOpen => ({
  _tag: "HalfOpen",
  generation,
  openings,
  openFor,
  running: [],
  succeeded: 0,
  failed: 0
})

export const isolated = (from: Common): Isolated => ({ _tag: "Isolated", ...next(from) })

export const disabled = (from: Common): Disabled => ({ _tag: "Disabled", ...next(from) })

/** Whether it is in a state that counts calls. */
export const counts = (circuit: Circuit): circuit is Closed | MetricsOnly =>
  circuit._tag === "Closed" || circuit._tag === "MetricsOnly"

/** The same circuit, counting what these settings ask for. Counts of another window are no use to them. */
export const counting = (settings: Settings, circuit: Circuit): Circuit => {
  if (!counts(circuit)) return circuit
  const { failed, slow } = noCounts(settings, circuit.since)
  const fits = (failed === undefined || circuit.failed?.width === failed.width) &&
    (slow === undefined || circuit.slow?.width === slow.width)
  return fits ? circuit : { ...circuit, failed, slow }
}

const next = ({ generation, openFor, openings }: Common): Common => ({ generation: generation + 1, openings, openFor })

const noCounts = ({ failureRate, slowCalls }: Settings, since: number): Omit<Counting, keyof Common> => ({
  since,
  streak: 0,
  failed: failureRate && SlidingCounts.make(failureRate.window),
  slow: slowCalls && SlidingCounts.make(slowCalls.window)
})
