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
  /** The same, for what lasts: it is told to a store that cannot be reached when it is back. By default a word. */
  readonly operate: <A>(f: (machine: Machine, now: number) => A, kind?: "word" | "mode") => Effect.Effect<A>
  /** The same, for what only looks. */
  readonly look: Act
  /** Puts it in a mode as soon as that can be done; that lasts as well. */
  readonly configure: (mode: Circuit.Mode, now: number) => void
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
    operate: act,
    look: act,
    configure: (mode, now) => machine.configure(mode, now)
  }
}
