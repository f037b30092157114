/**
 * Lists of deadlines: one for the attempts that have the same timeout, and one for those that wait as long, so that adding
 * to a list is appending. All that share their stores share them, and the fiber that watches each.
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { Stores } from "../Stores.ts"
import * as Deadlines from "./deadlines.ts"

/** Of the attempts of an operation: those that run, and those that wait for their turn. */
export interface Lists extends Deadlines.Deadlines {
  readonly waiting: Deadlines.Deadlines
}

/** The lists of operations with these times, in milliseconds: of an attempt, and of a wait before it. */
export type OfTimes = (attempt: number, wait: number) => (clock: Clock.Clock) => Lists

/** By kind and time. A process has one clock; a test may change it between calls. */
interface Shared {
  readonly clocks: Map<Clock.Clock, Map<string, Deadlines.Deadlines>>
  users: number
}

export const make: Effect.Effect<OfTimes, never, Stores | Scope.Scope> = Effect.gen(function*() {
  const stores = yield* Stores
  const initial = (): Shared => ({ clocks: new Map(), users: 0 })
  const shared = (yield* stores.state("deadlines", initial)).ref.current
  const { clocks } = shared
  yield* Effect.acquireRelease(
    Effect.sync(() => shared.users++),
    () =>
      Effect.sync(() => {
        if (--shared.users > 0) return
        for (const lists of clocks.values()) for (const list of lists.values()) list.release()
        clocks.clear()
      })
  )
  const listOf = (clock: Clock.Clock, key: string): Deadlines.Deadlines => {
    let lists = clocks.get(clock)
    if (lists === undefined) clocks.set(clock, lists = new Map())
    let list = lists.get(key)
    if (list === undefined) lists.set(key, list = Deadlines.make(clock))
    return list
  }
  return (attempt, wait) => {
    let last: { readonly clock: Clock.Clock; readonly lists: Lists } | undefined
    return (clock) => {
      if (last?.clock !== clock) {
        last = { clock, lists: { ...listOf(clock, `attempt ${attempt}`), waiting: listOf(clock, `wait ${wait}`) } }
      }
      return last.lists
    }
  }
})
