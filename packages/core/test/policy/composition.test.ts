import { assert, describe } from "@effect/vitest"
import { Duration, Effect, Exit, Fiber } from "effect"
import * as Deadline from "../../src/Deadline.ts"
import { AttemptTimeout, BulkheadFull, CircuitOpen } from "../../src/IntegrationError.ts"
import * as Policy from "../../src/Policy.ts"
import * as CircuitBreaker from "../../src/policy/CircuitBreaker.ts"
import * as Retry from "../../src/policy/Retry.ts"
import * as Timeout from "../../src/policy/Timeout.ts"
import { adjust, begin, Boom, boom, counted, test } from "./fixtures.ts"

const finish = <A, E, R>(self: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const call = yield* begin(self)
    yield* adjust("1 hour")
    return yield* Fiber.join(call)
  })
const retry = (options: Partial<Retry.Options> = {}) => Retry.make({ name: "test", jitter: "none", ...options })
const breaker = (options: Partial<CircuitBreaker.Options> = {}) => CircuitBreaker.make({ name: "test", ...options })

/** Lets one call in at a time and no other. */
const bulkhead = () => {
  let running = 0
  return Policy.fromGate<BulkheadFull>({
    admit: () =>
      running < 1
        ? ++running
        : { _tag: "Refusal", retryAfter: undefined, reason: () => new BulkheadFull({ limit: 1 }) },
    settle: () => void running--
  })
}

describe("composition", () => {
  test("O1: a breaker inside a retry counts attempts; once it is open the retry does not hammer it", () =>
    Effect.gen(function*() {
      const circuit = yield* breaker({ failureThreshold: 3, resetTimeout: "10 minutes" })
      const call = counted(boom)
      const policy = Policy.all((yield* retry({ maxRetries: 5 })).policy, circuit.policy)
      const error = yield* Effect.flip(Effect.flatten(finish(policy(call.run))))
      assert.strictEqual(call.count, 3)
      assert.instanceOf(error, CircuitOpen)
    }))

  test("G19: a retry waits for an open circuit if that fits the deadline, and then probes", () =>
    Effect.gen(function*() {
      const circuit = yield* breaker({ failureThreshold: 1, resetTimeout: "5 seconds", resetFactor: 1 })
      yield* Effect.flip(circuit.policy(boom))
      const call = counted(Effect.succeed("ok"))
      const policy = Policy.all((yield* retry()).policy, circuit.policy)
      const hurried = yield* Effect.flip(policy(call.run).pipe(Deadline.within("5 seconds")))
      assert.deepStrictEqual(hurried, new CircuitOpen({ isolated: false, retryAfter: Duration.seconds(5) }))
      const patient = yield* begin(policy(call.run).pipe(Deadline.within("6 seconds")))
      yield* adjust("5200 millis")
      assert.deepStrictEqual(yield* Fiber.join(patient), Exit.succeed("ok"))
      assert.strictEqual(call.count, 1)
    }))

  test("E1: an isolated circuit is not retried", () =>
    Effect.gen(function*() {
      const circuit = yield* breaker()
      yield* circuit.isolate
      const policy = Policy.all((yield* retry()).policy, circuit.policy)
      const call = yield* begin(policy(Effect.void))
      yield* adjust(0)
      assert.isDefined(call.pollUnsafe())
    }))

  test("O2: a retry inside a breaker is one record for each call", () =>
    Effect.gen(function*() {
      const circuit = yield* breaker({ failureThreshold: 2, resetTimeout: "1 day", maxResetTimeout: "1 day" })
      const call = counted(boom)
      const policy = Policy.all(circuit.policy, (yield* retry({ maxRetries: 3 })).policy)
      yield* finish(policy(call.run))
      assert.strictEqual((yield* circuit.state)._tag, "Closed")
      yield* finish(policy(call.run))
      assert.strictEqual((yield* circuit.state)._tag, "Open")
      assert.strictEqual(call.count, 8)
    }))

  test("O3: a full bulkhead is retried after a wait, without ever starting the call", () =>
    Effect.gen(function*() {
      const full = bulkhead()
      yield* begin(full(Effect.never))
      const call = counted(Effect.void)
      const asked = counted(full(call.run))
      const exit = yield* finish((yield* retry({ maxRetries: 3 })).policy(asked.run))
      assert.deepStrictEqual(exit, Exit.fail(new BulkheadFull({ limit: 1 })))
      assert.deepStrictEqual([asked.count, call.count], [4, 0])
    }))

  test("K7: a bulkhead inside a breaker does not open it, and does not count as a probe", () =>
    Effect.gen(function*() {
      const circuit = yield* breaker({ failureThreshold: 1, resetTimeout: "1 second" })
      const full = bulkhead()
      const held = yield* begin(full(Effect.never))
      const guarded = Policy.all(circuit.policy, full)(Effect.succeed("ok"))
      yield* Effect.flip(guarded)
      assert.strictEqual((yield* circuit.state)._tag, "Closed")
      yield* Effect.flip(circuit.policy(boom))
      yield* adjust("1 second")
      yield* Effect.flip(guarded)
      assert.strictEqual((yield* circuit.state)._tag, "HalfOpen")
      yield* Fiber.interrupt(held)
      assert.strictEqual(yield* guarded, "ok")
      assert.strictEqual((yield* circuit.state)._tag, "Closed")
    }))

  test("O4: a dead remote, 100 callers one after the other, 3 retries, a breaker at 5: at most 5 attempts", () =>
    Effect.gen(function*() {
      const circuit = yield* breaker({ failureThreshold: 5 })
      const call = counted(boom)
      const policy = Policy.all((yield* retry()).policy, circuit.policy)
      for (let i = 0; i < 100; i++) yield* begin(policy(call.run))
      assert.strictEqual(call.count, 5)
    }))

  test("G16: nested retries over an integration do not multiply", () =>
    Effect.gen(function*() {
      const outer = yield* retry({ maxRetries: 3 })
      const call = counted(boom)
      const inner = (yield* Retry.make({ name: "inner", maxRetries: 3 })).policy(call.run)
      const marked = Effect.mapError(inner, (error) => Object.assign(error, { isRetryable: false }))
      yield* finish(outer.policy(marked))
      assert.strictEqual(call.count, 4)
    }))

  test("F8, G11: retry over timeout: fresh attempts, bounded by the deadline over both", () =>
    Effect.gen(function*() {
      const policy = Policy.all(
        (yield* Timeout.total({ timeout: "5 seconds" })).policy,
        (yield* retry({ maxRetries: 10, baseDelay: 500, factor: 1 })).policy,
        (yield* Timeout.make({ timeout: "2 seconds" })).policy
      )
      const call = counted(Effect.never)
      const running = yield* begin(policy(call.run))
      // 0–2 s, 2.5–4.5 s; the next wait would end at the deadline.
      yield* adjust(4_499)
      assert.isUndefined(running.pollUnsafe())
      yield* adjust(1)
      const timeout = new AttemptTimeout({ timeout: Duration.seconds(2), wasSent: true })
      assert.deepStrictEqual(yield* Fiber.join(running), Exit.fail(timeout))
      assert.strictEqual(call.count, 2)
    }))

  test("the composition can be described, outermost first", () =>
    Effect.gen(function*() {
      const policy = Policy.all(
        (yield* retry({ maxRetries: 1 })).policy,
        (yield* breaker()).policy,
        (yield* Timeout.make({ timeout: "1 second" })).policy
      )
      assert.deepStrictEqual(Policy.describe(policy), [
        { name: "Retry", options: { name: "test", jitter: "none", maxRetries: 1 } },
        { name: "CircuitBreaker", options: { name: "test" } },
        { name: "Timeout", options: { timeout: "1 second" } }
      ])
    }))
})

