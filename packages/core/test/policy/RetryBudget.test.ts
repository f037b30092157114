import { assert, describe } from "@effect/vitest"
import { Effect, Exit, Fiber } from "effect"
import * as Outcome from "../../src/Outcome.ts"
import * as Retry from "../../src/policy/Retry.ts"
import { adjust, Boom, boom, counted, test } from "./fixtures.ts"

const make = (budget: Retry.Budget, options: Partial<Parameters<typeof Retry.make>[0]> = {}) =>
  Retry.make({ name: "test", jitter: "none", baseDelay: 0, ...options, budget })
const none = { ratio: 0, minPerSecond: 0 }

/** How many times in a row a budget pays at a given time. */
const drain = (retry: Retry.Retry, now: number): number => {
  let paid = 0
  while (paid < 10_000 && retry.budget.withdraw(now)) paid++
  return paid
}
const deposit = (retry: Retry.Retry, n: number, now: number) => {
  for (let i = 0; i < n; i++) retry.deposit(now)
}

describe("Retry budget", () => {
  test("J1: with an empty budget the first attempt is made, no retry is, and the error is the call's own", () =>
    Effect.gen(function*() {
      const retry = yield* make(none)
      const call = counted(boom)
      assert.deepStrictEqual(yield* Effect.exit(retry.policy(call.run)), Exit.fail(new Boom({})))
      assert.strictEqual(call.count, 1)
      const decision = yield* retry.start().next(Outcome.failure(), {
        attempt: 1,
        safeToRepeat: true,
        remainingMillis: undefined
      })
      assert.deepStrictEqual(decision, { _tag: "Stop", why: "Budget" })
    }))

  test("J2: n calls pay for floor(n × ratio) retries, and the reserve for some besides", () =>
    Effect.gen(function*() {
      for (
        const [n, ratio, expected] of [[0, 0.2, 0], [4, 0.2, 0], [5, 0.2, 1], [99, 0.2, 19], [10, 1.5, 15], [
          100,
          0.07,
          7
        ]] as const
      ) {
        const retry = yield* make({ ratio, minPerSecond: 0 }, { name: `${n} × ${ratio}` })
        deposit(retry, n, 0)
        assert.strictEqual(drain(retry, 0), expected, `${n} × ${ratio}`)
        const reserve = yield* make({ ratio, minPerSecond: 10 }, { name: `${n} × ${ratio} + 10` })
        deposit(reserve, n, 0)
        assert.strictEqual(reserve.budget.balance(0), expected + 10)
        assert.strictEqual(drain(reserve, 0), expected + 10)
      }
    }))

  test("J3: calls count for ttl", () =>
    Effect.gen(function*() {
      const retry = yield* make({ ratio: 0.5, minPerSecond: 0, ttl: "10 seconds" })
      deposit(retry, 10, 0)
      assert.strictEqual(retry.budget.balance(9_999), 5)
      assert.strictEqual(retry.budget.balance(10_000), 0)
      deposit(retry, 10, 10_000)
      deposit(retry, 10, 15_000)
      assert.strictEqual(retry.budget.balance(19_999), 10)
      assert.strictEqual(retry.budget.balance(20_000), 5)
    }))

  test("J3: what was paid stays paid as long as the calls that paid for it", () =>
    Effect.gen(function*() {
      const retry = yield* make({ ratio: 0.5, minPerSecond: 0, ttl: "10 seconds" })
      deposit(retry, 10, 0)
      assert.strictEqual(drain(retry, 0), 5)
      deposit(retry, 4, 5_000)
      assert.strictEqual(drain(retry, 5_000), 2)
      assert.strictEqual(drain(retry, 9_999), 0)
    }))

  test("J3: the reserve refills with time, up to one second's worth", () =>
    Effect.gen(function*() {
      const retry = yield* make({ ratio: 0, minPerSecond: 10 })
      assert.strictEqual(drain(retry, 0), 10)
      assert.strictEqual(drain(retry, 99), 0)
      assert.strictEqual(drain(retry, 100), 1)
      assert.strictEqual(drain(retry, 600), 5)
      assert.strictEqual(drain(retry, 3_600_000), 10)
    }))

  test("J5: whoever repeats under the same name pays from the same budget", () =>
    Effect.gen(function*() {
      const [one, same] = [yield* make({ ratio: 0, minPerSecond: 3 }), yield* make({ ratio: 0, minPerSecond: 3 })]
      const other = yield* make({ ratio: 0, minPerSecond: 3 }, { name: "other" })
      assert.isTrue(one.budget.withdraw(0))
      assert.strictEqual(drain(same, 0), 2)
      assert.strictEqual(drain(one, 0), 0)
      assert.strictEqual(drain(other, 0), 3)
    }))

  test("J6: a client with little traffic may retry, even with less than one retry per second", () =>
    Effect.gen(function*() {
      const call = counted(boom)
      yield* Effect.exit((yield* make({}, { maxRetries: 3 })).policy(call.run))
      assert.strictEqual(call.count, 4)
      const rare = yield* make({ ratio: 0, minPerSecond: 0.1 }, { name: "rare" })
      assert.strictEqual(drain(rare, 0), 1)
      assert.strictEqual(drain(rare, 9_999), 0)
      assert.strictEqual(drain(rare, 10_000), 1)
    }))

  test("J10, L1: an interrupted wait gives back what was paid for it", () =>
    Effect.gen(function*() {
      for (const budget of [{ ratio: 1, minPerSecond: 0 }, { ratio: 0, minPerSecond: 1 }]) {
        const retry = yield* make(budget, { name: `${budget.ratio}`, baseDelay: 100 })
        const call = yield* Effect.forkChild(retry.policy(boom), { startImmediately: true })
        assert.strictEqual(retry.budget.balance(0), 0)
        yield* Fiber.interrupt(call)
        assert.strictEqual(retry.budget.balance(0), 1)
      }
    }))

  test("L1: so does an onRetry that is interrupted or dies", () =>
    Effect.gen(function*() {
      for (const onRetry of [() => Effect.never, () => Effect.die("bug")]) {
        const retry = yield* make({ ratio: 0, minPerSecond: 1 }, { onRetry, name: `${onRetry}` })
        const call = yield* Effect.forkChild(Effect.exit(retry.policy(boom)), { startImmediately: true })
        yield* Fiber.interrupt(call)
        assert.strictEqual(retry.budget.balance(0), 1)
      }
    }))

  test("what does not happen for another reason is not paid for", () =>
    Effect.gen(function*() {
      const retry = yield* make({ ratio: 0, minPerSecond: 5 })
      const decider = retry.start()
      const attempted = { attempt: 1, safeToRepeat: true, remainingMillis: undefined }
      yield* decider.next(Outcome.failure({ retryable: false }), attempted)
      yield* decider.next(Outcome.failure(), { ...attempted, safeToRepeat: false })
      yield* decider.next(Outcome.failure(), { ...attempted, attempt: 4 })
      yield* decider.next(Outcome.failure({ retryAfter: 50 }), { ...attempted, remainingMillis: 10 })
      yield* decider.next(Outcome.failure({ retryAfter: 1e12 }), attempted)
      assert.strictEqual(retry.budget.balance(0), 5)
    }))

  test("no limit where the budget is off", () =>
    Effect.gen(function*() {
      const retry = yield* Retry.make({ name: "test", budget: false })
      assert.strictEqual(drain(retry, 0), 10_000)
    }))

  test("a remote that is down gets a fifth more calls, not four times as many", () =>
    Effect.gen(function*() {
      const retry = yield* make({})
      const call = counted(boom)
      yield* Effect.replicateEffect(Effect.exit(retry.policy(call.run)), 1_000)
      assert.strictEqual(call.count, 1_000 + 200 + 10)
    }))

  test("its memory does not depend on the number of calls", () =>
    Effect.gen(function*() {
      const retry = yield* make({})
      for (let i = 0; i < 100_000; i++) retry.deposit(i)
      yield* adjust(0)
      assert.strictEqual(retry.budget.balance(100_000), 2_010 - 200)
    }))
})
