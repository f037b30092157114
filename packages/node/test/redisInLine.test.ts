import { assert, describe, it } from "@effect/vitest"
import { type Change, StoreUnavailable } from "@switchboard/core/Stores"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { inLine, type Modify } from "../src/internal/redis/inLine.ts"

const increment = (kept: string | undefined): Change<number> => {
  const answer = Number(kept ?? 0) + 1
  return { answer, keep: { value: String(answer), timeToLive: answer } }
}
const begin = <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.forkChild(Effect.exit(self), { startImmediately: true })

/** A store whose changes wait until they are let go, the first one with what was kept before it. */
const make = Effect.gen(function*() {
  const kept = new Map<string, { readonly value: string; readonly timeToLive: number }>()
  const seen = { rounds: 0, interrupted: 0 }
  const gates: Array<Deferred.Deferred<void, StoreUnavailable>> = []
  const slow: Modify = (key, change) =>
    Effect.gen(function*() {
      seen.rounds++
      const gate = yield* Deferred.make<void, StoreUnavailable>()
      gates.push(gate)
      yield* Deferred.await(gate)
      // Asked twice, as if another had come first.
      change("1000", 0)
      const keep = change(kept.get(key)?.value, 0)
      if (keep !== undefined) kept.set(key, keep)
    }).pipe(Effect.onInterrupt(() => Effect.sync(() => void seen.interrupted++)))
  const letGo = (exit: Exit.Exit<void, StoreUnavailable> = Exit.void) => Deferred.done(gates.shift()!, exit)
  return { modify: yield* inLine(slow), kept, seen, letGo }
})

describe("changes in line", () => {
  it.effect("that come while one is under way are made together, each with what the one before it kept", () =>
    Effect.gen(function*() {
      const { kept, letGo, modify, seen } = yield* make
      const fibers = yield* Effect.forEach(Array.from({ length: 10 }), () => begin(modify("n", increment)))
      assert.strictEqual(seen.rounds, 1)
      yield* letGo()
      assert.deepStrictEqual(yield* Fiber.join(fibers[0]!), Exit.succeed(1))
      assert.strictEqual(seen.rounds, 2)
      yield* letGo()
      const answers = yield* Effect.forEach(fibers, Fiber.join)
      assert.deepStrictEqual(answers, Array.from({ length: 10 }, (_, i) => Exit.succeed(i + 1)))
      assert.deepStrictEqual(kept.get("n"), { value: "10", timeToLive: 10 })
    }))

  it.effect("of different keys do not wait for each other", () =>
    Effect.gen(function*() {
      const { modify, seen } = yield* make
      yield* begin(modify("a", increment))
      yield* begin(modify("b", increment))
      assert.strictEqual(seen.rounds, 2)
    }))

  it.effect("go on without one who leaves, whether it waits or is under way", () =>
    Effect.gen(function*() {
      const { kept, letGo, modify, seen } = yield* make
      const [first, second, third, fourth] = yield* Effect.forEach(
        Array.from({ length: 4 }),
        () => begin(modify("n", increment))
      )
      yield* letGo()
      yield* Fiber.join(first!)
      yield* Fiber.interrupt(second!)
      const late = yield* begin(modify("n", increment))
      const gone = yield* begin(modify("n", increment))
      yield* Fiber.interrupt(gone)
      yield* letGo()
      assert.deepStrictEqual([yield* Fiber.join(third!), yield* Fiber.join(fourth!)], [
        Exit.succeed(2),
        Exit.succeed(3)
      ])
      yield* letGo()
      assert.deepStrictEqual(yield* Fiber.join(late), Exit.succeed(4))
      assert.strictEqual(kept.get("n")?.value, "4")
      assert.strictEqual(seen.interrupted, 0)
    }))

  it.effect("are given up when the last one has left, and those who came later have their turn", () =>
    Effect.gen(function*() {
      const { letGo, modify, seen } = yield* make
      const hung = yield* begin(modify("n", increment))
      const later = yield* begin(modify("n", increment))
      yield* Fiber.interrupt(hung)
      assert.deepStrictEqual(seen, { rounds: 2, interrupted: 1 })
      yield* letGo()
      yield* letGo()
      assert.deepStrictEqual(yield* Fiber.join(later), Exit.succeed(1))
      const alone = yield* begin(modify("n", increment))
      yield* Fiber.interrupt(alone)
      assert.deepStrictEqual(seen, { rounds: 3, interrupted: 2 })
    }))

  it.effect("that are made together fail together, and the next do not", () =>
    Effect.gen(function*() {
      const { letGo, modify } = yield* make
      const error = new StoreUnavailable({ store: "redis", retryAfter: 0 })
      const first = yield* begin(modify("n", increment))
      const [second, third] = [yield* begin(modify("n", increment)), yield* begin(modify("n", increment))]
      yield* letGo(Exit.fail(error))
      assert.deepStrictEqual(yield* Fiber.join(first), Exit.fail(error))
      yield* letGo(Exit.fail(error))
      assert.deepStrictEqual([yield* Fiber.join(second), yield* Fiber.join(third)], [
        Exit.fail(error),
        Exit.fail(error)
      ])
      const next = yield* begin(modify("n", increment))
      yield* letGo()
      assert.deepStrictEqual(yield* Fiber.join(next), Exit.succeed(1))
    }))

  it.effect("that keep nothing keep what the others did", () =>
    Effect.gen(function*() {
      const { kept, letGo, modify } = yield* make
      const look = (kept: string | undefined): Change<string | undefined> => ({ answer: kept })
      yield* begin(modify("n", look))
      yield* begin(modify("n", increment))
      const looking = yield* begin(modify("n", look))
      yield* letGo()
      yield* letGo()
      assert.deepStrictEqual(yield* Fiber.join(looking), Exit.succeed("1"))
      assert.strictEqual(kept.get("n")?.value, "1")
    }))
})
