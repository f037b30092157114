/**
 * Makes one call of many equal ones: those who ask for the same thing while it is being fetched wait for that one
 * answer, its value or its error, in place of asking the remote again.
 *
 * A call in flight belongs to none of its callers. It goes on as long as one of them waits, whoever began it, and is
 * interrupted when the last one has left, which waits until it has ended. It runs with the services of the caller who
 * began it, but with a scope of its own, and without a deadline: each caller keeps its own, so that a hurried one does
 * not cut short what a patient one waits for. Put what bounds the call itself, a total timeout, inside. Nothing is kept
 * of a call that has ended; that is a `Cache`.
 *
 * @example
 * const coalesce = yield* Coalesce.make<string>()
 * yield* menuOf("berlin").pipe(coalesce.policy("berlin"))
 */
import * as Effect from "effect/Effect"
import * as Flights from "../internal/flights.ts"
import * as Policy from "../Policy.ts"

/** Calls in flight by key. Keys are compared by `Equal`: plain values, or objects of the same content. */
export interface Coalesce<in Key> {
  /**
   * For calls that are the same wherever their keys are equal: a caller gets the answer of whatever runs under its key.
   * An answer is shared, so it must not be something that only one can use, such as a stream or a connection.
   */
  readonly policy: (key: Key) => Policy.Policy
  /** Calls in flight and callers who wait for them, now. */
  readonly state: Effect.Effect<{ readonly flights: number; readonly waiting: number }>
}

/** Shares nothing with any other. */
export const make = <Key>(): Effect.Effect<Coalesce<Key>> =>
  Effect.sync(() => {
    const flights = Flights.make<Key>()
    return {
      policy: (key) => Policy.named("Coalesce", undefined, (self) => flights.join(key, () => self)),
      state: Effect.sync(flights.count)
    }
  })
