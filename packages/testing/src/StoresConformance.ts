/**
 * What every implementation of `Stores` must do.
 *
 * @example
 * import { it } from "@effect/vitest"
 *
 * StoresConformance.suite(it, "layerMemory", Stores.layerMemory)
 */
import { Stores } from "@switchboard/core/Stores"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import { type Case, register, type TestApi } from "./Conformance.ts"
import { same } from "./internal/conformance/expect.ts"

/** The claims. */
export const cases: ReadonlyArray<Case<Stores["Service"]>> = [
  {
    name: "the same name gives the same state",
    run: (stores) =>
      Effect.gen(function*() {
        const first = yield* stores.state("a", () => 1)
        yield* Ref.set(first, 5)
        const second = yield* stores.state("a", () => 1)
        yield* same("what the second reads", yield* Ref.get(second), 5)
        yield* Ref.update(second, (n) => n + 1)
        yield* same("what the first reads", yield* Ref.get(first), 6)
      })
  },
  {
    name: "the first use decides the initial state, and later ones make none",
    run: (stores) =>
      Effect.gen(function*() {
        let made = 0
        const initial = () => ++made
        yield* stores.state("a", initial)
        yield* same("the state", yield* Ref.get(yield* stores.state("a", initial)), 1)
        yield* same("states made", made, 1)
      })
  },
  {
    name: "100 first uses at once make one state",
    run: (stores) =>
      Effect.gen(function*() {
        let made = 0
        const add = Effect.flatMap(
          stores.state("a", () => {
            made++
            return 0
          }),
          Ref.update((n) => n + 1)
        )
        yield* Effect.all(Array.from({ length: 100 }, () => Effect.andThen(Effect.yieldNow, add)), {
          concurrency: "unbounded",
          discard: true
        })
        yield* same("states made", made, 1)
        yield* same("the state", yield* Ref.get(yield* stores.state("a", () => 0)), 100)
      })
  },
  {
    name: "different names are apart",
    run: (stores) =>
      Effect.gen(function*() {
        const names = ["a", "A", "a/b", "", " ", "constructor", "__proto__"]
        yield* Effect.forEach(names, (name) => Effect.flatMap(stores.state(name, () => ""), Ref.set(name)))
        for (const name of names) {
          const state = yield* stores.state(name, () => "made anew")
          yield* same(`the state of "${name}"`, yield* Ref.get(state), name)
        }
      })
  },
  {
    name: "a state may be undefined, null, zero, false or empty",
    run: (stores) =>
      Effect.gen(function*() {
        for (const value of [undefined, null, 0, false, ""]) {
          const first = yield* stores.state<unknown>(`empty ${String(value)}`, () => value)
          const second = yield* stores.state<unknown>(`empty ${String(value)}`, () => "made anew")
          yield* same("the second", yield* Ref.get(second), value)
          yield* Ref.set(first, "changed")
          yield* same("the second after a change", yield* Ref.get(second), "changed")
        }
      })
  },
  {
    name: "updates at once are all kept",
    run: (stores) =>
      Effect.gen(function*() {
        const state = yield* stores.state<ReadonlyArray<number>>("list", () => [])
        const numbers = Array.from({ length: 100 }, (_, i) => i)
        const append = (n: number) => Effect.andThen(Effect.yieldNow, Ref.update(state, (list) => [...list, n]))
        yield* Effect.forEach(numbers, append, { concurrency: "unbounded", discard: true })
        yield* same("what was kept", (yield* Ref.get(state)).toSorted((a, b) => a - b), numbers)
      })
  }
]

/** A test for each claim; `it` is that of `@effect/vitest`. */
export const suite = (it: TestApi, name: string, layer: Layer.Layer<Stores, unknown>): void =>
  register(it, name, cases, Effect.map(Layer.build(layer), Context.get(Stores)))
