/** Asks the fallbacks of a chain one after the other, until one answers. */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { Condition, Failed, Fallback } from "../../Fallback.ts"
import * as Outcome from "../../Outcome.ts"
import * as Cache from "../../policy/Cache.ts"
import * as Provenance from "../../Provenance.ts"
import { failOf } from "../failure.ts"

/** A chain, and what it keeps: `A` as it lies in a storage as `S`. */
export interface Settings<Input, Key, A, S, E, R> {
  readonly chain: ReadonlyArray<Fallback<Input, A, E, R>>
  readonly storage: Cache.Storage<Key, S>
  readonly read: (kept: S) => A
  /** Is told of a fallback that failed, or took too long. */
  readonly onFailure?: ((name: string, cause: Cause.Cause<unknown>) => void) | undefined
}

/** How many answers are kept for the fallback to the last good one. */
export const capacity = 1000

/** What is answered, and where it came from. */
export interface Answer<out A> {
  readonly value: A
  readonly provenance: Provenance.Provenance
}

/**
 * The answer of the first fallback that has one; or what the call came to, with the failures of the fallbacks behind its
 * own. What it came to may be a value, where that counts as a failure.
 */
export const answer = <Input, Key, A, S, E, R, A1, E1>(
  { chain, onFailure, read, storage }: Settings<Input, Key, A, S, E, R>,
  input: Input,
  key: Key,
  call: { readonly exit: Exit.Exit<A1, E1>; readonly outcome: Outcome.Outcome }
): Effect.Effect<Answer<A | A1>, E | E1, R> => {
  const failed = failedOf(call)
  const own = Effect.map(call.exit, (value): Answer<A | A1> => ({ value, provenance: Provenance.remote }))
  // Interrupted, or a bug.
  if (failed === undefined) return own
  const ask = (index: number, behind: Cause.Cause<E> | undefined): Effect.Effect<Answer<A | A1>, E | E1, R> => {
    const fallback = chain[index]
    if (fallback === undefined) {
      return behind === undefined
        ? own
        : Effect.catchCause(own, (cause) => Effect.failCause(Cause.combine(cause, behind)))
    }
    const { answer, name, on, timeout } = fallback
    const next = (failure?: Cause.Cause<E>) =>
      ask(index + 1, behind === undefined || failure === undefined ? failure ?? behind : Cause.combine(behind, failure))
    if (!holds(on, call, failed)) return next()
    if (typeof answer !== "function") {
      return Effect.flatMap(storage.get(key), (kept) =>
        kept === undefined || kept.age >= answer.maxAge
          ? next()
          : answered(name, read(kept.value), kept.age))
    }
    const asking = Effect.suspend(() => answer(input, failed))
    const asked = timeout === undefined ? Effect.asSome(asking) : Effect.timeoutOption(asking, timeout)
    return Effect.matchCauseEffect(asked, {
      onSuccess: (value) => {
        if (value._tag === "Some") return answered(name, value.value, undefined)
        onFailure?.(name, Cause.fail(new Cause.TimeoutError()))
        return next()
      },
      onFailure: (failure) => {
        if (Cause.hasInterruptsOnly(failure)) return Effect.failCause(failure)
        onFailure?.(name, failure)
        return next(failure)
      }
    })
  }
  return Effect.suspend(() => ask(0, undefined))
}

/** Keeps an answer of the remote, where the chain may come back to it; `undefined` where it will not. */
export const keep = <Key, S>(
  chain: ReadonlyArray<Pick<Fallback<never, unknown, unknown, unknown>, "answer">>,
  storage: Cache.Storage<Key, S>,
  key: Key,
  value: S
): Effect.Effect<void> | undefined => {
  let longest = 0
  for (const { answer } of chain) if (typeof answer !== "function") longest = Math.max(longest, answer.maxAge)
  return longest === 0
    ? undefined
    : storage.set(key, value, { ttl: 0, staleWhileRevalidate: 0, staleIfError: longest, revalidate: 0 })
}

const failedOf = (
  { exit, outcome }: { readonly exit: Exit.Exit<unknown, unknown>; readonly outcome: Outcome.Outcome }
): Failed | undefined => {
  if (Exit.isSuccess(exit)) return { error: exit.value, outcome }
  const fail = failOf(exit.cause)
  return fail === undefined ? undefined : { error: fail.error, outcome }
}

/** It is no answer of the remote: a cache around the call does not keep it. */
const answered = <A>(fallback: string, value: A, age: number | undefined): Effect.Effect<Answer<A>> =>
  Effect.as(Cache.doNotStore, {
    value,
    provenance: { source: "fallback", fallback, stale: age !== undefined, age: Duration.millis(age ?? 0) }
  })

const holds = (
  on: Condition | undefined,
  { exit, outcome }: { readonly exit: Exit.Exit<unknown, unknown>; readonly outcome: Outcome.Outcome },
  failed: Failed
): boolean => {
  if (on === undefined) return Outcome.isUnavailable(exit, outcome)
  if (typeof on === "function") return on(failed)
  const reason = Outcome.reasonOf(exit)
  return reason !== undefined && on.includes(reason._tag)
}
