/**
 * What every implementation of `Stores.Shared` must do, seen by two who share it.
 *
 * @example
 * import { it } from "@effect/vitest"
 *
 * const memory = Effect.map(Stores.makeShared(), (shared) => ({ first: shared, second: shared }))
 * SharedConformance.suite(it, "makeShared", memory)
 */
import type { Change, Shared } from "@switchboard/core/Stores"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type Case, register, type TestApi } from "./Conformance.ts"
import { holds, same } from "./internal/conformance/expect.ts"

/** Two connections to one store that holds nothing yet, such as two clients with a prefix of their own. */
export interface Subject {
  readonly first: Shared
  readonly second: Shared
}

const long = 60_000
const keys = [
  "",
  " ",
  "a",
  "A",
  "a b",
  "a:b",
  "a/b",
  "a*",
  "{a}",
  "clé 🔑",
  "clé 🔒",
  "a\n",
  "a\u0000b",
  "__proto__",
  "constructor"
]

const keep = <A>(answer: A, value: string, timeToLive = long): Change<A> => ({ answer, keep: { value, timeToLive } })
const increment = (kept: string | undefined) => keep(Number(kept ?? 0) + 1, String(Number(kept ?? 0) + 1))
/** What is kept, and the time. */
const look = (shared: Shared, key: string) => shared.modify(key, (kept, now) => ({ answer: { kept, now } }))

/** Looks until there is nothing, and at each look claims that what is there has not been over for long. */
const untilGone = (shared: Shared, key: string, value: string, over: { readonly from: number; readonly to: number }) =>
  Effect.gen(function*() {
    while (true) {
      const { kept, now } = yield* look(shared, key)
      if (now < over.from) yield* same("what is kept before its time is over", kept, value)
      // A clock may count whole milliseconds.
      if (now > over.to + 2) yield* same("what is kept after its time", kept, undefined)
      if (kept === undefined) return
      yield* Effect.sleep(5)
    }
  })

