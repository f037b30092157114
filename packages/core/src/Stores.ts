/**
 * Where state lives. Everything that outlasts a call (a breaker's state, a retry budget, cached answers) is held under a
 * name, so that two layers of one integration share it, and a restart of a layer does not forget it: but for answers in
 * memory, which are there for as long as a layer has the credentials they were given to.
 *
 * A process has its own state; where there is a `shared` store as well, processes know the same circuits, limits and
 * answers. Shared state is plain data to which pure functions are applied, so that a policy is written once.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import type * as Scope from "effect/Scope"
import * as Events from "./Events.ts"
import { millis as toMillis, positive, problems, unless } from "./internal/checks.ts"
import { failOf } from "./internal/failure.ts"
import { millis } from "./internal/monotonic.ts"
import { stackless } from "./internal/stackless.ts"
import * as Availability from "./internal/stores/availability.ts"
import * as Memory from "./internal/stores/memory.ts"
import { type InvalidOptions, type Problem, refuse } from "./InvalidOptions.ts"

/** The ports that state lives behind. */
export class Stores extends Context.Service<Stores, {
  /**
   * The state of that name in this process, made with `initial` the first time it is asked for. Names are bounded by the
   * number of integrations, never by the number of calls.
   */
  readonly state: <S>(name: string, initial: () => S) => Effect.Effect<Ref.Ref<S>>
  /** What processes have in common; absent where each is on its own. */
  readonly shared: Shared | undefined
}>()("switchboard/Stores") {}

/** State outside of this process. No operation takes long, even where the store does not answer: `guard` sees to that. */
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

/** A shared store did not answer, not in time, or not what it was asked for. */
export class StoreUnavailable extends Data.TaggedError("StoreUnavailable")<{
  /** Such as `redis`. */
  readonly store: string
  /** Milliseconds before which it is in vain to ask again. */
  readonly retryAfter: number
  /** What is known of why, as words that anyone may read. Absent where it was not asked. */
  readonly cause?: string
}> {
  override get message(): string {
    const why = this.cause === undefined ? "" : ` (${this.cause})`
    return `the store ${this.store} cannot be reached${why}`
  }
}

