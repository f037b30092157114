/**
 * What is answered where the remote cannot: a value, the last good answer, another service, less than was asked for, or
 * "later", with the request in a queue. Fallbacks form a chain that is tried in order, once for each call.
 *
 * By default a fallback answers where the remote failed or one of our own policies refused to ask it: not for an error that
 * the contract declares, unless its status says that the remote failed, nor for a wrong request or credentials. A caller
 * who is interrupted gets no fallback, and a defect shows. Where no fallback answers, the call fails as it would have
 * without, and what the fallbacks failed with stands behind that in the cause.
 *
 * @example
 * class Shop extends Integration.Service<Shop>()("coffee/Shop", { api: ShopApi }).withFallback({
 *   menu: { list: [Fallback.cache({ maxAge: "1 day" }), Fallback.value(houseMenu)] }
 * }) {}
 *
 * @example
 * const guard = yield* Fallback.make({ name: "rates" }, Fallback.cache({ maxAge: "1 hour" }), Fallback.value(1))
 * yield* rateOf("EUR").pipe(guard("EUR"))
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { Reason } from "./IntegrationError.ts"
import * as Memory from "./internal/cache/memory.ts"
import { millis, positive, problems, unless } from "./internal/checks.ts"
import * as Chain from "./internal/fallback/chain.ts"
import { type InvalidOptions, type Problem, refuse } from "./InvalidOptions.ts"
import * as Outcome from "./Outcome.ts"
import * as Provenance from "./Provenance.ts"
import { Stores } from "./Stores.ts"

/** One way to answer in place of the remote. */
export interface Fallback<in Input, out A, out E = never, out R = never> {
  /** What an answer says its source is: `value`, `cache`, `alternative`, `degraded` or `queue`. */
  readonly name: string
  readonly on: Condition | undefined
  /** How long it may take: positive, finite. Absent for one that takes no time. */
  readonly timeout: Duration.Input | undefined
  readonly answer: Cached | ((input: Input, failed: Failed) => Effect.Effect<A, E, R>)
}

/** The last good answer, if it is not older than so many milliseconds. */
export interface Cached {
  readonly maxAge: number
}

/** What the call came to. */
export interface Failed {
  /** An `IntegrationError`, or whatever else the effect failed with. */
  readonly error: unknown
  readonly outcome: Outcome.Outcome
}

/** When a fallback answers: for these reasons, or where the predicate holds. Absent: where the remote was not available. */
export type Condition = ReadonlyArray<Reason["_tag"]> | ((failed: Failed) => boolean)

export interface Options {
  readonly on?: Condition | undefined
}

/** The same for a fallback that takes time. */
export interface TimedOptions extends Options {
  /** How long it may take, before the next one is tried: positive, finite. Default 10 seconds. */
  readonly timeout?: Duration.Input | undefined
}

const defaultTimeout = Duration.seconds(10)

/** Always the same. */
export const value = <A>(value: A, { on }: Options = {}): Fallback<unknown, A> => ({
  name: "value",
  on,
  timeout: undefined,
  answer: () => Effect.succeed(value)
})

/**
 * The last answer that the remote gave to an equal request. `maxAge`: how old it may be; positive, finite. At most 1,000
 * answers are kept for each operation.
 */
export const cache = ({ maxAge, on }: Options & { readonly maxAge: Duration.Input }): Fallback<unknown, never> => ({
  name: "cache",
  on,
  timeout: undefined,
  answer: { maxAge: millis(maxAge) }
})

/**
 * What another service answers to the same request. It has a scope of its own, and sees nothing of what was asked for at
 * the call site.
 */
export const alternative = <Input, A, E, R>(
  call: (input: Input, failed: Failed) => Effect.Effect<A, E, R>,
  { on, timeout = defaultTimeout }: TimedOptions = {}
): Fallback<Input, A, E, R> => ({ name: "alternative", on, timeout, answer: call })