/** The claims. */
export const cases: ReadonlyArray<Case<Subject>> = [
  {
    name: "what one keeps, all see",
    run: ({ first, second }) =>
      Effect.gen(function*() {
        yield* same("before", yield* second.get("a"), undefined)
        yield* first.set("a", "1", long)
        yield* same("what was set", yield* second.get("a"), "1")
        yield* second.set("a", "2", long)
        yield* same("what took its place", yield* first.get("a"), "2")
        yield* first.modify("a", (kept) => keep(undefined, `${kept}3`))
        yield* same("what was modified", yield* second.get("a"), "23")
        yield* second.remove("a")
        yield* same("what was removed", yield* first.get("a"), undefined)
        yield* second.remove("a")
      })
  },
  {
    name: "a change is asked with what is kept, undefined where there is nothing, and its answer is given",
    run: ({ first, second }) =>
      Effect.gen(function*() {
        const see = (shared: Shared) => shared.modify("a", (kept) => keep([kept], "x"))
        yield* same("the first", yield* see(first), [undefined])
        yield* same("the second", yield* see(second), ["x"])
        yield* first.set("a", "", long)
        yield* same("of an empty value", yield* see(second), [""])
        yield* first.remove("a")
        yield* same("of one that was removed", yield* see(first), [undefined])
      })
  },
  {
    name: "a change that keeps nothing leaves everything as it is, the time it is kept included",
    run: ({ first, second }) =>
      Effect.gen(function*() {
        yield* same("the answer", yield* first.modify("a", () => ({ answer: 1 })), 1)
        yield* same("where there was nothing", yield* second.get("a"), undefined)
        yield* first.set("a", "x", 60)
        const { now } = yield* look(second, "a")
        yield* second.modify("a", () => ({ answer: 1, keep: undefined }))
        yield* untilGone(first, "a", "x", { from: 0, to: now + 60 })
      })
  },
  {
    name: "changes at once are one after the other",
    run: ({ first, second }) =>
      Effect.gen(function*() {
        const sides = Array.from({ length: 100 }, (_, i) => i % 2 === 0 ? first : second)
        const answers = yield* Effect.forEach(sides, (shared) => shared.modify("n", increment), {
          concurrency: "unbounded"
        })
        yield* same("what is kept", yield* first.get("n"), "100")
        yield* same("the answers", answers.toSorted((a, b) => a - b), sides.map((_, i) => i + 1))
      })
  },
  {
    name: "of changes at once, those of one key do not disturb those of another",
    run: ({ first, second }) =>
      Effect.gen(function*() {
        const all = Array.from(
          { length: 100 },
          (_, i) => (i % 2 === 0 ? first : second).modify(keys[i % 5]!, increment)
        )
        yield* Effect.all(all, { concurrency: "unbounded", discard: true })
        for (const key of keys.slice(0, 5)) yield* same(`"${key}"`, yield* first.get(key), "20")
      })
  },
  {
    name: "a change that fails at once with others is the only one that does",
    run: ({ first }) =>
      Effect.gen(function*() {
        const exits = yield* Effect.forEach(Array.from({ length: 10 }, (_, i) => i), (i) =>
          Effect.exit(first.modify("n", (kept) => {
            if (i === 5) {
              throw new Error("a bug")
            }
            return increment(kept)
          })), { concurrency: "unbounded" })
        yield* same(
          "which fail",
          exits.flatMap(({ _tag }, i) =>
            _tag === "Failure" ? [i] : []
          ),
          [5]
        )
        yield* same("what is kept", yield* first.get("n"), "9")
      })
  },
  {
    name: "who leaves takes no other along",
    run: ({ first, second }) =>
      Effect.gen(function*() {
        const hasty = Effect.timeoutOption(first.modify("left", increment), 0)
        const others = Effect.forEach([first, second, first, second], (shared) => shared.modify("n", increment), {
          concurrency: "unbounded"
        })
        for (let i = 0; i < 10; i++) yield* Effect.all([hasty, others, hasty], { concurrency: "unbounded" })
        yield* same("what is kept", yield* first.get("n"), "40")
      })
  },
  {
    name: "what is set is kept for its time and no longer",
    run: ({ first, second }) =>
      Effect.gen(function*() {
        const before = yield* look(first, "a")
        yield* first.set("a", "x", 60)
        const after = yield* look(first, "a")
        yield* untilGone(second, "a", "x", { from: before.now + 60, to: after.now + 60 })
        yield* same("to get", yield* first.get("a"), undefined)
        yield* same("to modify", yield* second.modify("a", (kept) => ({ answer: [kept] })), [undefined])
      })
  },
  {
    name: "what a change keeps is kept for its time and no longer, which begins anew with each change",
    run: ({ first, second }) =>
      Effect.gen(function*() {
        yield* first.modify("a", () => keep(undefined, "x", 20))
        const changed = yield* second.modify("a", (_, now) => keep(now, "y", 80))
        const after = yield* look(first, "a")
        yield* untilGone(first, "a", "y", { from: changed + 80, to: after.now + 80 })
        yield* same("to get", yield* second.get("a"), undefined)
      })
  },
  {
    name: "keys are apart",
    run: ({ first, second }) =>
      Effect.gen(function*() {
        for (const key of keys) yield* same(`"${key}" before`, yield* first.get(key), undefined)
        for (const [i, key] of keys.entries()) {
          yield* i % 2 === 0 ? first.set(key, `of ${key}`, long) : first.modify(key, () => keep(0, `of ${key}`))
        }
        for (const key of keys) yield* same(`"${key}"`, yield* second.get(key), `of ${key}`)
        yield* second.remove("a")
        for (const key of keys) {
          yield* same(`"${key}" after`, (yield* look(first, key)).kept, key === "a" ? undefined : `of ${key}`)
        }
      })
  },
  {
    name: "values are what they were: empty, unicode, with line ends, and of 1 MB",
    run: ({ first, second }) =>
      Effect.gen(function*() {
        for (const value of ["", " ", "0", "nil", "a\r\nb\u0000c", "clé 🔑", "x".repeat(1_000_000)]) {
          yield* first.set("set", value, long)
          yield* holds("what was set", (yield* second.get("set")) === value)
          yield* first.modify("modified", () => keep(0, value))
          yield* holds("what a change kept", (yield* look(second, "modified")).kept === value)
          yield* second.modify("modified", (kept) => keep(0, `${kept}!`))
          yield* holds("what a change made of it", (yield* first.get("modified")) === `${value}!`)
        }
      })
  },
  {
    name: "the clock is one for all, and never goes back",
    run: ({ first, second }) =>
      Effect.gen(function*() {
        const began = yield* look(first, "a")
        let last = began.now
        for (let i = 0; i < 50; i++) {
          const now = yield* (i % 2 === 0 ? second : first).modify(`n ${i % 3}`, (_, now) => keep(now, "x"))
          yield* holds(`a time that is not before ${last}: ${now}`, now >= last)
          last = now
        }
        yield* Effect.sleep(20)
        const ended = yield* look(second, "a")
        yield* holds("the clock goes on, in milliseconds", ended.now - began.now >= 15 && ended.now - began.now < long)
      })
  }
]

/** A test for each claim; `it` is that of `@effect/vitest`. */
export const suite = (it: TestApi, name: string, subject: Effect.Effect<Subject, unknown, Scope.Scope>): void =>
  register(it, name, cases, subject)
