/**
 * Where state lives. Everything that outlasts a call (a breaker's state, a retry budget, cached answers) is held under a
 * name, so that two layers of one integration share it, and a restart of a layer does not forget it.
 *
 * A process has its own state; where there is a `shared` store as well, processes know the same circuits, limits and
 * answers. Shared state is plain data to which pure functions are applied, so that a policy is written once.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import { millis } from "./internal/monotonic.ts"

/** The ports that state lives behind. */
export class Stores extends Context.Service<Stores, {
  /**
   * The state of that name in this process, made with `initial` the first time it is asked for. Names are bounded by the
   * number of integrations, never by the number of calls; what is keyed is forgotten when it is idle.
   */
  readonly state: <S>(name: string, initial: () => S) => Effect.Effect<Ref.Ref<S>>
  /** Drops the state of that name; the next to ask for it makes it anew. */
  readonly forget: (name: string) => Effect.Effect<void>
  /** What processes have in common; absent where each is on its own. */
  readonly shared: Shared | undefined
}>()("switchboard/Stores") {}

/** State outside of this process. */
export interface Shared {
  /**
   * Applies `change` to what is kept under a key, as one step for all who share it. It is pure, and may be asked more than
   * once, each time with what is kept then (`undefined` where there is nothing) and the time of the store's own clock in
   * milliseconds, which is the same for all.
   */
  readonly modify: <A>(
    key: string,
    change: (kept: string | undefined, now: number) => Change<A>
  ) => Effect.Effect<A, StoreUnavailable>
  /** Keeps a value for so many milliseconds, more than 0; a later one takes its place. */
  readonly set: (key: string, value: string, timeToLive: number) => Effect.Effect<void, StoreUnavailable>
  /** What is kept under a key. */
  readonly get: (key: string) => Effect.Effect<string | undefined, StoreUnavailable>
  readonly remove: (key: string) => Effect.Effect<void, StoreUnavailable>
  /** What policies do while the store cannot be reached. */
  readonly whenUnavailable: WhenUnavailable
}

/**
 * `local`: each process goes on with its own state, as if it were alone. `refuse`: what would have to ask the store is
 * refused.
 */
export type WhenUnavailable = "local" | "refuse"

/** What a change of shared state comes to. */
export interface Change<out A> {
  readonly answer: A
  /** Absent: what is kept stays as it is. */
  readonly keep?: { readonly value: string; /** Milliseconds, more than 0. */ readonly timeToLive: number } | undefined
}

/** A shared store did not answer, or not in time. */
export class StoreUnavailable extends Data.TaggedError("StoreUnavailable")<{
  /** Such as `redis`. */
  readonly store: string
  /** Milliseconds until it is asked again. */
  readonly retryAfter: number
  readonly cause?: unknown
}> {
  override get message(): string {
    return `the store ${this.store} cannot be reached`
  }
}

const processState = (): Pick<Stores["Service"], "forget" | "state"> => {
  const states = new Map<string, Ref.Ref<unknown>>()
  return {
    state: <S>(name: string, initial: () => S) =>
      Effect.sync(() => {
        const known = states.get(name)
        if (known !== undefined) return known as Ref.Ref<S>
        const made = Ref.makeUnsafe(initial())
        states.set(name, made as Ref.Ref<unknown>)
        return made
      }),
    forget: (name) => Effect.sync(() => void states.delete(name))
  }
}

/** State in this process, gone with the layer. */
export const layerMemory: Layer.Layer<Stores> = Layer.sync(Stores, () => ({ ...processState(), shared: undefined }))

/** State of this process, beside what it shares with others. */
export const fromShared = (shared: Shared): Stores["Service"] => ({ ...processState(), shared })

/**
 * A shared store in memory, for the programs of one process, or for tests of what several do: give each its own `Stores`
 * by `fromShared`. Its clock is the one it is made under.
 */
export const makeShared = (whenUnavailable: WhenUnavailable = "local"): Effect.Effect<Shared> =>
  Effect.map(Clock.Clock, (clock) => {
    const kept = new Map<string, { readonly value: string; readonly until: number }>()
    const read = (key: string, now: number): string | undefined => {
      const entry = kept.get(key)
      if (entry === undefined || now < entry.until) return entry?.value
      kept.delete(key)
      return undefined
    }
    const now = () => millis(clock)
    return {
      whenUnavailable,
      modify: (key, change) =>
        Effect.sync(() => {
          const at = now()
          const { answer, keep } = change(read(key, at), at)
          if (keep !== undefined) kept.set(key, { value: keep.value, until: at + keep.timeToLive })
          return answer
        }),
      set: (key, value, timeToLive) => Effect.sync(() => void kept.set(key, { value, until: now() + timeToLive })),
      get: (key) => Effect.sync(() => read(key, now())),
      remove: (key) => Effect.sync(() => void kept.delete(key))
    }
  })
