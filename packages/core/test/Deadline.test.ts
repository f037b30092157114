import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Fiber } from "effect"
import { TestClock } from "effect/testing"
import * as Deadline from "../src/Deadline.ts"
import { DeadlineExceeded } from "../src/IntegrationError.ts"

const left = Effect.map(Deadline.remaining, (left) => left && Duration.toMillis(left))

const nested = (outer: Duration.Input, inner: Duration.Input) =>
  left.pipe(Deadline.within(inner), Deadline.within(outer))

describe("Deadline", () => {
  it.effect("there is none by default", () =>
    Effect.gen(function*() {
      assert.isUndefined(yield* left)
    }))

  it.effect("remaining counts down to zero and no further", () =>
    Effect.gen(function*() {
      const seen = yield* Effect.uninterruptible(Effect.gen(function*() {
        const first = yield* left
        yield* Effect.sleep("4 seconds")
        const second = yield* left
        return [first, second] as const
      })).pipe(Deadline.within("10 seconds"), Effect.forkChild({ startImmediately: true }))
      yield* TestClock.adjust("4 seconds")
      assert.deepStrictEqual(yield* Fiber.join(seen), [10_000, 6_000])
      const past = yield* Effect.provideService(left, Deadline.CurrentDeadline, -5)
      assert.strictEqual(past, 0)
    }))

  it.effect("within fails with DeadlineExceeded at its time and interrupts the effect", () =>
    Effect.gen(function*() {
      let released = false
      const call = yield* Effect.never.pipe(
        Effect.onInterrupt(() => Effect.sync(() => void (released = true))),
        Deadline.within("10 seconds"),
        Effect.exit,
        Effect.forkChild({ startImmediately: true })
      )
      yield* TestClock.adjust(9_999)
      assert.isUndefined(call.pollUnsafe())
      yield* TestClock.adjust(1)
      const exceeded = new DeadlineExceeded({ timeout: Duration.seconds(10), wasSent: true })
      assert.deepStrictEqual(yield* Fiber.join(call), Exit.fail(exceeded))
      assert.isTrue(released)
    }))

  it.effect("Q1: a nested deadline can only be nearer", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* nested("1 second", "1 minute"), 1_000)
      assert.strictEqual(yield* nested("1 minute", "1 second"), 1_000)
      assert.strictEqual(yield* nested("Infinity", "1 second"), 1_000)
    }))

  it.effect("Q1: child fibers inherit it", () =>
    Effect.gen(function*() {
      const inChild = Effect.flatMap(Effect.forkChild(left), Fiber.join)
      assert.strictEqual(yield* inChild.pipe(Deadline.within("3 seconds")), 3_000)
    }))

  it.effect("Q2: after it nothing is started", () =>
    Effect.gen(function*() {
      let started = false
      const exit = yield* Effect.sync(() => void (started = true)).pipe(
        Deadline.within("1 minute"),
        Effect.provideService(Deadline.CurrentDeadline, 0),
        Effect.exit
      )
      assert.deepStrictEqual(exit, Exit.fail(new DeadlineExceeded({ timeout: Duration.zero, wasSent: false })))
      assert.isFalse(started)
    }))

  it.effect("Q4: detached cuts it off", () =>
    Effect.gen(function*() {
      assert.isUndefined(yield* left.pipe(Deadline.detached, Deadline.within("1 second")))
    }))

  it.effect("nothing is left of it afterwards", () =>
    Effect.gen(function*() {
      yield* Effect.void.pipe(Deadline.within("1 second"))
      assert.isUndefined(yield* left)
    }))

  it("nearest", () => {
    assert.strictEqual(Deadline.nearest(undefined, 5), 5)
    assert.strictEqual(Deadline.nearest(3, 5), 3)
    assert.strictEqual(Deadline.nearest(5, 3), 3)
  })
})
