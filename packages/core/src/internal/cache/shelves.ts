/** The answers that one integration keeps in this process, apart by whose they are. */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { Answered } from "./answered.ts"
import * as Memory from "./memory.ts"

export type Shelves = Set<Shelf>

interface Shelf {
  /** Equal for equal credentials, which it holds for as long as they are in use. */
  readonly owner: Redacted.Redacted<string>
  /** How many sets of settings answer for the owner now. */
  users: number
  readonly items: Map<string, Memory.Items<string, Answered>>
}

/** Where the answers of an owner lie, by name. The last one to leave clears the shelf. */
export const take = (
  shelves: Shelves,
  owner: Redacted.Redacted<string>
): Effect.Effect<(name: string) => Memory.Items<string, Answered>, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => {
        const shelf = find(shelves, owner) ?? { owner, users: 0, items: new Map() }
        shelf.users++
        shelves.add(shelf)
        return shelf
      }),
      (shelf) => Effect.sync(() => --shelf.users === 0 && shelves.delete(shelf))
    ),
    ({ items }) => (name) => {
      const known = items.get(name)
      if (known !== undefined) return known
      const made = Memory.empty<string, Answered>()
      items.set(name, made)
      return made
    }
  )

const find = (shelves: Shelves, owner: Redacted.Redacted<string>): Shelf | undefined => {
  for (const shelf of shelves) if (Redacted.value(shelf.owner) === Redacted.value(owner)) return shelf
  return undefined
}
