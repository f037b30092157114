/**
 * Who answers are for: those who have the same credentials at the same address, and nobody else. In this process they are
 * kept for as long as someone has these; in a shared store under names that tell nothing of request or credentials.
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Cache from "../../policy/Cache.ts"
import { type Shared, Stores, type StoreUnavailable } from "../../Stores.ts"
import { type Answered, codec, forMemory } from "../cache/answered.ts"
import * as Mac from "../cache/mac.ts"
import * as Memory from "../cache/memory.ts"
import * as Shelves from "../cache/shelves.ts"
import type { Operation } from "../contract/operation.ts"

export interface Audience {
  /** In the store that processes share, as the remote sent it; where there is none, in memory. */
  readonly storage: (kept: Kept) => Cache.Storage<string, Answered>
}

/** What is kept in one place. */
export interface Kept {
  /** Different for each place of the integration. */
  readonly name: string
  readonly operation: Operation
  /** How many, where they are in memory. */
  readonly capacity: number
  /** Whether an answer comes back with its headers, to be asked for by its validator. */
  readonly headers: boolean
}

/** Takes its place for as long as the scope is open. */
export const make = Effect.fnUntraced(function*(
  integration: string,
  baseUrl: string,
  credentials: object
): Effect.fn.Return<Audience, never, Stores | Scope.Scope> {
  const { shared, state } = yield* Stores
  const owner = Redacted.make(JSON.stringify(plain([baseUrl, credentials], new Set())))
  if (shared !== undefined) {
    const nameOf = yield* named(shared, integration, owner)
    return {
      storage: ({ headers, name, operation }) => {
        const place = `${integration}/${name}`
        const storage = Cache.sharedStorage<string, Answered>({
          shared,
          name: place,
          keyOf: (name) => name,
          ...codec(operation, headers)
        })
        return renamed(storage, (key) => nameOf(JSON.stringify([place, key])))
      }
    }
  }
  const { ref: { current: shelves } } = yield* state(`answers/${integration}`, (): Shelves.Shelves => new Set())
  const itemsOf = yield* Shelves.take(shelves, owner)
  return {
    storage: ({ capacity, headers, name }) => {
      const storage = Memory.make(itemsOf(name), capacity)
      return {
        ...storage,
        set: (key, answered, lifetime) => storage.set(key, forMemory(answered, headers), lifetime)
      }
    }
  }
})

/**
 * Names that all know who share the store and have the same credentials. Its salt is asked for with the first of them, and
 * again while the store cannot be reached.
 */
const named = Effect.fnUntraced(function*(shared: Shared, integration: string, owner: Redacted.Redacted<string>) {
  const salt = yield* Mac.salt
  let known: Mac.Key | undefined
  const ask = Effect.suspend(() =>
    shared.modify(`salt/${integration}`, (kept = salt) => ({
      answer: kept,
      keep: { value: kept, timeToLive: aYear }
    }))
  ).pipe(
    Effect.flatMap(Mac.keyOf),
    Effect.flatMap((key) => Mac.nameOf(key, Redacted.value(owner))),
    Effect.flatMap(Mac.keyOf),
    Effect.map((key) => known = key)
  )
  const key = Effect.suspend(() => known === undefined ? ask : Effect.succeed(known))
  return (text: string): Effect.Effect<string, StoreUnavailable> => Effect.flatMap(key, (key) => Mac.nameOf(key, text))
})

/** As long as anything is kept in a shared store. */
const aYear = 365 * 24 * 60 * 60 * 1_000

/** A storage with other names for its keys. Where there is no name, nothing is known and nothing is kept. */
const renamed = <A>(
  storage: Cache.Storage<string, A>,
  nameOf: (key: string) => Effect.Effect<string, StoreUnavailable>
): Cache.Storage<string, A> => {
  const under = <B>(key: string, use: (name: string) => Effect.Effect<B>): Effect.Effect<B | undefined> =>
    Effect.matchEffect(nameOf(key), { onFailure: () => Effect.undefined, onSuccess: use })
  return {
    ...storage,
    get: (key) => under(key, storage.get),
    set: (key, value, lifetime) => under(key, (name) => storage.set(name, value, lifetime)),
    remove: (key) => under(key, storage.remove)
  }
}

/** As data that is equal for what is. What is no data, such as a function or an instance of a class, is like no other. */
const plain = (value: unknown, within: ReadonlySet<object>): unknown => {
  if (Redacted.isRedacted(value)) return ["redacted", plain(Redacted.value(value), within)]
  if (value === null) return ["null"]
  if (typeof value !== "object") return primitives.has(typeof value) ? [typeof value, String(value)] : unlike()
  if (within.has(value)) return unlike()
  const inner = new Set(within).add(value)
  if (Array.isArray(value)) return ["array", value.map((item) => plain(item, inner))]
  const prototype = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return unlike()
  return [
    "object",
    Object.entries(value).map(([name, part]) => [name, plain(part, inner)])
  ]
}

const primitives = new Set(["bigint", "boolean", "number", "string", "undefined"])
const unlike = (): string => globalThis.crypto.randomUUID()
