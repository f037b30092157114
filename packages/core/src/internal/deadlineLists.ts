/** One list of deadlines per timeout, so that adding to it is appending. */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Deadlines from "./deadlines.ts"

/** The lists of one clock: a process has one; a test may change it between calls. */
export const make: Effect.Effect<
  (clock: Clock.Clock, timeout: number) => Deadlines.Deadlines,
  never,
  Scope.Scope
> = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => new Map<Clock.Clock, Map<number, Deadlines.Deadlines>>()),
    (clocks) =>
      Effect.sync(() => {
        for (const lists of clocks.values()) for (const list of lists.values()) list.release()
      })
  ),
  (clocks) => (clock, timeout) => {
    let lists = clocks.get(clock)
    if (lists === undefined) clocks.set(clock, lists = new Map())
    let list = lists.get(timeout)
    if (list === undefined) lists.set(timeout, list = Deadlines.make(clock))
    return list
  }
)
