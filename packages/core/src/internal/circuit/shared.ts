/**
 * A circuit that processes share. Calls are answered from this process's copy; only a probe, and what the copy is too old
 * for, waits for the store.
 */
import * as Effect from "effect/Effect"
import type { CircuitOpen } from "../../IntegrationError.ts"
import * as Outcome from "../../Outcome.ts"
import type * as Policy from "../../Policy.ts"
import * as monotonic from "../monotonic.ts"
import * as Circuit from "./circuit.ts"
import * as Copy from "./copy.ts"
import * as Counting from "./counting.ts"
import { Exchange, type Surroundings } from "./exchange.ts"
import { type Cell, Machine, type Move, unreachable } from "./machine.ts"
import type { Act, Place } from "./place.ts"

/** The most outcomes of calls that wait to be counted. */
const mostOutcomes = 1_000

export const shared = (key: string, cell: Cell, moved: (move: Move) => void, around: Surroundings): Place =>
  new SharedPlace(key, cell, moved, around)

class SharedPlace implements Place, Policy.Gate<CircuitOpen> {
  readonly gate = this
  readonly check: Policy.Gate<CircuitOpen>
  readonly act: Act = (f) => this.done(f, "moment")
  readonly look: Act = this.act
  readonly operate: Place["operate"] = (f, kind = "word") => this.done(f, kind)
  readonly configure: Place["configure"] = (mode, at) =>
    this.exchange.push((machine, now) => machine.configure(mode, now), { at, urgent: true, kind: "mode" })
  private readonly cell: Cell
  private readonly copy: Copy.Copy
  /** Of this process's copy. */
  private readonly machine: Machine
  private readonly exchange: Exchange
  private readonly around: Surroundings
  private readonly asking: Policy.Ask<CircuitOpen>

  constructor(key: string, cell: Cell, moved: (move: Move) => void, around: Surroundings) {
    this.cell = cell
    this.around = around
    this.machine = new Machine(around.settings, cell, moved)
    this.exchange = new Exchange(key, cell, moved, around)
    this.copy = this.exchange.copy
    this.check = { admit: (now) => this.checked(now), settle: () => {} }
    this.asking = { _tag: "Ask", answer: this.ask }
  }

  admit(now: number): Policy.Admission<CircuitOpen> {
    const { cell, copy } = this
    if (copy.downUntil !== undefined) return this.withoutStore(now) ?? this.machine.admit(now + copy.offset)
    const age = now - copy.madeAt
    if (age > Copy.stale) return this.asking
    const storeNow = now + copy.offset
    if (age > Copy.fresh && !isDue(cell.current, storeNow)) this.exchange.refresh()
    const circuit = cell.current
    if (circuit._tag === "Closed") return circuit.generation
    if (!isDue(circuit, storeNow)) return this.machine.admit(storeNow)
    // The store decides; but there is no need to ask it what is known.
    const full = circuit._tag === "HalfOpen" && age <= Copy.fresh ? this.machine.check(storeNow) : 0
    return typeof full === "number" ? this.asking : full
  }

  private checked(now: number): number | Policy.Refusal<CircuitOpen> {
    const { cell, copy } = this
    if (copy.downUntil !== undefined) {
      const refused = this.withoutStore(now) ?? this.machine.check(now + copy.offset)
      return typeof refused !== "number" && refused._tag === "Refusal" ? refused : 0
    }
    const age = now - copy.madeAt
    // The gate will ask.
    if (age > Copy.stale || (age > Copy.fresh && cell.current._tag === "HalfOpen")) return 0
    if (age > Copy.fresh) this.exchange.refresh()
    return this.machine.check(now + copy.offset)
  }

  /** `undefined`: this process decides for itself. */
  private withoutStore(now: number): Policy.Refusal<CircuitOpen> | Policy.Ask<CircuitOpen> | undefined {
    const { downUntil = now } = this.copy
    if (this.around.shared.whenUnavailable === "refuse") {
      return now < downUntil ? unreachable(downUntil - now) : this.asking
    }
    if (now >= downUntil) this.exchange.refresh()
    return undefined
  }

  settle(ticket: number, outcome: Outcome.Outcome, now: number, elapsed?: number): void {
    if (ticket === Circuit.uncounted) return
    const { cell: { current: circuit }, copy, machine } = this
    if (copy.downUntil !== undefined) return machine.settle(ticket, outcome, now + copy.offset, elapsed)
    if (circuit._tag === "HalfOpen") {
      if (circuit.running.some((probe) => probe.ticket === ticket)) this.tell(ticket, outcome, now, elapsed, true)
    } else if (Circuit.counts(circuit)) {
      if (ticket !== circuit.generation || !Counting.counts(outcome)) return
      const streak = Counting.lengthen(circuit, outcome)
      // Failures in a row are this process's own: the store is told where they are enough, and where rates are counted.
      const { failureThreshold } = this.around.settings
      if (circuit.failed === undefined && circuit.slow === undefined && streak < failureThreshold) return
      if (copy.waiting.length >= mostOutcomes) return
      const bad = outcome._tag === "Failure" || Counting.isSlow(this.around.settings, elapsed)
      this.tell(ticket, outcome, now, elapsed, bad || now - copy.madeAt > Copy.fresh, streak)
    }
  }

  private tell(
    ticket: number,
    outcome: Outcome.Outcome,
    at: number,
    elapsed: number | undefined,
    urgent: boolean,
    streak?: number
  ): void {
    this.exchange.push((machine, now) => machine.settle(ticket, outcome, now, elapsed, streak), {
      at,
      urgent,
      kind: "outcome"
    })
  }

  /** For a caller that has gone nothing is asked; if it goes before the answer comes, the probe is given back. */
  private readonly ask: Effect.Effect<number | Policy.Refusal<CircuitOpen>> = Effect.withFiber((fiber) =>
    Effect.callback((resume) => {
      let gone = false
      this.exchange.push((machine, now) => gone ? undefined : machine.admit(now), {
        at: monotonic.now(fiber),
        urgent: true,
        kind: "moment",
        answered: (admission) => {
          if (admission === undefined) return
          if (!gone) resume(Effect.succeed(admission))
          else if (typeof admission === "number") this.settle(admission, Outcome.neutral, monotonic.now(fiber))
        },
        refused: (retryAfter) => resume(Effect.succeed(unreachable(retryAfter)))
      })
      return Effect.sync(() => {
        gone = true
      })
    })
  )

  private done<A>(does: Copy.Does<A>, kind: Copy.Kind): Effect.Effect<A> {
    return Effect.withFiber((fiber) =>
      Effect.callback((resume) => {
        const answered = (answer: A): void => resume(Effect.succeed(answer))
        this.exchange.push(does, { at: monotonic.now(fiber), urgent: true, kind, answered })
      })
    )
  }
}

/** Whether the next call would be a probe. */
const isDue = (circuit: Circuit.Circuit, now: number): boolean =>
  circuit._tag === "HalfOpen" || (circuit._tag === "Open" && circuit.until <= now)
