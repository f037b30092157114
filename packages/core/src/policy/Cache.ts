/**
 * Keeps answers for a while, so that the remote is not asked again for what is known.
 *
 * - Fresh: an answer younger than `ttl` is served as it is.
 * - Stale while revalidating: for some time after that it is served at once, and fetched anew in the background.
 * - Stale if error: for some time after it ceased to be fresh it is served in place of a failure of the remote.
 *
 * Whatever succeeds is kept, also `undefined`, `0`, `""` and `false`; a failure is never kept. Those who ask for a key
 * that is being fetched wait for that one answer. Fetching belongs to all who wait for it: it has the services of the
 * caller who began it, but a scope of its own and no deadline, and is interrupted when the last one has left.
 *
 * Values lie in a `Storage`: by default in memory, at most `capacity` of them, shared by all caches of that name in the
 * same `Stores`. Memory grows with the number of keys up to that bound, never with the number of calls.
 *
 * @example
 * const cache = yield* Cache.make<string, Menu>({ name: "coffee/Menu", ttl: "5 minutes", staleIfError: "1 hour" })
 * yield* menuOf("berlin").pipe(cache.policy("berlin"))
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import { freshness } from "../internal/cache/freshness.ts"
import * as Memory from "../internal/cache/memory.ts"
import * as SharedValues from "../internal/cache/shared.ts"
import { atLeast, millis, notNegative, positive, problems } from "../internal/checks.ts"
import { errorOf, failOf } from "../internal/failure.ts"
import * as Flights from "../internal/flights.ts"
import { type InvalidOptions, type Problem, refuse } from "../InvalidOptions.ts"
import * as Outcome from "../Outcome.ts"
import { type Shared, Stores } from "../Stores.ts"

/** A cache of values of one type. Keys are compared by `Equal`: plain values, or objects of the same content. */
export interface Cache<in Key, in out A> {
  /** For calls whose answer is the same wherever their keys are equal. It must be one that many may use. */
  readonly policy: (key: Key) => <E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /** The same, and says where the value comes from. */
  readonly reported: (key: Key) => <E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<Cached<A>, E, R>
  /** The same, for a fetch that is given what is kept but too old, if something is, to ask for it with its validator. */
  readonly refreshed: (key: Key) => <E, R>(
    fetch: (known: A | undefined) => Effect.Effect<A, E, R>
  ) => Effect.Effect<Cached<A>, E, R>
  /** Forgets a value. What is being fetched for that key is not kept, and those who ask from now on fetch anew. */
  readonly invalidate: (key: Key) => Effect.Effect<void>
  /** Forgets all values, as `invalidate` does one. */
  readonly clear: Effect.Effect<void>
  readonly statistics: Effect.Effect<Statistics>
}

/** A value and where it comes from. */
export interface Cached<out A> {
  readonly value: A
  readonly source: "fresh" | "cache"
  /** Older than its `ttl`: it is being fetched anew, or that failed. */
  readonly stale: boolean
  /** Since it was stored; zero where it was fetched for this caller. */
  readonly age: Duration.Duration
}

/** Since this cache was made, but for `size`. */
export interface Statistics {
  /** Callers served with a value that was fresh. */
  readonly hits: number
  /** Callers served with a stale value. */
  readonly stale: number
  /** Callers who waited for an answer and got it, or its failure. */
  readonly misses: number
  /** Fetches begun, those in the background included. */
  readonly fetches: number
  /** Fetches that failed. */
  readonly failures: number
  /** Values kept now, those of no more use included; `NaN` where the storage does not count them. */
  readonly size: number
}

export interface Options {
  /** How long a value is fresh: positive, finite. */
  readonly ttl: Duration.Input
  /** How long after that it is served while it is fetched anew in the background: not negative, default 0. */
  readonly staleWhileRevalidate?: Duration.Input | undefined
  /** How long after `ttl` it is served if the remote fails or a policy refuses to ask it: not negative, default 0. */
  readonly staleIfError?: Duration.Input | undefined
  /** Values kept in memory, at least 1: default 1,000. The one that was not asked for the longest makes room. */
  readonly capacity?: number | undefined
}

/** How long one value may be used, in milliseconds; what is absent is as the options say. */
export interface Freshness {
  readonly ttl?: number | undefined
  readonly staleWhileRevalidate?: number | undefined
  readonly staleIfError?: number | undefined
  /** How long after `ttl` it is kept to be asked for with its validator (`refreshed`): default 0. */
  readonly revalidate?: number | undefined
}

/** How long one value is used, in milliseconds. All but `ttl` begin with the end of `ttl`. */
export interface Lifetime {
  readonly ttl: number
  readonly staleWhileRevalidate: number
  readonly staleIfError: number
  readonly revalidate: number
}

/** A value as it lies in a storage. */
export interface Stored<out A> {
  readonly value: A
  readonly lifetime: Lifetime
  /** Milliseconds since it was stored, on the storage's own clock. */
  readonly age: number
}