const processState = (): Pick<Stores["Service"], "state"> => {
  const states = new Map<string, Ref.Ref<unknown>>()
  return {
    state: <S>(name: string, initial: () => S) =>
      Effect.sync(() => {
        const known = states.get(name)
        if (known !== undefined) return known as Ref.Ref<S>
        const made = Ref.makeUnsafe(initial())
        states.set(name, made as Ref.Ref<unknown>)
        return made
      })
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
  Effect.map(Clock.Clock, (clock) => Memory.make(clock, whenUnavailable))

/** How a store is given up, and found again. */
export interface GuardOptions {
  /** What it is called in errors, logs and events, such as `redis`. */
  readonly store: string
  /** How long one question may take: positive, finite. Default 250 milliseconds. */
  readonly timeout?: Duration.Input | undefined
  /** How long it is not asked after a failure: positive, finite. Default 1 second; doubles with each failure in a row. */
  readonly retryAfter?: Duration.Input | undefined
  /** The longest of these times, at least `retryAfter`. Default 30 seconds, or `retryAfter` where that is longer. */
  readonly maxRetryAfter?: Duration.Input | undefined
}

/** What is wrong with some options. */
export const validateGuard = (options: Omit<GuardOptions, "store">): ReadonlyArray<Problem> =>
  problems(
    positive("timeout", options.timeout),
    positive("retryAfter", options.retryAfter),
    positive("maxRetryAfter", options.maxRetryAfter),
    unless(
      options.maxRetryAfter === undefined ||
        !(toMillis(options.maxRetryAfter) < toMillis(options.retryAfter ?? usualRetryAfter)),
      "maxRetryAfter",
      "must not be shorter than retryAfter"
    )
  )

/** Asks the store, or fails at once where it is known not to answer. */
export type Guard = <A>(question: Effect.Effect<A, StoreUnavailable>) => Effect.Effect<A, StoreUnavailable>

/**
 * Sees to it that nobody waits for a store that is dead: a question that fails or takes too long makes it unavailable for a
 * while. Until then nothing asks it, and every question fails at once; afterwards one at a time tries again. That it cannot
 * be reached, and that it can again, is said once: in the log, and as `StoreChanged` to the listener that it is made under.
 *
 * A question is one message to the store and its answer: an operation of several guards each of them, because one that
 * takes long is no sign that the store is dead. What the store refuses is an answer too. One who leaves early leaves the
 * question under way, so that the store is found dead by those too who never wait as long; it ends with the scope.
 */
export const guard = Effect.fnUntraced(
  function*(
    whenUnavailable: WhenUnavailable,
    options: GuardOptions
  ): Effect.fn.Return<Guard, InvalidOptions, Scope.Scope> {
    yield* refuse(validateGuard(options))
    const scope = yield* Effect.scope
    const clock = yield* Clock.Clock
    const listener = Events.harmless(yield* Events.CurrentListener)
    const { store } = options
    const retryAfter = toMillis(options.retryAfter ?? usualRetryAfter)
    const settings: Availability.Settings = {
      timeout: toMillis(options.timeout ?? 250),
      retryAfter,
      maxRetryAfter: toMillis(options.maxRetryAfter ?? Math.max(30_000, retryAfter))
    }
    const state = Availability.make()

    const unavailable = (cause: string | undefined) =>
      stackless(() =>
        new StoreUnavailable({
          store,
          retryAfter: Math.max(0, state.until - millis(clock)),
          ...cause !== undefined && { cause }
        })
      )
    const tooLate = () => Effect.fail(new StoreUnavailable({ store, retryAfter: 0, cause: "no answer in time" }))

    const changed = (available: boolean, cause?: string) => {
      listener?.({ _tag: "StoreChanged", store, at: clock.currentTimeMillisUnsafe(), available })
      if (available) return Effect.logInfo(`the store ${store} can be reached again`)
      const consequence = whenUnavailable === "local"
        ? "each process goes on by itself"
        : "what would have to ask it is refused"
      return Effect.logWarning(`${unavailable(cause).message}; ${consequence}`)
    }
    const settle = (ticket: number, exit: Exit.Exit<unknown, StoreUnavailable>) => {
      const failure = Exit.isFailure(exit) ? failOf(exit.cause)?.error : undefined
      if (failure !== undefined) {
        const isNews = Availability.failed(state, settings, ticket, millis(clock))
        return isNews ? changed(false, failure.cause) : Effect.void
      }
      if (Exit.isSuccess(exit)) return Availability.answered(state, ticket) ? changed(true) : Effect.void
      Availability.left(state, ticket, millis(clock))
      return Effect.void
    }
    return (question) =>
      Effect.suspend(() => {
        const ticket = Availability.admit(state, settings, millis(clock))
        if (ticket === undefined) return Effect.fail(unavailable(undefined))
        return question.pipe(
          Effect.timeoutOrElse({ duration: settings.timeout, orElse: tooLate }),
          Effect.onExit((exit) => settle(ticket, exit)),
          Effect.mapError(({ cause }) => unavailable(cause)),
          Effect.forkIn(scope, { startImmediately: true }),
          Effect.flatMap(Fiber.await),
          Effect.flatMap((exit) => Exit.hasInterrupts(exit) ? Effect.fail(unavailable("closed")) : exit)
        )
      })
  }
)

/** The same store behind a `guard`, where each of its operations is one question. */
export const guarded = (
  shared: Shared,
  options: GuardOptions
): Effect.Effect<Shared, InvalidOptions, Scope.Scope> =>
  Effect.map(guard(shared.whenUnavailable, options), (ask): Shared => ({
    whenUnavailable: shared.whenUnavailable,
    modify: (key, change) => ask(shared.modify(key, change)),
    set: (key, value, timeToLive) => ask(shared.set(key, value, timeToLive)),
    get: (key) => ask(shared.get(key)),
    remove: (key) => ask(shared.remove(key))
  }))

const usualRetryAfter = 1_000
