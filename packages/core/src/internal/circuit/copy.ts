/** What a process knows of a circuit that lives in a shared store, and what it has to tell the store. */
import type { Circuit } from "./circuit.ts"
import type { Exchange } from "./exchange.ts"
import type { Cell, Machine, Move } from "./machine.ts"

export interface Copy {
  /** The store's clock less the monotonic one of this process, in milliseconds. */
  offset: number
  /** When the copy was made, of the monotonic clock; never: `-Infinity`. */
  madeAt: number
  /** What is to happen in the store, in order. */
  waiting: Array<Op>
  /** What has happened here while the store could not be reached, and is to be said there: the last of each kind. */
  words: Array<Op>
  /** One exchange with the store is under way, or waits for the store. */
  busy: boolean
  /** The store cannot be reached, and is not asked before that time of the monotonic clock. */
  downUntil: number | undefined
}

/** Something that happens to the circuit. */
export interface Op {
  readonly kind: Kind
  /** When, of the monotonic clock. */
  readonly at: number
  /** May be asked more than once; what it returns is run once, for the state that was kept. */
  readonly apply: (cell: Cell, moved: (move: Move) => void, now: number) => (() => void) | undefined
  /** Whose it is: the one that is told of the transitions that come of it. */
  readonly by: Exchange
  /** The store must be told at once. */
  readonly urgent: boolean
  /** Instead of `apply`, where nothing may be decided without the store. `retryAfter` in milliseconds. */
  readonly refused?: ((retryAfter: number) => void) | undefined
}

/**
 * The outcome of a call that the store's state has let through; what is of this moment alone; or what lasts, so that a
 * store that cannot be reached is told later: an operator's word, or a configured mode.
 */
export type Kind = "outcome" | "moment" | "word" | "mode"

/** Beyond that the copy is refreshed, in milliseconds. */
export const fresh = 100
/** Beyond that it is not trusted, in milliseconds. */
export const stale = 1_000

export const of = (cell: Cell): Copy =>
  cell.copy ??= { offset: 0, madeAt: -Infinity, waiting: [], words: [], busy: false, downUntil: undefined }

/** Something done with the circuit. */
export type Does<A> = (machine: Machine, now: number) => A

/** Remembers what lasts for when the store is back. A word takes the place of the one before. */
export const remember = (copy: Copy, ops: ReadonlyArray<Op>): void => {
  for (const op of ops) {
    if (op.kind === "word" || op.kind === "mode") {
      copy.words = [...copy.words.filter(({ kind }) => kind !== op.kind), op]
    }
  }
}

/** From now on tickets are of this process alone: the store's are whole numbers. */
export const goAlone = (circuit: Circuit): void => {
  circuit.generation = alone(circuit.generation)
}

/** What a generation is called when the process has gone alone. */
export const alone = (generation: number): number => Math.floor(generation) + 0.5
