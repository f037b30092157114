/** What happens to a circuit: calls that ask and end, an operator's hands, a health check. Nothing here waits. */
import * as Duration from "effect/Duration"
import { CircuitOpen } from "../../IntegrationError.ts"
import type * as Outcome from "../../Outcome.ts"
import type * as Policy from "../../Policy.ts"
import { stackless } from "../stackless.ts"
import * as Circuit from "./circuit.ts"
import * as Copy from "./copy.ts"
import * as Counting from "./counting.ts"
import * as Snapshot from "./snapshot.ts"

/**
 * Why a circuit changed its state. `Begun`: not at all, as far as the store knows that processes share; it has begun there
 * anew, or what this process did alone was not told.
 */
export type Cause =
  | Counting.TripCause
  | "ResetTimeoutElapsed"
  | "ProbesSucceeded"
  | "Isolated"
  | "MetricsOnly"
  | "Disabled"
  | "Reset"
  | "Restored"
  | "Configured"
  | "Begun"

/** A change of state. From `MetricsOnly` to itself: it would have opened. */
export interface Move {
  readonly from: Circuit.Tag
  readonly to: Circuit.Tag
  readonly cause: Cause
  readonly openings: number
  /** Milliseconds that it will be, or would have been, open. */
  readonly openFor: number | undefined
}

export interface Settings extends Circuit.Settings {
  /** How long to stay open, in milliseconds. */
  readonly openFor: (trip: Counting.Trip) => number
  /** The longest that it is, in milliseconds. */
  readonly longest: number
}

/** Holds the state. */
export interface Cell {
  current: Circuit.Circuit
  /** Where the state lives in a shared store: what is known of it. */
  copy?: Copy.Copy
}

/** The circuit in a cell, ruled by some settings. Each change of state is told to `moved`. */
export class Machine implements Policy.Gate<CircuitOpen> {
  readonly settings: Settings
  readonly cell: Cell
  private readonly moved: (move: Move) => void
  private refused: Policy.Refusal<CircuitOpen> | undefined = undefined

  constructor(settings: Settings, cell: Cell, moved: (move: Move) => void) {
    this.settings = settings
    this.cell = cell
    this.moved = moved
  }

  admit(now: number): number | Policy.Refusal<CircuitOpen> {
    const circuit = this.cell.current
    return circuit._tag === "Closed" ? circuit.generation : this.admitSlowly(circuit, now)
  }

  private admitSlowly(circuit: Exclude<Circuit.Circuit, Circuit.Closed>, now: number) {
    switch (circuit._tag) {
      case "Isolated":
        return refusal(true, undefined)
      case "Disabled":
        return Circuit.uncounted
      case "MetricsOnly":
        return now < circuit.since ? Circuit.uncounted : circuit.generation
      case "HalfOpen":
        return Counting.probe(this.settings, circuit, now) ?? refusal(false, undefined)
      case "Open": {
        if (now < circuit.until) return this.refuse(circuit.until - now)
        const halfOpen = Circuit.halfOpened(circuit)
        const ticket = Counting.probe(this.settings, halfOpen, now)
        this.move(halfOpen, "ResetTimeoutElapsed")
        return ticket ?? refusal(false, undefined)
      }
    }
  }

  /** What `admit` would say; takes nothing. */
  check(now: number): number | Policy.Refusal<CircuitOpen> {
    const circuit = this.cell.current
    switch (circuit._tag) {
      case "Isolated":
        return refusal(true, undefined)
      case "Open":
        return now < circuit.until ? this.refuse(circuit.until - now) : 0
      case "HalfOpen":
        return Counting.hasRoom(this.settings, circuit, now) ? 0 : refusal(false, undefined)
      default:
        return 0
    }
  }

  /** In whole milliseconds: all that are refused within one get the same answer, which is made once. */
  private refuse(left: number): Policy.Refusal<CircuitOpen> {
    const retryAfter = Math.ceil(left)
    return this.refused?.retryAfter === retryAfter ? this.refused : this.refused = refusal(false, retryAfter)
  }

  /** `streak`: the failures in a row, where they have been counted already. */
  settle(ticket: number, outcome: Outcome.Outcome, now: number, elapsed?: number, streak?: number): void {
    const circuit = this.cell.current
    if (circuit._tag === "Closed" || circuit._tag === "MetricsOnly") {
      if (ticket !== circuit.generation || !Counting.counts(outcome)) return
      const failures = streak ?? Counting.lengthen(circuit, outcome)
      const tripped = Counting.count(this.settings, circuit, failures, outcome, now, elapsed)
      if (tripped !== undefined) this.trip(tripped, now)
    } else if (circuit._tag === "HalfOpen") {
      const verdict = Counting.judge(this.settings, circuit, ticket, outcome, elapsed)
      if (verdict === "Recovered") this.move(Circuit.closed(this.settings, circuit, now), "ProbesSucceeded")
      else if (verdict !== undefined) this.trip(verdict, now)
    }
  }