/** Less than was asked for, made from the request: an empty page, a price without its discount. */
export const degrade = <Input, A>(
  answer: (input: Input, failed: Failed) => A,
  { on }: Options = {}
): Fallback<Input, A> => ({
  name: "degraded",
  on,
  timeout: undefined,
  answer: (input, failed) => Effect.sync(() => answer(input, failed))
})

/**
 * The request goes into a queue, from which it is to be made again later, and the caller is told so. `offer` is that of a
 * `PersistedQueue`, or any other. Only a request that may be made twice belongs into a queue: the one that failed may have
 * been processed.
 */
export const queue = <Input, A, E, R>(
  { answer, offer, on, timeout = defaultTimeout }: TimedOptions & {
    readonly offer: (input: Input) => Effect.Effect<unknown, E, R>
    readonly answer: (input: Input) => A
  }
): Fallback<Input, A, E, R> => ({
  name: "queue",
  on,
  timeout,
  answer: (input) => Effect.map(offer(input), () => answer(input))
})

/** A chain for the effects of one kind. `Input` stands for the request: equal inputs have equal answers. */
export interface Guard<in Input, out A, out E, out R> {
  (input: Input): <A1, E1, R1>(self: Effect.Effect<A1, E1, R1>) => Effect.Effect<A | A1, E | E1, R | R1>
}

/** What is wrong with a chain. */
export const validate = (chain: ReadonlyArray<Fallback<never, unknown, unknown, unknown>>): ReadonlyArray<Problem> =>
  chain.flatMap(({ answer, name, on, timeout }, index) =>
    problems(
      positive(`${index}.timeout`, timeout),
      typeof answer === "function" ? undefined : positive(`${index}.maxAge`, answer.maxAge),
      unless(
        on === undefined || typeof on === "function" || on.length > 0,
        `${index}.on`,
        `must hold at least one reason, or the fallback ${name} never answers`
      )
    )
  )

/**
 * A chain for any effect. What is kept for its `cache` is shared by all of that name in the same `Stores`; inputs are
 * compared by `Equal`. `classify` decides the outcomes it knows, the default classifier the rest. `Provenance.reported`
 * says where an answer came from.
 */
export const make = Effect.fnUntraced(
  function*<const Fallbacks extends ReadonlyArray<Fallback<any, unknown, unknown, unknown>>>(
    options: { readonly name: string; readonly classify?: Outcome.Classifier | undefined },
    ...chain: Fallbacks
  ): Effect.fn.Return<GuardOf<Fallbacks[number]>, InvalidOptions, Stores> {
    yield* refuse(validate(chain))
    const stores = yield* Stores
    const classify = Outcome.classifyWith(options.classify)
    const kept = yield* stores.state(`fallback/${options.name}`, () => Memory.empty<unknown, unknown>())
    const storage = Memory.make(kept.ref.current, Chain.capacity)
    const settings = { chain, storage, read: (value: unknown) => value }
    const guard: Guard<unknown, unknown, unknown, unknown> = (input) => (self) =>
      Effect.flatMap(Effect.exit(self), (exit): Effect.Effect<unknown, unknown, unknown> => {
        const outcome = classify(exit)
        return Exit.isSuccess(exit) && outcome._tag === "Success"
          ? Effect.as(Chain.keep(chain, storage, input, exit.value) ?? Effect.void, exit.value)
          : Effect.flatMap(
            Chain.answer(settings, input, input, { exit, outcome }),
            ({ provenance, value }) =>
              provenance.source === "remote" ? Effect.succeed(value) : Effect.as(Provenance.record(provenance), value)
          )
      })
    // The types of the chain are put on here. What is kept under a name are answers of effects that were guarded under it.
    return guard as never
  }
)

/** All fallbacks are given the same input, and any of them may answer. */
type GuardOf<F> = [F] extends [never] ? Guard<unknown, never, never, never>
  : [F] extends [Fallback<infer Input, infer A, infer E, infer R>] ? Guard<Input, A, E, R>
  : never
