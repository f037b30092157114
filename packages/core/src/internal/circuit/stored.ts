/** A circuit as it is kept in a shared store: JSON, with times of the store's clock. */
import * as Circuit from "./circuit.ts"
import type { Cause } from "./machine.ts"
import * as SlidingCounts from "./slidingCounts.ts"

export interface Stored {
  readonly circuit: Circuit.Circuit
  /** Of the last transition. */
  readonly cause: Cause
}

/** Its key in the store: that of another version is another circuit, so that neither reads or overwrites the other. */
export const keyOf = (name: string): string => `circuit/1/${name}`

export const encode = (stored: Stored): string => JSON.stringify(stored)

/**
 * What is kept, or a new circuit if that is nothing, or nothing that can be read. The tickets of a new one begin with the
 * time, so that none from before a loss is valid.
 */
export const decode = (settings: Circuit.Settings, kept: string | undefined, now: number): Stored => {
  const stored = kept === undefined ? undefined : parse(kept)
  return stored === undefined
    ? { circuit: Circuit.fresh(settings, Math.floor(now)), cause: "Begun" }
    : { circuit: Circuit.counting(settings, steadied(settings, stored.circuit, now)), cause: stored.cause }
}

/** How long it is worth keeping, in milliseconds: a day, or a year what an operator did to it. */
export const timeToLive = ({ _tag, openFor }: Circuit.Circuit): number =>
  _tag === "Isolated" || _tag === "Disabled" || _tag === "MetricsOnly" ? 365 * day : day + 2 * openFor
const day = 86_400_000

const parse = (kept: string): Stored | undefined => {
  try {
    const stored: Stored | null = JSON.parse(kept)
    return stored !== null && typeof stored.cause === "string" && isCircuit(stored.circuit) ? stored : undefined
  } catch {
    return undefined
  }
}

/** Throws, or is false, for what is none. */
const isCircuit = (circuit: Circuit.Circuit): boolean => {
  if (!areNumbers(circuit.generation, circuit.openings, circuit.openFor)) return false
  switch (circuit._tag) {
    case "Open":
      return areNumbers(circuit.until)
    case "HalfOpen":
      return areNumbers(circuit.succeeded, circuit.failed) &&
        circuit.running.every(({ ticket, until }) => areNumbers(ticket, until))
    case "MetricsOnly":
      return areNumbers(circuit.since, circuit.wouldOpen) && areCounts(circuit.failed) && areCounts(circuit.slow)
    case "Closed":
      return areNumbers(circuit.since) && areCounts(circuit.failed) && areCounts(circuit.slow)
    default:
      return circuit._tag === "Isolated" || circuit._tag === "Disabled"
  }
}

const areCounts = (counts: SlidingCounts.SlidingCounts | undefined): boolean =>
  counts === undefined ||
  (areNumbers(counts.width, counts.origin, counts.newest, counts.firstTotal, counts.secondTotal) &&
    [counts.first, counts.second].every((values) => values.length === SlidingCounts.buckets && areNumbers(...values)))

const areNumbers = (...values: ReadonlyArray<unknown>): boolean => values.every(Number.isFinite)

/** No time lies further ahead than it can have been set, though the store's clock went back. */
const steadied = (settings: Circuit.Settings, circuit: Circuit.Circuit, now: number): Circuit.Circuit => {
  switch (circuit._tag) {
    case "Open":
      return { ...circuit, until: Math.min(circuit.until, now + circuit.openFor) }
    case "HalfOpen": {
      const latest = now + settings.probeTimeout
      return {
        ...circuit,
        running: circuit.running.map((probe) => ({ ...probe, until: Math.min(probe.until, latest) }))
      }
    }
    case "MetricsOnly":
      return {
        ...circuit,
        ...uncounted(circuit, now),
        streak: 0,
        since: Math.min(circuit.since, now + circuit.openFor)
      }
    case "Closed":
      return { ...circuit, ...uncounted(circuit, now), streak: 0, since: Math.min(circuit.since, now) }
    default:
      return circuit
  }
}

/** Without counts of the future. */
const uncounted = ({ failed, slow }: Circuit.Counting, now: number) => ({
  failed: isAhead(failed, now) ? undefined : failed,
  slow: isAhead(slow, now) ? undefined : slow
})

const isAhead = (counts: SlidingCounts.SlidingCounts | undefined, now: number): boolean =>
  counts !== undefined && counts.origin + counts.newest * counts.width > now
