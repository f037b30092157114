/**
 * Cached values that processes share. Their age is told by the clock of the store. A value lies behind a line that says when
 * it was stored, for how long, and in which epoch: clearing begins a new one, in which those of others are not known.
 */
import * as Effect from "effect/Effect"
import type { Lifetime, SharedStorageOptions, Storage, Stored } from "../../policy/Cache.ts"
import type { StoreUnavailable } from "../../Stores.ts"
import { usableFor } from "./memory.ts"

/** An epoch is remembered for as long as any value that was stored before it. */
const longest = 365 * 24 * 60 * 60 * 1_000

export const make = <Key, A>(options: SharedStorageOptions<Key, A>): Storage<Key, A> => {
  const { decode, encode, keyOf, name, shared } = options
  const epochKey = `cache-epoch/${name}`
  const keyFor = (key: Key) => `cache/${encodeURIComponent(name)}/${keyOf(key)}`
  const look = (key: string) => shared.modify(key, (kept, now) => ({ answer: { kept, now } }))

  return {
    get: (key) =>
      Effect.suspend(() => Effect.all([look(keyFor(key)), shared.get(epochKey)], { concurrency: 2 })).pipe(
        Effect.flatMap(([{ kept, now }, epoch = ""]) =>
          kept === undefined ? Effect.undefined : read(kept, epoch, now, decode)
        ),
        orNothing
      ),
    set: (key, value, lifetime) =>
      Effect.flatMap(look(epochKey), ({ kept: epoch = "", now }) => {
        const text = written(value, encode)
        return text === undefined
          ? Effect.void
          : shared.set(
            keyFor(key),
            `${headOf({ epoch, at: now, ...lifetime })}\n${text}`,
            Math.min(usableFor(lifetime), longest)
          )
      }).pipe(orNothing),
    remove: (key) => Effect.suspend(() => shared.remove(keyFor(key))).pipe(orNothing),
    clear: shared.modify(epochKey, (kept, now) => ({
      answer: undefined,
      // A time, so that it is not one that was there before; a later one, even if no time has passed.
      keep: { value: String(Math.max(now, (Number(kept) || 0) + 1)), timeToLive: longest }
    })).pipe(orNothing),
    size: Effect.succeed(NaN)
  }
}

/** A store that cannot be reached knows nothing and keeps nothing. */
const orNothing = <A>(self: Effect.Effect<A, StoreUnavailable>): Effect.Effect<A | undefined> =>
  Effect.catch(self, () => Effect.undefined)

interface Head extends Lifetime {
  readonly epoch: string
  /** When it was stored, on the clock of the store. */
  readonly at: number
}

const headOf = ({ at, epoch, revalidate, staleIfError, staleWhileRevalidate, ttl }: Head): string =>
  JSON.stringify([epoch, at, ttl, staleWhileRevalidate, staleIfError, revalidate])

const written = <A>(value: A, encode: (value: A) => string): string | undefined => {
  try {
    return encode(value)
  } catch {
    return undefined
  }
}

/** What another version of a program has stored may be anything. */
const read = <A>(
  text: string,
  epoch: string,
  now: number,
  decode: (text: string) => Effect.Effect<A, unknown>
): Effect.Effect<Stored<A> | undefined> => {
  const end = text.indexOf("\n")
  const head = parsed(text.slice(0, end))
  if (head === undefined || head.epoch !== epoch) return Effect.undefined
  const { at, epoch: _, ...lifetime } = head
  // The clock of a store may be set back.
  const age = Math.max(0, now - at)
  return Effect.suspend(() => decode(text.slice(end + 1))).pipe(
    Effect.map((value): Stored<A> => ({ value, lifetime, age })),
    Effect.catchCause(() => Effect.undefined)
  )
}

const parsed = (head: string): Head | undefined => {
  try {
    const [epoch, ...times] = JSON.parse(head)
    if (times.length !== 5 || !times.every((time: unknown) => typeof time === "number")) return undefined
    const [at, ttl, staleWhileRevalidate, staleIfError, revalidate] = times
    return { epoch, at, ttl, staleWhileRevalidate, staleIfError, revalidate }
  } catch {
    return undefined
  }
}
