/** Lists of deadlines by timeout, so that adding to one is appending. */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Deadlines from "./deadlines.ts"

/** Of the attempts with one timeout: those that run; and, because theirs is another time, those that wait for their turn. */
export interface Lists extends Deadlines.Deadlines {
  readonly waiting: Deadlines.Deadlines
}

/** The lists of one clock: a process has one; a test may change it between calls. */
export const make: Effect.Effect<
  (clock: Clock.Clock, timeout: number) => Lists,
  never,
  Scope.Scope
> = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => new Map<Clock.Clock, Map<number, Lists>>()),
    (clocks) =>
      Effect.sync(() => {
        for (const lists of clocks.values()) {
          for (const list of lists.values()) {
            list.release()
            list.waiting.release()
          }
        }
      })
  ),
  (clocks) => (clock, timeout) => {
    let lists = clocks.get(clock)
    if (lists === undefined) clocks.set(clock, lists = new Map())
    let list = lists.get(timeout)
    if (list === undefined) lists.set(timeout, list = { ...Deadlines.make(clock), waiting: Deadlines.make(clock) })
    return list
  }
)
