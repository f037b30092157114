/** Ids that are unique without asking for randomness each time: 96 random bits for the layer, and a counter. */
import * as Effect from "effect/Effect"
import * as Base64Url from "effect/encoding/Base64Url"

/** The bits are drawn for the first id: platforms load their source of randomness when it is first used. */
export const sequence: Effect.Effect<() => string> = Effect.sync(() => {
  let random: string | undefined
  let count = 0
  return () => {
    random ??= Base64Url.encode(globalThis.crypto.getRandomValues(new Uint8Array(12)))
    return `${random}-${(++count).toString(36)}`
  }
})