  isolate(): void {
    this.move(Circuit.isolated(this.cell.current), "Isolated")
  }

  disable(cause: Cause = "Disabled"): void {
    this.move(Circuit.disabled(this.cell.current), cause)
  }

  observe(now: number, cause: Cause = "MetricsOnly"): void {
    const circuit = this.cell.current
    if (circuit._tag !== "MetricsOnly") this.move(Circuit.metricsOnly(this.settings, circuit, now), cause)
  }

  reset(cause: Cause = "Reset"): void {
    this.move(Circuit.fresh(this.settings, this.cell.current.generation + 1), cause)
  }

  restore(snapshot: Snapshot.Snapshot, now: number): void {
    this.move(Snapshot.restored(this.settings, this.cell.current, snapshot, now), "Restored")
  }

  snapshot(now: number): Snapshot.Snapshot {
    return Snapshot.of(this.cell.current, now)
  }

  /** Puts it in a mode; an operator's isolation stays. */
  configure(mode: Circuit.Mode | undefined, now: number): void {
    const { _tag } = this.cell.current
    if (mode === undefined || _tag === "Isolated") return
    if (mode === "metrics-only") return this.observe(now, "Configured")
    if (mode === "disabled") return _tag === "Disabled" ? undefined : this.disable("Configured")
    if (_tag === "Disabled" || _tag === "MetricsOnly") this.reset("Configured")
  }

  /** A health check has failed so often in a row. The generation of the opening that comes of it, if one does. */
  unhealthy(failures: number, retryAfter: number | undefined, now: number): number | undefined {
    const circuit = this.cell.current
    const { _tag } = circuit
    if (_tag === "Isolated" || _tag === "Disabled") return undefined
    if (now < (_tag === "Open" ? circuit.until : _tag === "MetricsOnly" ? circuit.since : 0)) return undefined
    const openings = _tag === "Open" || _tag === "HalfOpen" ? circuit.openings + 1 : Counting.openingsAt(circuit, now)
    this.trip({ cause: "HealthCheck", openings, failures, calls: failures, retryAfter }, now)
    return this.cell.current.generation
  }

  /** A health check that had caused that opening succeeds: the next call is a probe. */
  healthy(generation: number, now: number): void {
    const circuit = this.cell.current
    if (circuit._tag !== "Open") return
    if (circuit.generation !== generation && circuit.generation !== Copy.alone(generation)) return
    this.cell.current = { ...circuit, until: Math.min(circuit.until, now) }
  }

  private trip(trip: Counting.Trip, now: number): void {
    const circuit = this.cell.current
    const openFor = this.settings.openFor(trip)
    const { cause, openings } = trip
    if (circuit._tag !== "MetricsOnly") return this.move(Circuit.opened(circuit, openings, openFor, now), cause)
    const from = { generation: circuit.generation, openings, openFor }
    this.cell.current = Circuit.metricsOnly(this.settings, from, now + openFor, circuit.wouldOpen + 1)
    this.moved({ from: "MetricsOnly", to: "MetricsOnly", cause, openings, openFor })
  }

  private move(to: Circuit.Circuit, cause: Cause): void {
    const from = this.cell.current._tag
    this.cell.current = to
    if (from === to._tag) return
    const openFor = to._tag === "Open" ? to.openFor : undefined
    this.moved({ from, to: to._tag, cause, openings: to.openings, openFor })
  }
}

/** A refusal for want of the store that decides. */
export interface Unreachable extends Policy.Refusal<CircuitOpen> {
  readonly unreachable: true
}

export const unreachable = (retryAfter: number): Unreachable => ({ ...refusal(false, retryAfter), unreachable: true })

export const isUnreachable = (refused: Policy.Refusal<CircuitOpen>): refused is Unreachable => "unreachable" in refused

/** How a circuit refuses. `retryAfter` in milliseconds. */
export const refusal = (isolated: boolean, retryAfter: number | undefined): Policy.Refusal<CircuitOpen> => {
  let reason: CircuitOpen | undefined
  const make = () =>
    new CircuitOpen({ isolated, retryAfter: retryAfter === undefined ? undefined : Duration.millis(retryAfter) })
  return { _tag: "Refusal", retryAfter, reason: () => reason ??= stackless(make) }
}
