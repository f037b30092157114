/** Where circuits live: in this process alone, or in a store that processes share. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import type { Shared } from "../../Stores.ts"
import * as Circuit from "./circuit.ts"
import type { Surroundings } from "./exchange.ts"
import type { Bounds } from "./keys.ts"
import type { Cell, Move, Settings } from "./machine.ts"
import { local, type Place } from "./place.ts"
import { shared } from "./shared.ts"
import * as Stored from "./stored.ts"

export interface Home {
  /** `name` is that of the circuit in the store. */
  readonly placed: (name: string, cell: Cell, moved: (move: Move) => void) => Place
  readonly spare: Bounds["spare"]
}

export const make = (store: Shared | undefined, settings: Settings): Effect.Effect<Home, never, Scope.Scope> =>
  store === undefined
    ? Effect.succeed({
      placed: (_, cell, moved) => local(settings, cell, moved),
      spare: isSpare(Circuit.fresh(settings)._tag)
    })
    : Effect.map(surroundings(store, settings), (around) => ({
      placed: (name, cell, moved) => shared(Stored.keyOf(name), cell, moved, around),
      spare: isCopy(Circuit.fresh(settings)._tag)
    }))

const surroundings = (shared: Shared, settings: Settings): Effect.Effect<Surroundings, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.contextWith((context) =>
      Effect.sync((): Surroundings => ({
        shared,
        settings,
        context,
        running: new Map(),
        closed: false
      }))
    ),
    (around) =>
      Effect.suspend(() => {
        around.closed = true
        return ended(around.running)
      })
  )

/** How long a question to the store may be under way when the scope is closed, in milliseconds. */
const grace = 1_000

/** What the store is being told is told to the end, and what waits with it. Who has nothing to tell does not wait for it. */
const ended = Effect.fnUntraced(function*(running: Surroundings["running"]) {
  const fibers = [...running.keys()]
  if (fibers.length === 0) return
  yield* Fiber.interruptAll(fibers.filter((fiber) => running.get(fiber)?.idle))
  const tooLate = yield* Effect.forkChild(Effect.andThen(Effect.sleep(grace), Fiber.interruptAll(fibers)))
  yield* Fiber.awaitAll(fibers)
  yield* Fiber.interrupt(tooLate)
})

/**
 * One that is closed can be made anew, and an open one when it has been due for as long as it was open. What an operator
 * did to it is never forgotten.
 */
const isSpare = (fresh: Circuit.Tag): Bounds["spare"] => ({ current }, now, idle) => {
  if (current._tag === fresh) return true
  if (current._tag === "HalfOpen") return idle
  return current._tag === "Open" && idle && now - current.until >= current.openFor
}

/** The store remembers, if it knows all that has to last. Where it cannot be reached, only this process does. */
const isCopy = (fresh: Circuit.Tag): Bounds["spare"] => ({ copy, current }) =>
  copy === undefined ||
  (!copy.busy && copy.words.length === 0 && (copy.downUntil === undefined || current._tag === fresh))
