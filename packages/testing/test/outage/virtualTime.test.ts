import { describe, expect, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import { VirtualTime } from "../../src/internal/outage/virtualTime.ts"

/** Runs an effect in a world of its own, and says when it ended there. */
const inWorld = <A, E>(effect: Effect.Effect<A, E>) => {
  const world = new VirtualTime()
  return Effect.flatMap(
    Random.Random,
    (random) => Effect.map(world.run(effect, random), (value) => ({ value, at: world.now }))
  )
}

const noting = (log: Array<string>, what: string) =>
  Effect.map(Clock.currentTimeMillis, (now) => void log.push(`${what} ${now}`))

describe("a world of virtual time", () => {
  it.effect("goes from event to event, whatever the clock outside does", () =>
    Effect.gen(function*() {
      const log: Array<string> = []
      const { at } = yield* inWorld(Effect.all([
        Effect.delay(noting(log, "c"), "3 days"),
        Effect.delay(noting(log, "a"), "1 second"),
        Effect.delay(noting(log, "b"), "1 second")
      ], { concurrency: "unbounded", discard: true }))
      expect(log).toEqual(["a 1000", "b 1000", "c 259200000"])
      expect(at).toBe(259_200_000)
      expect(yield* Clock.currentTimeMillis).toBe(0)
    }))

  it.effect("lets everything come to rest before time passes, microtasks and yields included", () =>
    Effect.gen(function*() {
      const log: Array<string> = []
      yield* inWorld(Effect.gen(function*() {
        const latch = yield* Deferred.make<void>()
        yield* Effect.forkChild(Effect.andThen(Deferred.await(latch), noting(log, "woken")))
        yield* Effect.forkChild(Effect.delay(noting(log, "later"), 1))
        for (let i = 0; i < 5000; i++) yield* Effect.yieldNow
        for (let i = 0; i < 50; i++) {
          yield* Effect.callback<void>((resume) => queueMicrotask(() => resume(Clock.currentTimeMillis)))
        }
        yield* Deferred.succeed(latch, undefined)
        yield* Effect.sleep(2)
      }))
      expect(log).toEqual(["woken 0", "later 1"])
    }))

  it.effect("forgets a sleep that is interrupted", () =>
    Effect.gen(function*() {
      const { at, value } = yield* inWorld(Effect.timeoutOption(Effect.sleep("1 hour"), "1 second"))
      expect([at, value._tag]).toEqual([1000, "None"])
    }))

  it.effect("fails as the effect does, at its time", () =>
    Effect.gen(function*() {
      expect(yield* Effect.flip(inWorld(Effect.delay(Effect.fail("no"), "1 second")))).toBe("no")
    }))

  it.effect("waits for a promise that needs no time", () =>
    Effect.gen(function*() {
      const hops = async () => {
        for (let i = 0; i < 100; i++) await undefined
        return "there"
      }
      expect(yield* inWorld(Effect.promise(hops))).toEqual({ value: "there", at: 0 })
    }))

  it.effect("says so when an effect waits for what is outside", () =>
    Effect.gen(function*() {
      const exit = yield* Effect.exit(inWorld(Effect.never))
      expect(Exit.isFailure(exit) && String(exit.cause)).toContain("outside of virtual time")
    }))

  it.live("ends when it is interrupted, and what runs in it does, too", () =>
    Effect.gen(function*() {
      const stopped = yield* Deferred.make<void>()
      const forever = Effect.onInterrupt(Effect.forever(Effect.sleep(1)), () => Deferred.succeed(stopped, undefined))
      const fiber = yield* Effect.forkChild(inWorld(forever), { startImmediately: true })
      yield* Fiber.interrupt(fiber)
      yield* Deferred.await(stopped)
    }))
})
