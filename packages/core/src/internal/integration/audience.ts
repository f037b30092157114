/** Who an answer is for: those who have the same credentials at the same address, and nobody else. */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { Stores } from "../../Stores.ts"

/** A name for them, from which nothing can be learned of the credentials. */
export const make = Effect.fnUntraced(function*(
  integration: string,
  baseUrl: string,
  credentials: object
): Effect.fn.Return<string, never, Stores> {
  const stores = yield* Stores
  const text = textOf([baseUrl, credentials])
  if (stores.shared !== undefined) return yield* digest(text)
  // In this process they are numbered.
  const { ref: { current } } = yield* stores.state(`audiences/${integration}`, () => new Map<string, number>())
  const number = current.get(text) ?? current.size + 1
  current.set(text, number)
  return String(number)
})

const textOf = (value: unknown): string => JSON.stringify(plain(value))

/** What is no data, such as a function, cannot be compared, so that it is like no other. */
const plain = (value: unknown): unknown => {
  if (Redacted.isRedacted(value)) return plain(Redacted.value(value))
  if (typeof value === "function") return globalThis.crypto.randomUUID()
  if (typeof value !== "object" || value === null) return String(value)
  return Object.entries(value).map(([name, part]) => [name, plain(part)])
}

const digest = (text: string): Effect.Effect<string> =>
  Effect.map(
    Effect.promise(() => globalThis.crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))),
    (digest) =>
      Array.from(new Uint8Array(digest).subarray(0, 16), (byte) => byte.toString(16).padStart(2, "0")).join("")
  )
