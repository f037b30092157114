/** What the tests of policies share. */
import { it } from "@effect/vitest"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import { TestClock } from "effect/testing"
import * as Stores from "../../src/Stores.ts"

/** The remote failed. */
export class Boom extends Data.TaggedError("Boom")<{ readonly n?: number }> {}

export const boom = Effect.suspend(() => Effect.fail(new Boom({})))

/** A test in virtual time with stores of its own. */
export const test = <A, E>(name: string, body: () => Effect.Effect<A, E, Stores.Stores | Scope.Scope>): void =>
  it.effect(name, () => Effect.provide(body(), Stores.layerMemory))

/** Counts how often an effect was begun. */
export const counted = <A, E, R>(self: Effect.Effect<A, E, R>) => {
  const seen = { count: 0 }
  return Object.assign(
    seen,
    { run: Effect.suspend(() => (seen.count++, self)) }
  )
}

/** Succeeds or fails in the given order, then goes on as the last. */
export const scripted = <A, E, R>(...steps: ReadonlyArray<Effect.Effect<A, E, R>>) => {
  let step = 0
  return counted(Effect.suspend(() => steps[Math.min(step++, steps.length - 1)]!))
}

/** Runs at once, on a fiber of its own, which never fails. */
export const begin = <A, E, R>(self: Effect.Effect<A, E, R>) =>
  Effect.forkChild(Effect.exit(self), { startImmediately: true })

/** Calls for a caller who is interrupted before the call begins. */
export const callOfOneGone = <A, E, R>(self: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const latch = yield* Deferred.make<void>()
    const fiber = yield* Effect.forkChild(
      Effect.andThen(Effect.uninterruptible(Deferred.await(latch)), self),
      { startImmediately: true }
    )
    const interrupting = yield* Effect.forkChild(Fiber.interrupt(fiber), { startImmediately: true })
    yield* Deferred.succeed(latch, undefined)
    yield* Fiber.join(interrupting)
  })

export const adjust = TestClock.adjust
