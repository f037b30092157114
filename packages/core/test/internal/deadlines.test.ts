import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { TestClock } from "effect/testing"
import * as Deadlines from "../../src/internal/deadlines.ts"
import { millis } from "../../src/internal/monotonic.ts"

/** A list on the test's clock that notes when what fired, and how often its fiber slept. */
const setup = Effect.gen(function*() {
  const context = yield* Effect.context<never>()
  const clock = yield* Clock.Clock
  const sleeps: Array<number> = []
  let sleeping = 0
  const watched: Clock.Clock = {
    ...clock,
    monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe(),
    sleep: (duration) =>
      Effect.acquireUseRelease(
        Effect.sync(() => {
          sleeping++
          sleeps.push(Duration.toMillis(duration))
        }),
        () => clock.sleep(duration),
        () => Effect.sync(() => void sleeping--)
      )
  }
  const deadlines = Deadlines.make(watched, context)
  const fired: Array<[name: string, at: number]> = []
  const node = (name: string, then?: () => void): Deadlines.Deadline => ({
    at: 0,
    prev: undefined,
    next: undefined,
    onDeadline: () => {
      fired.push([name, millis(clock)])
      then?.()
    }
  })
  const add = (name: string, timeout: number, then?: () => void): Deadlines.Deadline => {
    const deadline = node(name, then)
    deadline.at = millis(clock) + timeout
    deadlines.add(deadline)
    return deadline
  }
  return { add, deadlines, fired, fibers: () => sleeping, sleeps }
})

describe("deadlines", () => {
  it.effect("each fires once, at its time, the earlier first", () =>
    Effect.gen(function*() {
      const { add, fired } = yield* setup
      add("a", 1_000)
      yield* TestClock.adjust(400)
      add("b", 1_000)
      add("c", 1_000)
      yield* TestClock.adjust(599)
      assert.deepStrictEqual(fired, [])
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(fired, [["a", 1_000]])
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(fired, [["a", 1_000], ["b", 1_400], ["c", 1_400]])
    }))

  it.effect("a removed one never fires; removing twice, or after it fired, does nothing", () =>
    Effect.gen(function*() {
      const { add, deadlines, fired } = yield* setup
      const [a, b, c] = [add("a", 100), add("b", 100), add("c", 100)]
      deadlines.remove(b)
      deadlines.remove(b)
      yield* TestClock.adjust(100)
      deadlines.remove(a)
      deadlines.remove(c)
      assert.deepStrictEqual(fired, [["a", 100], ["c", 100]])
      add("d", 100)
      yield* TestClock.adjust(100)
      assert.deepStrictEqual(fired.at(-1), ["d", 200])
    }))

  it.effect("a shorter one that is added later is on time", () =>
    Effect.gen(function*() {
      const { add, fibers, fired } = yield* setup
      add("long", 10_000)
      add("short", 20)
      add("shorter", 10)
      add("middle", 15)
      assert.strictEqual(fibers(), 1)
      yield* TestClock.adjust(20)
      assert.deepStrictEqual(fired, [["shorter", 10], ["middle", 15], ["short", 20]])
      yield* TestClock.adjust(9_980)
      assert.deepStrictEqual(fired.at(-1), ["long", 10_000])
    }))

  it.effect("one fiber serves them all, in slices, and an empty list soon has none", () =>
    Effect.gen(function*() {
      const { add, deadlines, fibers, sleeps } = yield* setup
      const nodes = Array.from({ length: 1_000 }, (_, i) => add(`${i}`, 30_000))
      assert.strictEqual(fibers(), 1)
      assert.deepStrictEqual(sleeps, [Deadlines.slice])
      nodes.forEach(deadlines.remove)
      yield* TestClock.adjust(Deadlines.slice)
      assert.strictEqual(fibers(), 0)
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(sleeps.length, 1)
      add("again", 1)
      assert.strictEqual(fibers(), 1)
    }))

  it.effect("adding and removing in turn does not start a fiber each time", () =>
    Effect.gen(function*() {
      const { add, deadlines, sleeps } = yield* setup
      for (let i = 0; i < 10_000; i++) deadlines.remove(add("call", 30_000))
      assert.strictEqual(sleeps.length, 1)
    }))

  it.effect("a callback may add, remove and throw; the others still fire", () =>
    Effect.gen(function*() {
      const { add, deadlines, fibers, fired } = yield* setup
      add("adds", 100, () => void add("added", 50))
      add("throws", 100, () => {
        throw new Error("bug")
      })
      add("removes", 100, () => deadlines.remove(removed))
      const removed = add("removed", 100)
      add("last", 100)
      yield* TestClock.adjust(150)
      assert.deepStrictEqual(fired, [["adds", 100], ["throws", 100], ["removes", 100], ["last", 100], ["added", 150]])
      assert.strictEqual(fibers(), 0)
    }))

  it.effect("a callback may add one that is already due", () =>
    Effect.gen(function*() {
      const { add, fibers, fired, sleeps } = yield* setup
      add("adds", 100, () => void add("past", -5))
      yield* TestClock.adjust(100)
      assert.deepStrictEqual(fired, [["adds", 100], ["past", 100]])
      assert.deepStrictEqual([fibers(), sleeps], [0, [100]])
    }))

  it.effect("one that is already due fires, but not while it is being added", () =>
    Effect.gen(function*() {
      const { add, fired } = yield* setup
      add("past", -5)
      assert.deepStrictEqual(fired, [])
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(fired, [["past", 0]])
      add("next", 10)
      yield* TestClock.adjust(10)
      assert.deepStrictEqual(fired.at(-1), ["next", 10])
    }))

  it.effect("fractions of a millisecond do no harm", () =>
    Effect.gen(function*() {
      const { add, fired } = yield* setup
      for (let i = 1; i <= 10; i++) add(`${i}`, i / 3)
      yield* TestClock.adjust(4)
      assert.strictEqual(fired.length, 10)
    }))

  it.effect("works in virtual time without the scheduler of the calls as well", () =>
    Effect.gen(function*() {
      const clock = yield* Clock.Clock
      const deadlines = Deadlines.make(clock)
      const fired: Array<number> = []
      for (const timeout of [100, 1_000, 30_000]) {
        deadlines.add({
          at: timeout,
          prev: undefined,
          next: undefined,
          onDeadline: () => void fired.push(millis(clock))
        })
      }
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(fired, [100, 1_000, 30_000])
    }))

  it.effect("L4: a released list has no fiber while it is empty, and still keeps every deadline", () =>
    Effect.gen(function*() {
      const { add, deadlines, fibers, fired } = yield* setup
      add("a", 100)
      add("b", 200)
      yield* TestClock.adjust(100)
      deadlines.release()
      assert.strictEqual(fibers(), 1)
      yield* TestClock.adjust(100)
      assert.strictEqual(fibers(), 0)
      const late = add("c", 100)
      deadlines.remove(late)
      assert.strictEqual(fibers(), 0)
      add("d", 100)
      yield* TestClock.adjust(100)
      assert.deepStrictEqual(fired, [["a", 100], ["b", 200], ["d", 300]])
      assert.strictEqual(fibers(), 0)
    }))
})
