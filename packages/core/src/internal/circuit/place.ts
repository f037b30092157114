/** A circuit, wherever its state lives. */
import * as Effect from "effect/Effect"
import type { CircuitOpen } from "../../IntegrationError.ts"
import type * as Policy from "../../Policy.ts"
import * as monotonic from "../monotonic.ts"
import * as Circuit from "./circuit.ts"
import { type Cell, Machine, type Move, type Settings } from "./machine.ts"

export interface Place {
  readonly gate: Policy.Gate<CircuitOpen>
  readonly check: Policy.Gate<CircuitOpen>
  /** Does something with the circuit as it is now. */
  readonly act: Act
  /** The same, for what only looks. */
  readonly look: Act
  /** Does something as soon as it can be done. */
  readonly note: (does: (machine: Machine, now: number) => void, now: number) => void
}

export type Act = <A>(f: (machine: Machine, now: number) => A) => Effect.Effect<A>

/** A circuit of this process alone. */
export const local = (settings: Settings, cell: Cell, moved: (move: Move) => void): Place => {
  cell.current = Circuit.counting(settings, cell.current)
  const machine = new Machine(settings, cell, moved)
  const act: Act = (f) => Effect.withFiber((fiber) => Effect.succeed(f(machine, monotonic.now(fiber))))
  return {
    gate: machine,
    check: { admit: (now) => machine.check(now), settle: () => {} },
    act,
    look: act,
    note: (does, now) => does(machine, now)
  }
}