/**
 * Where values lie. It drops them when they are of no more use, and does not fail: one that cannot be reached knows
 * nothing and keeps nothing.
 */
export interface Storage<in Key, in out A> {
  readonly get: (key: Key) => Effect.Effect<Stored<A> | undefined>
  readonly set: (key: Key, value: A, lifetime: Lifetime) => Effect.Effect<void>
  readonly remove: (key: Key) => Effect.Effect<void>
  readonly clear: Effect.Effect<void>
  /** `NaN` where they are not counted. */
  readonly size: Effect.Effect<number>
}

/** Where processes keep values together, and as what. */
export interface SharedStorageOptions<in Key, in out A> {
  readonly shared: Shared
  /** Caches of the same name share their values, so that they must be of one type. */
  readonly name: string
  /** What cannot be encoded, so that this throws, is not kept. */
  readonly encode: (value: A) => string
  /** What cannot be decoded counts as absent. It may come from another version of a program. */
  readonly decode: (text: string) => Effect.Effect<A, unknown>
  /** Different for keys that are. */
  readonly keyOf: (key: Key) => string
}

/** A fetch that failed, also where callers got a stale value in its place. */
export interface Failed<out Key> {
  readonly key: Key
  /** What it failed with, its defect, or its result if that was classified as a failure. */
  readonly error: unknown
  readonly outcome: Outcome.Outcome
}

/** What is wrong with some options. */
export const validate = (options: Partial<Options>): ReadonlyArray<Problem> =>
  problems(
    positive("ttl", options.ttl),
    notNegative("staleWhileRevalidate", options.staleWhileRevalidate),
    notNegative("staleIfError", options.staleIfError),
    atLeast(1, "capacity", options.capacity)
  )

/**
 * What HTTP headers (names in lower case) say of an answer that came at that time of the wall clock in milliseconds;
 * `undefined`: it must not be kept. Where an answer varies by headers of the request (`Vary`), these belong into the
 * key.
 *
 * @see RFC 9111 (`Cache-Control`, `Expires`, `Age`), RFC 5861 (`stale-while-revalidate`, `stale-if-error`)
 */
export const fromHeaders = (
  headers: Readonly<Record<string, string | undefined>>,
  wallNowMillis: number
): Freshness | undefined => {
  const said = freshness(headers, wallNowMillis)
  return said.storable ? said : undefined
}

/** Run inside a fetch: what it answers is not kept. For what is no answer of the remote, such as a fallback. */
export const doNotStore: Effect.Effect<void> = Effect.withFiber((fiber) => {
  const fetch = fiber.getRef(CurrentFetch)
  if (fetch !== undefined) fetch.storable = false
  return Effect.void
})

/**
 * Values that processes share. Their age is told by the clock of the store, and they are kept for as long as they are of
 * use, a year at most. Clearing touches none of them, but they are not known any more. They are not counted: the size is
 * `NaN`. While the store cannot be reached, every value is unknown and none is kept; what is removed then may be there
 * again afterwards.
 */
export const sharedStorage: <Key, A>(options: SharedStorageOptions<Key, A>) => Storage<Key, A> = SharedValues.make

/**
 * A cache whose background fetches end with the scope. `freshness` says how long a value may be used, `undefined` not
 * to keep it. `classify` decides the outcomes it knows: what it calls a failure is not kept, and may be replaced by a
 * stale value. `onFailure` is told once of each fetch that failed; if it throws, that is ignored.
 */
