/**
 * One execution for each key at a time, whose end all those get who asked for it in the meantime. It belongs to none of
 * them: it goes on as long as one of them waits, and is interrupted when the last one has left.
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as MutableHashMap from "effect/MutableHashMap"
import * as Option from "effect/Option"
import { detached } from "../Deadline.ts"

/** Flights in progress. Memory depends on their number alone. */
export interface Flights<in Key> {
  /** Waits for the end of the flight of that key, or begins it. Equal keys must stand for the same effect. */
  readonly join: <A, E, R>(
    key: Key,
    self: (flight: Flight) => Effect.Effect<A, E, R>
  ) => Effect.Effect<A, E, R>
  readonly has: (key: Key) => boolean
  /** Those who ask for that key from now on begin anew; those who wait already are not affected. */
  readonly forget: (key: Key) => void
  readonly forgetAll: () => void
  /** How many flights there are, and how many wait for one. */
  readonly count: () => { readonly flights: number; readonly waiting: number }
}

/** One flight. */
export interface Flight {
  /** Nobody can join it any more. */
  readonly forgotten: boolean
}

type Waiter = (exit: Exit.Exit<unknown, unknown>) => void

interface Entry extends Flight {
  forgotten: boolean
  readonly waiters: Set<Waiter>
  /** Absent while its first steps run. */
  fiber: Fiber.Fiber<unknown, unknown> | undefined
}

export const make = <Key>(): Flights<Key> => {
  const entries = MutableHashMap.empty<Key, Entry>()

  const forget = (key: Key, entry: Entry): void => {
    if (entry.forgotten) return
    entry.forgotten = true
    MutableHashMap.remove(entries, key)
  }

  const begin = <A, E, R>(
    key: Key,
    first: Waiter,
    self: (flight: Flight) => Effect.Effect<A, E, R>,
    context: Context.Context<R>
  ): Entry => {
    const entry: Entry = { forgotten: false, waiters: new Set([first]), fiber: undefined }
    MutableHashMap.set(entries, key, entry)
    // The first caller's scope may close while others wait, so the flight has one of its own.
    const flight = Effect.scoped(detached(Effect.suspend(() => self(entry))))
    const fiber = entry.fiber = Effect.runForkWith(context)(flight)
    fiber.addObserver((exit) => {
      forget(key, entry)
      for (const waiter of entry.waiters) {
        entry.waiters.delete(waiter)
        waiter(exit)
      }
    })
    return entry
  }

  const leave = (key: Key, entry: Entry, waiter: Waiter): Effect.Effect<void> =>
    Effect.suspend(() => {
      entry.waiters.delete(waiter)
      if (entry.waiters.size > 0 || entry.fiber === undefined) return Effect.void
      forget(key, entry)
      return Fiber.interrupt(entry.fiber)
    })

  return {
    join: <A, E, R>(key: Key, self: (flight: Flight) => Effect.Effect<A, E, R>) =>
      Effect.contextWith((context: Context.Context<R>) =>
        Effect.callback<A, E>((resume) => {
          // What stands under an equal key is the same effect, and so ends as one of these.
          const waiter = resume as Waiter
          const known = Option.getOrUndefined(MutableHashMap.get(entries, key))
          known?.waiters.add(waiter)
          return leave(key, known ?? begin(key, waiter, self, context), waiter)
        })
      ),
    has: (key) => MutableHashMap.has(entries, key),
    forget: (key) => {
      const entry = MutableHashMap.get(entries, key)
      if (Option.isSome(entry)) forget(key, entry.value)
    },
    forgetAll: () => {
      for (const entry of MutableHashMap.values(entries)) entry.forgotten = true
      MutableHashMap.clear(entries)
    },
    count: () => {
      let waiting = 0
      for (const { waiters } of MutableHashMap.values(entries)) waiting += waiters.size
      return { flights: MutableHashMap.size(entries), waiting }
    }
  }
}
