import { assert, describe } from "@effect/vitest"
import { Context, Deferred, Effect, Exit, Fiber, Scope } from "effect"
import * as Deadline from "../../src/Deadline.ts"
import { DeadlineExceeded } from "../../src/IntegrationError.ts"
import * as Policy from "../../src/Policy.ts"
import * as Coalesce from "../../src/policy/Coalesce.ts"
import * as Timeout from "../../src/policy/Timeout.ts"
import { adjust, begin, Boom, boom, counted, test } from "./fixtures.ts"

const idle = { flights: 0, waiting: 0 }
/** Answers after a second; counts how often it was begun and how many run. */
const remote = <A, E>(answer: Effect.Effect<A, E>) => {
  const seen = { begun: 0, running: 0 }
  const run = Effect.acquireUseRelease(
    Effect.sync(() => (seen.begun++, seen.running++)),
    () => Effect.andThen(Effect.sleep("1 second"), answer),
    () => Effect.sync(() => void seen.running--)
  )
  return Object.assign(seen, { run })
}

describe("Coalesce", () => {
  test("N4: 100 callers with equal keys make one call, all get its value, and a later call runs anew", () =>
    Effect.gen(function*() {
      const coalesce = yield* Coalesce.make<string>()
      const call = remote(Effect.succeed({}))
      const callers = yield* Effect.replicateEffect(begin(coalesce.policy("a")(call.run)), 100)
      assert.deepStrictEqual(yield* coalesce.state, { flights: 1, waiting: 100 })
      yield* adjust("1 second")
      const answers = yield* Effect.forEach(callers, Fiber.join)
      assert.strictEqual(new Set(answers.map((exit) => Exit.isSuccess(exit) ? exit.value : undefined)).size, 1)
      assert.strictEqual(call.begun, 1)
      assert.deepStrictEqual(yield* coalesce.state, idle)
      const later = yield* begin(coalesce.policy("a")(call.run))
      yield* adjust("1 second")
      yield* Fiber.join(later)
      assert.strictEqual(call.begun, 2)
    }))

  test("N4: all get its error or its defect, and a later call runs anew", () =>
    Effect.gen(function*() {
      const coalesce = yield* Coalesce.make<string>()
      for (
        const [answer, expected] of [[boom, Exit.fail(new Boom({}))], [Effect.die("bug"), Exit.die("bug")]] as const
      ) {
        const call = remote(answer)
        for (const begun of [1, 2]) {
          const callers = yield* Effect.replicateEffect(begin(coalesce.policy("a")(call.run)), 100)
          yield* adjust("1 second")
          for (const exit of yield* Effect.forEach(callers, Fiber.join)) assert.deepStrictEqual(exit, expected)
          assert.strictEqual(call.begun, begun)
        }
      }
      assert.deepStrictEqual(yield* coalesce.state, idle)
    }))

  test("different keys do not wait for each other; objects of the same content are equal", () =>
    Effect.gen(function*() {
      const coalesce = yield* Coalesce.make<{ readonly city: string; readonly page: number }>()
      const call = remote(Effect.void)
      for (const city of ["berlin", "paris", "berlin"]) yield* begin(coalesce.policy({ city, page: 1 })(call.run))
      assert.deepStrictEqual(yield* coalesce.state, { flights: 2, waiting: 3 })
      yield* adjust("1 second")
      assert.strictEqual(call.begun, 2)
    }))

  test("what ends at once leaves nothing behind", () =>
    Effect.gen(function*() {
      const coalesce = yield* Coalesce.make<number>()
      for (let i = 0; i < 1_000; i++) {
        assert.strictEqual(yield* coalesce.policy(i)(Effect.succeed(i)), i)
        yield* Effect.flip(coalesce.policy(i)(boom))
      }
      assert.deepStrictEqual(yield* coalesce.state, idle)
    }))

  test("who began the call may leave: it goes on for the others", () =>
    Effect.gen(function*() {
      const coalesce = yield* Coalesce.make<string>()
      const call = remote(Effect.succeed("ok"))
      const [leader, follower] = [
        yield* begin(coalesce.policy("a")(call.run)),
        yield* begin(coalesce.policy("a")(call.run))
      ]
      yield* adjust(500)
      yield* Fiber.interrupt(leader)
      assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(leader)))
      assert.deepStrictEqual(yield* coalesce.state, { flights: 1, waiting: 1 })
      yield* adjust(500)
      assert.deepStrictEqual(yield* Fiber.join(follower), Exit.succeed("ok"))
      assert.strictEqual(call.begun, 1)
    }))

  test("a caller who joins late keeps it going when all others have left", () =>
    Effect.gen(function*() {
      const coalesce = yield* Coalesce.make<string>()
      const call = remote(Effect.succeed("ok"))
      const first = yield* begin(coalesce.policy("a")(call.run))
      yield* adjust(900)
      const late = yield* begin(coalesce.policy("a")(call.run))
      yield* Fiber.interrupt(first)
      yield* adjust(100)
      assert.deepStrictEqual(yield* Fiber.join(late), Exit.succeed("ok"))
      assert.strictEqual(call.begun, 1)
    }))

  test("L1: when the last one leaves, the call is interrupted and has ended before that one has left", () =>
    Effect.gen(function*() {
      const coalesce = yield* Coalesce.make<string>()
      const call = counted(Effect.onInterrupt(Effect.never, () => Effect.sleep(100)))
      const callers = yield* Effect.replicateEffect(begin(coalesce.policy("a")(call.run)), 3)
      // The test clock cannot be slept on for the first time in a fiber that is interrupted.
      yield* adjust(1)
      yield* Fiber.interrupt(callers[0]!)
      yield* Fiber.interrupt(callers[1]!)
      const leaving = yield* begin(Fiber.interrupt(callers[2]!))
      yield* adjust(99)
      assert.isUndefined(leaving.pollUnsafe())
      yield* adjust(1)
      assert.isDefined(leaving.pollUnsafe())
      assert.deepStrictEqual(yield* coalesce.state, idle)
    }))

  test("a call that is being interrupted is not joined: who comes then begins anew", () =>
    Effect.gen(function*() {
      const coalesce = yield* Coalesce.make<string>()
      const slowToStop = Effect.onInterrupt(Effect.never, () => Effect.sleep(100))
      const first = yield* begin(coalesce.policy("a")(slowToStop))
      yield* adjust(1)
      const leaving = yield* begin(Fiber.interrupt(first))
      assert.isUndefined(leaving.pollUnsafe())
      const next = yield* begin(coalesce.policy("a")(Effect.delay(Effect.succeed("ok"), 200)))
      yield* adjust(150)
      yield* Fiber.join(leaving)
      const joining = yield* begin(coalesce.policy("a")(Effect.succeed("anew")))
      yield* adjust(50)
      assert.deepStrictEqual(yield* Fiber.join(next), Exit.succeed("ok"))
      assert.deepStrictEqual(yield* Fiber.join(joining), Exit.succeed("ok"))
      assert.deepStrictEqual(yield* coalesce.state, idle)
    }))

  test("L1: callers who come and leave at random never leave a call running, nor one without its answer", () =>
    Effect.gen(function*() {
      let seed = 7
      const next = () => (seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0) / 2 ** 32
      const coalesce = yield* Coalesce.make<number>()
      const call = remote(Effect.succeed("ok"))
      let stayed = 0
      for (let round = 0; round < 300; round++) {
        const callers: Array<Fiber.Fiber<Exit.Exit<string>>> = []
        for (let step = 0; step < 12; step++) {
          callers.push(yield* begin(coalesce.policy(Math.floor(next() * 3))(call.run)))
          if (next() < 0.6) yield* Fiber.interrupt(callers.splice(Math.floor(next() * callers.length), 1)[0]!)
          if (next() < 0.5) yield* adjust(Math.floor(next() * 700))
          const { flights } = yield* coalesce.state
          assert.strictEqual(call.running, flights)
        }
        yield* adjust("1 second")
        for (const exit of yield* Effect.forEach(callers, Fiber.join)) assert.deepStrictEqual(exit, Exit.succeed("ok"))
        stayed += callers.length
        assert.deepStrictEqual([call.running, yield* coalesce.state], [0, idle])
      }
      assert.isTrue(call.begun > 300 && stayed > 1_000)
    }))

  test("L2: for a caller who is gone already nothing is begun", () =>
    Effect.gen(function*() {
      const coalesce = yield* Coalesce.make<string>()
      const call = counted(Effect.void)
      const latch = yield* Deferred.make<void>()
      const fiber = yield* begin(
        Effect.andThen(Effect.uninterruptible(Deferred.await(latch)), coalesce.policy("a")(call.run))
      )
      const interrupting = yield* begin(Fiber.interrupt(fiber))
      yield* Deferred.succeed(latch, undefined)
      yield* Fiber.join(interrupting)
      assert.strictEqual(call.count, 0)
    }))

  test("each caller keeps its own deadline, and the call has none of theirs", () =>
    Effect.gen(function*() {
      const coalesce = yield* Coalesce.make<string>()
      const seen: Array<unknown> = []
      const call = counted(Effect.andThen(
        Effect.tap(Deadline.remaining, (left) => Effect.sync(() => seen.push(left))),
        Effect.delay(Effect.succeed("ok"), "2 seconds")
      ))
      const guarded = coalesce.policy("a")(call.run)
      const hurried = yield* begin(Deadline.within("1 second")(guarded))
      const patient = yield* begin(Deadline.within("3 seconds")(guarded))
      yield* adjust("2 seconds")
      const exit = yield* Fiber.join(hurried)
      assert.isTrue(
        Exit.isFailure(exit) &&
          exit.cause.reasons.some((reason) => reason._tag === "Fail" && reason.error instanceof DeadlineExceeded)
      )
      assert.deepStrictEqual(yield* Fiber.join(patient), Exit.succeed("ok"))
      assert.deepStrictEqual([call.count, seen], [1, [undefined]])
    }))

  test("a timeout inside bounds the call for all", () =>
    Effect.gen(function*() {
      const coalesce = yield* Coalesce.make<string>()
      const timeout = yield* Timeout.make({ timeout: "1 second" })
      const guarded = Policy.all(coalesce.policy("a"), timeout.policy)(Effect.never)
      const callers = yield* Effect.replicateEffect(begin(guarded), 3)
      yield* adjust("1 second")
      for (const caller of callers) assert.isTrue(Exit.isFailure(yield* Fiber.join(caller)))
      assert.deepStrictEqual(yield* coalesce.state, idle)
    }))

  test("the call has the services of the caller who began it, but a scope of its own", () =>
    Effect.gen(function*() {
      const coalesce = yield* Coalesce.make<string>()
      const Name = Context.Reference("test/Name", { defaultValue: () => "nobody" })
      const log: Array<string> = []
      const call = Effect.gen(function*() {
        yield* Effect.acquireRelease(Effect.void, () => Effect.sync(() => void log.push("released")))
        yield* Effect.sleep("1 second")
        return yield* Name
      })
      const scope = yield* Scope.make()
      const leader = yield* begin(
        coalesce.policy("a")(call).pipe(Scope.provide(scope), Effect.provideService(Name, "leader"))
      )
      const follower = yield* begin(Effect.scoped(coalesce.policy("a")(call)))
      yield* Fiber.interrupt(leader)
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(log, [])
      yield* adjust("1 second")
      assert.deepStrictEqual(yield* Fiber.join(follower), Exit.succeed("leader"))
      assert.deepStrictEqual(log, ["released"])
    }))

  test("a call that interrupts itself ends as that for all", () =>
    Effect.gen(function*() {
      const coalesce = yield* Coalesce.make<string>()
      const call = remote(Effect.interrupt)
      const callers = yield* Effect.replicateEffect(begin(coalesce.policy("a")(call.run)), 2)
      yield* adjust("1 second")
      for (const caller of callers) assert.isTrue(Exit.hasInterrupts(yield* Fiber.join(caller)))
      assert.deepStrictEqual(yield* coalesce.state, idle)
    }))

  test("it can be described", () =>
    Effect.gen(function*() {
      const coalesce = yield* Coalesce.make<string>()
      assert.deepStrictEqual(Policy.describe(coalesce.policy("a")).map(({ name }) => name), ["Coalesce"])
    }))
})