export const make = Effect.fnUntraced(function*<Key, A>(
  options: Options & {
    readonly name: string
    readonly freshness?: ((value: A) => Freshness | undefined) | undefined
    readonly classify?: Outcome.Classifier | undefined
    readonly onFailure?: ((failed: Failed<Key>) => void) | undefined
    readonly storage?: Storage<Key, A> | undefined
  }
): Effect.fn.Return<Cache<Key, A>, InvalidOptions, Stores | Scope.Scope> {
  yield* refuse(validate(options))
  const scope = yield* Effect.scope
  const storage = options.storage ?? (yield* memory<Key, A>(options))
  const lifetimeOf = lifetimes(options, options.freshness)
  const classify = Outcome.classifyWith(options.classify)
  const flights = Flights.make<Key>()
  const counts = { hits: 0, stale: 0, misses: 0, fetches: 0, failures: 0 }

  const failed = (key: Key, { exit, outcome }: Answer<A, unknown>): void => {
    if (Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause)) return
    counts.failures++
    try {
      options.onFailure?.({ key, outcome, error: errorOf(exit) })
    } catch {
      // A listener cannot break the cache.
    }
  }

  const fetch = <E, R>(
    key: Key,
    self: Effect.Effect<A, E, R>
  ): Effect.Effect<Answer<A, E>, never, R> =>
    flights.join(key, (flight) => {
      counts.fetches++
      const mark = { storable: true }
      return Effect.flatMap(Effect.exit(Effect.provideService(self, CurrentFetch, mark)), (exit) => {
        const answer = { exit, outcome: classify(exit) }
        if (Exit.isFailure(exit) || answer.outcome._tag !== "Success") {
          failed(key, answer)
          return Effect.succeed(answer)
        }
        const lifetime = mark.storable && !flight.forgotten ? lifetimeOf(exit.value) : undefined
        return lifetime !== undefined && Memory.usableFor(lifetime) > 0
          ? Effect.as(storage.set(key, exit.value, lifetime), answer)
          : Effect.succeed(answer)
      })
    })

  const refresh = <E, R>(
    key: Key,
    self: Effect.Effect<A, E, R>
  ): Effect.Effect<unknown, never, R> =>
    // It waits for the answer as any caller does, so that the fetch lasts as long as the scope.
    flights.has(key) ? Effect.void : Effect.forkIn(fetch(key, self), scope, { startImmediately: true })

  const served = ({ age, lifetime, value }: Stored<A>): Effect.Effect<Cached<A>> => {
    const stale = age >= lifetime.ttl
    counts[stale ? "stale" : "hits"]++
    const cached: Cached<A> = { value, source: "cache", stale, age: Duration.millis(age) }
    return stale ? Effect.as(doNotStore, cached) : Effect.succeed(cached)
  }

  const waited = <E>(key: Key, { exit, outcome }: Answer<A, E>): Effect.Effect<Cached<A>, E> => {
    const missed = Effect.suspend(() => {
      counts.misses++
      return Effect.map(exit, (value): Cached<A> => ({ value, source: "fresh", stale: false, age: Duration.zero }))
    })
    if (!isReplaceable(exit, outcome)) return missed
    // Asked again, because it may have been invalidated in the meantime.
    return Effect.flatMap(
      storage.get(key),
      (known) => known !== undefined && isWithin(known, known.lifetime.staleIfError) ? served(known) : missed
    )
  }

  const refreshed: Cache<Key, A>["refreshed"] = (key) => (self) =>
    Effect.flatMap(storage.get(key), (known) => {
      if (known !== undefined && isWithin(known, 0)) return served(known)
      const fetching = Effect.suspend(() => self(known?.value))
      return known !== undefined && isWithin(known, known.lifetime.staleWhileRevalidate)
        ? Effect.andThen(refresh(key, fetching), served(known))
        : Effect.flatMap(fetch(key, fetching), (answer) => waited(key, answer))
    })
  const reported: Cache<Key, A>["reported"] = (key) => (self) => refreshed(key)(() => self)

  return {
    refreshed,
    reported,
    policy: (key) => (self) => Effect.map(reported(key)(self), ({ value }) => value),
    invalidate: (key) =>
      Effect.suspend(() => {
        flights.forget(key)
        return storage.remove(key)
      }),
    clear: Effect.suspend(() => {
      flights.forgetAll()
      return storage.clear
    }),
    statistics: Effect.map(storage.size, (size) => ({ ...counts, size }))
  }
})

/** The end of a fetch, for all who wait for it. */
interface Answer<out A, out E> {
  readonly exit: Exit.Exit<A, E>
  readonly outcome: Outcome.Outcome
}

/** The fetch that the running effect is part of. What a call does in turn is no part of it. */
export const CurrentFetch = Context.Reference<{ storable: boolean } | undefined>(
  "switchboard/Cache/CurrentFetch",
  { defaultValue: () => undefined }
)

const memory = <Key, A>({ capacity, name }: { readonly capacity?: number | undefined; readonly name: string }) =>
  Effect.flatMap(Stores, (stores) =>
    Effect.map(
      stores.state(`cache/${name}`, () => Memory.empty<Key, A>()),
      ({ ref }) => Memory.make(ref.current, capacity ?? 1000)
    ))

const lifetimes = <A>(options: Options, freshness: ((value: A) => Freshness | undefined) | undefined) => {
  const usual: Lifetime = {
    ttl: millis(options.ttl),
    staleWhileRevalidate: millis(options.staleWhileRevalidate ?? 0),
    staleIfError: millis(options.staleIfError ?? 0),
    revalidate: 0
  }
  return (value: A): Lifetime | undefined => {
    if (freshness === undefined) return usual
    const own = freshness(value)
    return own && {
      ttl: own.ttl ?? usual.ttl,
      staleWhileRevalidate: own.staleWhileRevalidate ?? usual.staleWhileRevalidate,
      staleIfError: own.staleIfError ?? usual.staleIfError,
      revalidate: own.revalidate ?? 0
    }
  }
}

/** Not older than its `ttl` and so much longer. */
const isWithin = ({ age, lifetime }: Stored<unknown>, longer: number): boolean => age < lifetime.ttl + longer

/** Another may answer in its place; a defect is a bug and shows. */
const isReplaceable = (exit: Exit.Exit<unknown, unknown>, outcome: Outcome.Outcome): boolean =>
  (Outcome.isUnavailable(exit, outcome) || (outcome._tag === "Neutral" && outcome.retryable)) &&
  (Exit.isSuccess(exit) || failOf(exit.cause) !== undefined)
