/** Cached values in this process, at most so many: the one that was not asked for the longest makes room. */
import * as Effect from "effect/Effect"
import * as MutableHashMap from "effect/MutableHashMap"
import * as Option from "effect/Option"
import type { Lifetime, Storage } from "../../policy/Cache.ts"
import * as monotonic from "../monotonic.ts"

/** In the order in which they were last asked for. */
export type Items<Key, A> = MutableHashMap.MutableHashMap<Key, Item<A>>

interface Item<out A> {
  readonly value: A
  readonly lifetime: Lifetime
  /** Milliseconds of the monotonic clock. */
  readonly at: number
}

export const empty = <Key, A>(): Items<Key, A> => MutableHashMap.empty()

export const make = <Key, A>(items: Items<Key, A>, capacity: number): Storage<Key, A> => ({
  get: (key) =>
    atNow((now) => {
      const item = Option.getOrUndefined(MutableHashMap.get(items, key))
      if (item === undefined) return undefined
      MutableHashMap.remove(items, key)
      const age = now - item.at
      if (age >= usableFor(item.lifetime)) return undefined
      MutableHashMap.set(items, key, item)
      return { value: item.value, lifetime: item.lifetime, age }
    }),
  set: (key, value, lifetime) =>
    atNow((now) => {
      MutableHashMap.set(items, key, { value, lifetime, at: now })
      for (const oldest of MutableHashMap.keys(items)) {
        if (MutableHashMap.size(items) <= capacity) return
        MutableHashMap.remove(items, oldest)
      }
    }),
  remove: (key) => Effect.sync(() => void MutableHashMap.remove(items, key)),
  clear: Effect.sync(() => void MutableHashMap.clear(items)),
  size: Effect.sync(() => MutableHashMap.size(items))
})

/** How long a value is of any use, in milliseconds. */
export const usableFor = ({ revalidate, staleIfError, staleWhileRevalidate, ttl }: Lifetime): number =>
  ttl + Math.max(staleWhileRevalidate, staleIfError, revalidate)

const atNow = <A>(f: (now: number) => A): Effect.Effect<A> =>
  Effect.withFiber((fiber) => Effect.succeed(f(monotonic.now(fiber))))
