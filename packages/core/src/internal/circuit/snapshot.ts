/** What is worth keeping of a circuit over a restart. */
import * as Circuit from "./circuit.ts"

/** Without times of a clock that ends with the process; durations in milliseconds. */
export interface Snapshot {
  readonly state: Circuit.Tag
  readonly openings: number
  readonly openFor: number
  /** Of the open time. */
  readonly left: number
  /** How long it has been closed. */
  readonly closedFor: number
}

export const of = (circuit: Circuit.Circuit, now: number): Snapshot => ({
  state: circuit._tag,
  openings: circuit.openings,
  openFor: circuit.openFor,
  left: circuit._tag === "Open" ? Math.max(0, circuit.until - now) : 0,
  closedFor: circuit._tag === "Closed" ? now - circuit.since : 0
})

/** A half-open circuit's probes are gone, so it is open and due: the next call probes. None stays open for too long. */
export const restored = (
  settings: Circuit.Settings & { readonly longest: number },
  { generation }: Circuit.Circuit,
  { closedFor, openings, state, ...times }: Snapshot,
  now: number
): Circuit.Circuit => {
  const openFor = Math.min(times.openFor, settings.longest)
  const from = { generation, openings, openFor }
  switch (state) {
    case "Closed":
      return Circuit.closed(settings, from, now - closedFor)
    case "MetricsOnly":
      return Circuit.metricsOnly(settings, from, now)
    case "Isolated":
      return Circuit.isolated(from)
    case "Disabled":
      return Circuit.disabled(from)
    default:
      return { ...Circuit.opened(from, openings, openFor, now), until: now + Math.min(times.left, openFor) }
  }
}
