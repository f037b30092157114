/** Lists of deadlines by timeout, so that adding to one is appending: the same for all that share their stores. */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { Stores } from "../Stores.ts"
import * as Deadlines from "./deadlines.ts"

/** Of the attempts with one timeout: those that run; and, because theirs is another time, those that wait for their turn. */
export interface Lists extends Deadlines.Deadlines {
  readonly waiting: Deadlines.Deadlines
}

/** The lists of a clock: a process has one; a test may change it between calls. */
interface Shared {
  readonly clocks: Map<Clock.Clock, Map<number, Lists>>
  users: number
}

export const make: Effect.Effect<
  (clock: Clock.Clock, timeout: number) => Lists,
  never,
  Stores | Scope.Scope
> = Effect.gen(function*() {
  const stores = yield* Stores
  const initial = (): Shared => ({ clocks: new Map(), users: 0 })
  const shared = (yield* stores.state("deadlines", initial)).ref.current
  const { clocks } = shared
  yield* Effect.acquireRelease(
    Effect.sync(() => shared.users++),
    () =>
      Effect.sync(() => {
        if (--shared.users > 0) return
        for (const lists of clocks.values()) {
          for (const list of lists.values()) {
            list.release()
            list.waiting.release()
          }
        }
        clocks.clear()
      })
  )
  return (clock, timeout) => {
    let lists = clocks.get(clock)
    if (lists === undefined) clocks.set(clock, lists = new Map())
    let list = lists.get(timeout)
    if (list === undefined) lists.set(timeout, list = { ...Deadlines.make(clock), waiting: Deadlines.make(clock) })
    return list
  }
})
