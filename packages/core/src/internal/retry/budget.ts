/**
 * How many requests may be added to those that callers asked for. Retries and hedges pay from the same budget, so that a
 * remote in trouble gets a bounded amount of extra load, however many calls there are.
 *
 * Each process has its own, also where stores are shared: it is a share of that process's calls, so that all processes
 * together pay for the same share of all calls, and a common one would cost a round trip for nothing.
 */
import * as Effect from "effect/Effect"
import { Stores } from "../../Stores.ts"
import * as SlidingCounts from "../circuit/slidingCounts.ts"

/** Settings, with times in milliseconds. */
export interface Settings {
  readonly ratio: number
  readonly minPerSecond: number
  readonly ttl: number
}

/** Plain data. Mutated in place. */
export interface State {
  /** Calls, and the repetitions that were paid from their share. */
  readonly counts: SlidingCounts.SlidingCounts
  /** What is left of the reserve, and when that was so. */
  reserve: number
  reserveAt: number
}

/** What pays for repetitions. Nothing here suspends. Times are milliseconds of the monotonic clock. */
export interface Payer {
  /** Pays for a repetition; false where there is nothing left. */
  readonly withdraw: (now: number) => boolean
  /** The repetition that was paid for last will not take place. */
  readonly giveBack: (now: number) => void
}

/** Pays for a share of the calls it is told of. */
export interface Budget extends Payer {
  /** A call begins. */
  readonly deposit: (now: number) => void
  /** How many repetitions could be paid for now. */
  readonly balance: (now: number) => number
}

export const initial = (settings: Settings): State => ({
  counts: SlidingCounts.make(settings.ttl),
  reserve: capacity(settings),
  reserveAt: 0
})

/** Pays for everything. */
export const unlimited: Budget = {
  deposit: () => {},
  withdraw: () => true,
  giveBack: () => {},
  balance: () => Infinity
}

/** A budget over a state that others may share. */
export const make = (settings: Settings, cell: { readonly current: State }): Budget => {
  const full = capacity(settings)
  const share = ({ counts }: State): number =>
    Math.max(0, Math.floor(counts.firstTotal * settings.ratio + tolerance) - counts.secondTotal)
  const refill = (state: State, now: number): void => {
    SlidingCounts.advance(state.counts, now)
    const earned = Math.max(0, now - state.reserveAt) * settings.minPerSecond / 1000
    state.reserve = Math.min(full, state.reserve + earned)
    state.reserveAt = now
  }
  return {
    deposit: (now) => SlidingCounts.add(cell.current.counts, 1, 0, now),
    withdraw: (now) => {
      const state = cell.current
      refill(state, now)
      if (share(state) >= 1) {
        SlidingCounts.add(state.counts, 0, 1, now)
        return true
      }
      if (state.reserve + tolerance < 1) return false
      state.reserve -= 1
      return true
    },
    giveBack: (now) => {
      const state = cell.current
      refill(state, now)
      if (!SlidingCounts.takeSecond(state.counts)) state.reserve = Math.min(full, state.reserve + 1)
    },
    balance: (now) => {
      const state = cell.current
      refill(state, now)
      return share(state) + Math.floor(state.reserve + tolerance)
    }
  }
}

/** The one of that name, of which all who repeat a call under it pay; without settings, one that pays for everything. */
export const named = (name: string, settings: Settings | undefined): Effect.Effect<Budget, never, Stores> =>
  settings === undefined
    ? Effect.succeed(unlimited)
    : Effect.flatMap(
      Stores,
      ({ state }) =>
        Effect.map(state(`retry-budget/${name}`, () => initial(settings)), ({ ref }) => make(settings, ref))
    )

/** What rounding may be off by. */
const tolerance = 1e-9

/** One second's worth, and one at least, so that a rate below one per second can be saved up for. */
const capacity = ({ minPerSecond }: Settings): number => minPerSecond === 0 ? 0 : Math.max(1, minPerSecond)
