/** What a process knows of a circuit that lives in a shared store, and what it has to tell the store. */
import type { Circuit } from "./circuit.ts"
import type { Exchange } from "./exchange.ts"
import type { Cell, Machine, Move } from "./machine.ts"

export interface Copy {
  /** The store's clock less the monotonic one of this process, in milliseconds. */
  offset: number
  /** When the copy was made, of the monotonic clock; never: `-Infinity`. */
  madeAt: number
  /** What the store is to be told, in order. */
  waiting: Array<Op>
  /** One exchange with the store is under way, or waits for the store. */
  busy: boolean
  /** Calls that did not go well are among what the store has not been told. */
  unwell: boolean
  /** The store cannot be reached, and is not asked before that time of the monotonic clock. */
  downUntil: number | undefined
}

/** Something that happens to the circuit. */
export interface Op {
  /** When, of the monotonic clock. */
  readonly at: number
  /** May be asked more than once; what it returns is run once, for the state that was kept. */
  readonly apply: (cell: Cell, moved: (move: Move) => void, now: number) => (() => void) | undefined
  /** Whose it is: the one that is told of the transitions that come of it. */
  readonly by: Exchange
  /** The store must be told at once. */
  readonly urgent: boolean
  /** An operator's word: where the store cannot be reached, it is told later. */
  readonly lasting: boolean
  /** Instead of `apply`, where nothing may be decided without the store. `retryAfter` in milliseconds. */
  readonly refused?: ((retryAfter: number) => void) | undefined
}

/** Beyond that the copy is refreshed, in milliseconds. */
export const fresh = 100
/** Beyond that it is not trusted, in milliseconds. */
export const stale = 1_000

export const of = (cell: Cell): Copy =>
  cell.copy ??= { offset: 0, madeAt: -Infinity, waiting: [], busy: false, unwell: false, downUntil: undefined }

/** Something done with the circuit. */
export type Does<A> = (machine: Machine, now: number) => A

/** From now on tickets are of this process alone: the store's are whole numbers. */
export const goAlone = (circuit: Circuit): void => {
  circuit.generation = Math.floor(circuit.generation) + 0.5
}
