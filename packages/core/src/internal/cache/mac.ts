/** Names that tell nothing of what they stand for to those who do not know the key: HMAC with SHA-256. */
import * as Effect from "effect/Effect"
import * as Hex from "effect/encoding/Hex"

export type Key = Awaited<ReturnType<typeof globalThis.crypto.subtle.importKey>>

/** Something that nobody can guess. */
export const salt: Effect.Effect<string> = Effect.sync(() =>
  Hex.encode(globalThis.crypto.getRandomValues(new Uint8Array(32)))
)

export const keyOf = (secret: string): Effect.Effect<Key> =>
  Effect.promise(() => globalThis.crypto.subtle.importKey("raw", bytes(secret), algorithm, false, ["sign"]))

/** The same for the same key and text, and for nothing else. */
export const nameOf = (key: Key, text: string): Effect.Effect<string> =>
  Effect.map(
    Effect.promise(() => globalThis.crypto.subtle.sign(algorithm.name, key, bytes(text))),
    (signature) => Hex.encode(new Uint8Array(signature))
  )

const algorithm = { name: "HMAC", hash: "SHA-256" } as const
const bytes = (text: string) => new TextEncoder().encode(text)