describe("interruption at any moment", () => {
  test("L1: leaves no probe slot, no retry token and no timer behind", () =>
    Effect.gen(function*() {
      const circuit = yield* breaker({ failureThreshold: 1, resetTimeout: "1 second", resetFactor: 1 })
      const again = yield* retry({ maxRetries: 3, budget: { ratio: 0, minPerSecond: 5 } })
      const policy = Policy.all(again.policy, circuit.policy, (yield* Timeout.make({ timeout: "100 millis" })).policy)
      let at = 0
      for (let millis = 0; millis < 3_000; millis += 50) {
        yield* circuit.reset
        const body = Effect.andThen(Effect.yieldNow, Effect.andThen(Effect.sleep("70 millis"), boom))
        const call = yield* begin(policy(body))
        yield* adjust(millis)
        yield* Fiber.interrupt(call)
        yield* adjust("1 minute")
        at += millis + 60_000
        assert.strictEqual(again.budget.balance(at), 5)
        const state = yield* circuit.state
        assert.isFalse(state._tag === "HalfOpen" && state.probing > 0)
        assert.strictEqual(yield* circuit.policy(Effect.succeed("ok")), "ok")
      }
    }))

  test("L1: 10,000 calls that are interrupted leave the breaker as it was", () =>
    Effect.gen(function*() {
      const circuit = yield* breaker({ failureThreshold: 1 })
      const calls = yield* Effect.replicateEffect(begin(circuit.policy(Effect.never)), 10_000)
      yield* Fiber.interruptAll(calls)
      assert.deepStrictEqual(yield* circuit.state, { _tag: "Closed", openings: 0 })
      assert.instanceOf(yield* Effect.flip(circuit.policy(boom)), Boom)
    }))
})
