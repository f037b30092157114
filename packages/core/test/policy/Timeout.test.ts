import { assert, describe } from "@effect/vitest"
import { Cause, Duration, Effect, Exit, Fiber } from "effect"
import * as Deadline from "../../src/Deadline.ts"
import { AttemptTimeout, DeadlineExceeded } from "../../src/IntegrationError.ts"
import * as Outcome from "../../src/Outcome.ts"
import * as Policy from "../../src/Policy.ts"
import * as CircuitBreaker from "../../src/policy/CircuitBreaker.ts"
import * as Timeout from "../../src/policy/Timeout.ts"
import { adjust, begin, Boom, boom, callOfOneGone, counted, scripted, test } from "./fixtures.ts"

const make = (timeout: Duration.Input, abandon?: boolean) =>
  Effect.map(Timeout.make({ timeout, abandon }), ({ policy }) => policy)
const timedOut = (timeout: Duration.Input) =>
  new AttemptTimeout({ timeout: Duration.fromInputUnsafe(timeout), wasSent: true })

describe("Timeout", () => {
  test("F1: it interrupts the attempt, and waits until all it held is released", () =>
    Effect.gen(function*() {
      const policy = yield* make("1 second")
      const log: Array<string> = []
      const slowToStop = Effect.onInterrupt(Effect.never, () =>
        Effect.andThen(Effect.sleep("500 millis"), Effect.sync(() => void log.push("released"))))
      const call = yield* begin(policy(slowToStop))
      yield* adjust(1_499)
      assert.isUndefined(call.pollUnsafe())
      yield* adjust(1)
      assert.deepStrictEqual(yield* Fiber.join(call), Exit.fail(timedOut("1 second")))
      assert.deepStrictEqual(log, ["released"])
    }))

  test("what ends in time passes unchanged", () =>
    Effect.gen(function*() {
      const policy = yield* make("1 second")
      assert.strictEqual(yield* policy(Effect.succeed("ok")), "ok")
      assert.instanceOf(yield* Effect.flip(policy(boom)), Boom)
      assert.deepStrictEqual(yield* Effect.exit(policy(Effect.die("bug"))), Exit.die("bug"))
    }))

  test("F2: a caller who is gone sees interruption, not a timeout", () =>
    Effect.gen(function*() {
      for (const abandon of [false, true]) {
        const policy = yield* make("1 second", abandon)
        let released = false
        const call = yield* Effect.forkChild(
          policy(Effect.onInterrupt(Effect.never, () => Effect.sync(() => void (released = true)))),
          { startImmediately: true }
        )
        yield* Fiber.interrupt(call)
        assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(call)))
        assert.isTrue(released)
      }
    }))

  test("F4: the attempt's own timeout passes unchanged", () =>
    Effect.gen(function*() {
      const policy = yield* make("1 minute")
      const call = yield* begin(policy(Effect.timeout(Effect.never, "1 second")))
      yield* adjust("1 second")
      const exit = yield* Fiber.join(call)
      assert.isTrue(Exit.isFailure(exit) && Cause.squash(exit.cause) instanceof Cause.TimeoutError)
    }))

  test("F5, O5: zero, negative, infinite and meaningless timeouts are refused when built", () =>
    Effect.gen(function*() {
      for (const timeout of [0, -1, "Infinity", NaN, Duration.zero] as const) {
        const error = yield* Effect.flip(Timeout.make({ timeout }))
        assert.deepStrictEqual(error.problems.map(({ option }) => option), ["timeout"])
      }
      assert.deepStrictEqual(Timeout.validate({ timeout: 1 }), [])
    }))

  test("F6: of nested timeouts the one that fires first names itself", () =>
    Effect.gen(function*() {
      const [short, long] = [yield* make("1 second"), yield* make("2 seconds")]
      for (const nested of [Policy.all(short, long), Policy.all(long, short)]) {
        const call = yield* begin(nested(Effect.never))
        yield* adjust("2 seconds")
        const exit = yield* Fiber.join(call)
        const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
        assert.isTrue(error instanceof AttemptTimeout || error instanceof DeadlineExceeded)
        assert.isTrue(Duration.Equivalence((error as AttemptTimeout).timeout, Duration.seconds(1)))
      }
    }))

  test("F6: an inherited deadline that is nearer names itself; it decides a draw", () =>
    Effect.gen(function*() {
      const policy = yield* make("2 seconds")
      for (
        const [deadline, expected] of [[1_000, "DeadlineExceeded"], [2_000, "DeadlineExceeded"], [
          3_000,
          "AttemptTimeout"
        ]] as const
      ) {
        const now = yield* Effect.clockWith((clock) => Effect.succeed(Number(clock.monotonicTimeNanosUnsafe()) / 1e6))
        const call = yield* begin(
          Effect.provideService(policy(Effect.never), Deadline.CurrentDeadline, now + deadline)
        )
        yield* adjust("2 seconds")
        const exit = yield* Fiber.join(call)
        assert.isTrue(Exit.isFailure(exit) && (Cause.squash(exit.cause) as AttemptTimeout)._tag === expected)
      }
    }))

  test("F8: each attempt has a fresh timeout", () =>
    Effect.gen(function*() {
      const policy = yield* make("1 second")
      const call = scripted<number, never, never>(Effect.never, Effect.never, Effect.delay(Effect.succeed(1), 900))
      const guarded = policy(call.run)
      const running = yield* begin(Effect.retry(guarded, { times: 2 }))
      yield* adjust(2_899)
      assert.isUndefined(running.pollUnsafe())
      yield* adjust(1)
      assert.deepStrictEqual(yield* Fiber.join(running), Exit.succeed(1))
    }))

  test("F10: a timeout inside a breaker counts as a failure", () =>
    Effect.gen(function*() {
      const policy = yield* make("1 second")
      const breaker = yield* CircuitBreaker.make({ name: "test", failureThreshold: 1 })
      const call = yield* begin(Policy.all(breaker.policy, policy)(Effect.never))
      yield* adjust("1 second")
      yield* Fiber.join(call)
      assert.strictEqual((yield* breaker.state)._tag, "Open")
      assert.deepStrictEqual(Outcome.classify(Exit.fail(timedOut("1 second"))), Outcome.failure())
    }))

  test("F11: with abandon it fails on time though the attempt does not stop; what comes late is dropped", () =>
    Effect.gen(function*() {
      const policy = yield* make("1 second", true)
      let ended = false
      const stubborn = Effect.uninterruptible(
        Effect.sleep("1 minute").pipe(
          Effect.andThen(Effect.sync(() => (ended = true, "late")))
        )
      )
      const call = yield* begin(policy(stubborn))
      yield* adjust("1 second")
      assert.deepStrictEqual(yield* Fiber.join(call), Exit.fail(timedOut("1 second")))
      assert.isFalse(ended)
      yield* adjust("1 minute")
      assert.isTrue(ended)
    }))

  test("F11: with abandon, what ends in time passes unchanged, and a gone caller leaves at once", () =>
    Effect.gen(function*() {
      const policy = yield* make("1 second", true)
      assert.strictEqual(yield* policy(Effect.succeed("ok")), "ok")
      assert.instanceOf(yield* Effect.flip(policy(boom)), Boom)
      const call = yield* Effect.forkChild(policy(Effect.uninterruptible(Effect.sleep("1 minute"))), {
        startImmediately: true
      })
      yield* Fiber.interrupt(call)
      assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(call)))
    }))

  test("F13: after an inherited deadline nothing is started", () =>
    Effect.gen(function*() {
      const policy = yield* make("1 second")
      const call = counted(Effect.void)
      const exit = yield* Effect.exit(Effect.provideService(policy(call.run), Deadline.CurrentDeadline, 0))
      assert.deepStrictEqual(exit, Exit.fail(new DeadlineExceeded({ timeout: Duration.zero, wasSent: false })))
      assert.strictEqual(call.count, 0)
    }))

  test("F13: for a caller who is gone already nothing is started", () =>
    Effect.gen(function*() {
      const policy = yield* make("1 second")
      const call = counted(Effect.void)
      yield* callOfOneGone(policy(call.run))
      assert.strictEqual(call.count, 0)
    }))

  test("Q1: the attempt's children see its time as their deadline", () =>
    Effect.gen(function*() {
      const policy = yield* make("2 seconds")
      const left = yield* policy(Deadline.remaining)
      assert.deepStrictEqual(left, Duration.seconds(2))
    }))

  test("it can be described", () =>
    Effect.gen(function*() {
      const policy = yield* make("2 seconds")
      assert.deepStrictEqual(Policy.describe(policy).map(({ name }) => name), ["Timeout"])
    }))
})
