/** Interrupts a call between any two operations that it and its surroundings make, one by one, until it ends by itself. */
import { assert } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import * as Stores from "../../src/Stores.ts"
import type { Boom } from "./fixtures.ts"
import { World } from "./world.ts"

/** What a call works with: how much of it is held, and how often it has begun. */
export class Work {
  held = 0
  begun = 0
  entered = false
  /** Takes something, works on it for so long, in steps, and gives it back. */
  readonly take = (millis: number, end: Effect.Effect<string, Boom> = Effect.succeed("ok")) =>
    Effect.suspend(() => {
      this.entered = true
      return Effect.acquireUseRelease(
        Effect.sync(() => {
          this.begun++
          this.held++
        }),
        () => Effect.andThen(Effect.andThen(Effect.yieldNow, Effect.sleep(millis)), end),
        () => Effect.andThen(Effect.yieldNow, Effect.sync(() => void this.held--))
      )
    })
}

export interface Scenario {
  /** The call that is interrupted. */
  readonly call: Effect.Effect<unknown, unknown>
  /** Other calls, begun before it … */
  readonly before?: ReadonlyArray<Effect.Effect<unknown, unknown>>
  /** … and after it. They have to succeed, whatever becomes of the one. */
  readonly after?: ReadonlyArray<Effect.Effect<unknown, unknown>>
  /**
   * Looks at what has to be as it was, when everything has ended. Answers `started` where a call counts as begun that was
   * interrupted between its turn and its first operation.
   */
  readonly baseline: Effect.Effect<void | "started", unknown>
  /** Timers that may be there when all calls have ended: default none. */
  readonly timers?: number
}

export type Setup = (work: Work, world: World) => Effect.Effect<Scenario, unknown, Stores.Stores | Scope.Scope>

/** At how many points it was interrupted, and at which times it was just about to begin. */
export const sweep = (setup: Setup): { readonly points: number; readonly started: ReadonlyArray<unknown> } => {
  const started: Array<unknown> = []
  for (let point = 1;; point++) {
    const world = new World()
    const work = new Work()
    const scope = Scope.makeUnsafe()
    const scenario = world.answer(
      setup(work, world).pipe(Effect.provide(Stores.layerMemory), Effect.provideService(Scope.Scope, scope))
    )
    const others = (scenario.before ?? []).map((other) => world.fork(other))
    const victim = world.fork(scenario.call)
    others.push(...(scenario.after ?? []).map((other) => world.fork(other)))
    const first = world.turns
    let interruptedAt: number | undefined
    let goneAt: number | undefined
    victim.addObserver(() => void (goneAt = world.now))
    let timers: number | undefined
    world.drain(() => {
      if (world.turns - first !== point || victim.pollUnsafe() !== undefined) return
      interruptedAt = world.now
      victim.interruptUnsafe()
    }, () => {
      if ([victim, ...others].every((fiber) => fiber.pollUnsafe() !== undefined)) timers ??= world.sleeping
    })
    const where = `interrupted at point ${point}, ${interruptedAt} ms`
    const exit = victim.pollUnsafe()
    assert.isDefined(exit, where)
    for (const [i, other] of others.entries()) {
      const exit = other.pollUnsafe()
      assert.isTrue(exit !== undefined && Exit.isSuccess(exit), `${where}: the other ${i} ended with ${exit}`)
    }
    if (interruptedAt !== undefined && Exit.isFailure(exit!) && Exit.hasInterrupts(exit)) {
      assert.strictEqual(goneAt, interruptedAt, `L2: ${where}, the caller is gone at once`)
    }
    assert.strictEqual(work.held, 0, where)
    assert.isAtMost(timers ?? 0, scenario.timers ?? 0, `timers: ${where}`)
    const after = world.exit(scenario.baseline)
    assert.isTrue(Exit.isSuccess(after), `${where}: ${after}`)
    if (Exit.isSuccess(after) && after.value === "started") started.push(interruptedAt)
    world.answer(Scope.close(scope, Exit.void))
    assert.strictEqual(work.held, 0, where)
    if (interruptedAt === undefined) return { points: point - 1, started }
  }
}
