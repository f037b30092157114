/** Ids that are unique without asking for randomness each time: a random part for the layer, and a counter. */
import * as Effect from "effect/Effect"

export const sequence: Effect.Effect<() => string> = Effect.sync(() => {
  const random = globalThis.crypto.randomUUID()
  let count = 0
  return () => `${random}-${(++count).toString(36)}`
})
