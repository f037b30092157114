/** A circuit, wherever its state lives. */
import * as Effect from "effect/Effect"
import type { CircuitOpen } from "../../IntegrationError.ts"
import type * as Policy from "../../Policy.ts"
import * as monotonic from "../monotonic.ts"
import { type Cell, Machine, type Move, type Settings } from "./machine.ts"

export interface Place {
  readonly gate: Policy.Gate<CircuitOpen>
  readonly check: Policy.Gate<CircuitOpen>
  /** Does something with the circuit as it is now. */
  readonly act: Act
}

export type Act = <A>(f: (machine: Machine, now: number) => A) => Effect.Effect<A>

/** A circuit of this process alone. */
export const local = (settings: Settings, cell: Cell, moved: (move: Move) => void): Place => {
  const machine = new Machine(settings, cell, moved)
  return {
    gate: machine,
    check: { admit: (now) => machine.check(now), settle: () => {} },
    act: (f) => Effect.withFiber((fiber) => Effect.succeed(f(machine, monotonic.now(fiber))))
  }
}
