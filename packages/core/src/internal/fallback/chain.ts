/** Asks the fallbacks of a chain one after the other, until one answers. */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Condition, Failed, Fallback } from "../../Fallback.ts"
import { isIntegrationError, isReason } from "../../IntegrationError.ts"
import type * as Outcome from "../../Outcome.ts"
import type { Storage } from "../../policy/Cache.ts"
import type { Provenance } from "../../Provenance.ts"

/** A chain, and what it keeps: `A` as it lies in a storage as `S`. */
export interface Settings<Input, Key, A, S, E, R> {
  readonly chain: ReadonlyArray<Fallback<Input, A, E, R>>
  readonly storage: Storage<Key, S>
  readonly read: (kept: S) => A
  /** Is told of a fallback that failed. */
  readonly onFailure?: ((name: string, cause: Cause.Cause<E>) => void) | undefined
}

/** How many answers are kept for the fallback to the last good one. */
export const capacity = 1000

/** What a fallback answered. */
export interface Answer<out A> {
  readonly value: A
  readonly provenance: Provenance
}

/** The answer of the first fallback that has one; or the failure of the call, with those of the fallbacks behind it. */
export const answer = <Input, Key, A, S, E, R, E1>(
  { chain, onFailure, read, storage }: Settings<Input, Key, A, S, E, R>,
  input: Input,
  key: Key,
  failure: { readonly cause: Cause.Cause<E1>; readonly outcome: Outcome.Outcome }
): Effect.Effect<Answer<A>, E | E1, R> => {
  const error = Cause.findErrorOption(failure.cause)
  // Interrupted, or a bug.
  if (error._tag === "None") return Effect.failCause(failure.cause)
  const failed: Failed = { error: error.value, outcome: failure.outcome }
  const ask = (index: number, cause: Cause.Cause<E | E1>): Effect.Effect<Answer<A>, E | E1, R> => {
    const fallback = chain[index]
    if (fallback === undefined) return Effect.failCause(cause)
    const { answer, name, on } = fallback
    if (!holds(on, failed)) return ask(index + 1, cause)
    if (typeof answer !== "function") {
      return Effect.flatMap(storage.get(key), (kept) =>
        kept === undefined || kept.age >= answer.maxAge
          ? ask(index + 1, cause)
          : Effect.succeed(answered(name, read(kept.value), kept.age)))
    }
    return Effect.matchCauseEffect(Effect.suspend(() => answer(input, failed)), {
      onSuccess: (value) => Effect.succeed(answered(name, value, undefined)),
      onFailure: (own) => {
        if (Cause.hasInterruptsOnly(own)) return Effect.failCause(own)
        onFailure?.(name, own)
        return ask(index + 1, Cause.combine(cause, own))
      }
    })
  }
  return Effect.suspend(() => ask(0, failure.cause))
}

/** Keeps an answer of the remote, where the chain may come back to it. */
export const keep = <Key, S>(
  chain: ReadonlyArray<Pick<Fallback<never, unknown, unknown, unknown>, "answer">>,
  storage: Storage<Key, S>,
  key: Key,
  value: S
): Effect.Effect<void> => {
  let longest = 0
  for (const { answer } of chain) if (typeof answer !== "function") longest = Math.max(longest, answer.maxAge)
  return longest === 0
    ? Effect.void
    : storage.set(key, value, { ttl: 0, staleWhileRevalidate: 0, staleIfError: longest, revalidate: 0 })
}

const answered = <A>(fallback: string, value: A, age: number | undefined): Answer<A> => ({
  value,
  provenance: { source: "fallback", fallback, stale: age !== undefined, age: Duration.millis(age ?? 0) }
})

const holds = (on: Condition | undefined, failed: Failed): boolean => {
  if (typeof on === "function") return on(failed)
  const reason = isIntegrationError(failed.error) ? failed.error.reason : failed.error
  const tag = isReason(reason) ? reason._tag : undefined
  if (on !== undefined) return tag !== undefined && on.includes(tag)
  // The remote failed, or one of our own policies refused to ask it.
  return failed.outcome._tag === "Failure" || (tag !== undefined && refusals.has(tag))
}

const refusals = new Set(["BulkheadFull", "CircuitOpen", "NoEndpoint", "NotConnected", "RateLimited"])
