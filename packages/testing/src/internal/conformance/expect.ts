/** Assertions that need no test framework. */
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Inspectable from "effect/Inspectable"

/** What a case claims, with the name of what was looked at. */
export const same = (what: string, actual: unknown, expected: unknown): Effect.Effect<void> =>
  Equal.equals(actual, expected)
    ? Effect.void
    : Effect.die(new Error(`${what}: expected ${show(expected)}, but it is ${show(actual)}`))

/** Claims that a condition holds. */
export const holds = (what: string, condition: boolean): Effect.Effect<void> =>
  condition ? Effect.void : Effect.die(new Error(`expected: ${what}`))

const show = (value: unknown): string => Inspectable.toStringUnknown(value, 0)
