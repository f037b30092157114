// What was measured, round by round, and how two contenders compare.
import type { Round } from "./measure.ts"

/** A workload at so many calls at a time: for each contender its rounds, in the order of the rounds of all others. */
export interface Cell {
  readonly workload: string
  readonly inFlight: number
  readonly rounds: ReadonlyMap<string, ReadonlyArray<Round>>
}

export interface Quartiles {
  readonly lower: number
  readonly median: number
  readonly upper: number
}

export const quartiles = (values: ReadonlyArray<number>): Quartiles => {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (quantile: number): number => {
    const position = (sorted.length - 1) * quantile
    const [low, high] = [sorted[Math.floor(position)]!, sorted[Math.ceil(position)]!]
    return low + (high - low) * (position % 1)
  }
  return { lower: at(0.25), median: at(0.5), upper: at(0.75) }
}

export const measures = {
  cpu: (round: Round): number => round.cpu,
  throughput: (round: Round): number => round.calls / round.elapsed,
  p50: (round: Round): number => round.p50,
  p99: (round: Round): number => round.p99
}

/** How many times as much one contender has of it as another one: round by round, because both saw the same machine then. */
export const ratio = (cell: Cell, measure: keyof typeof measures, of: string, to: string): Quartiles | undefined => {
  const [own, other] = [cell.rounds.get(of), cell.rounds.get(to)]
  if (own === undefined || other === undefined) return undefined
  return quartiles(own.map((round, i) => measures[measure](round) / measures[measure](other[i]!)))
}
