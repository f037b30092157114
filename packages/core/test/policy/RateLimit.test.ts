import { assert, describe } from "@effect/vitest"
import { Duration, Effect, Exit, Fiber } from "effect"
import * as Deadline from "../../src/Deadline.ts"
import { BulkheadFull, RateLimited } from "../../src/IntegrationError.ts"
import * as Outcome from "../../src/Outcome.ts"
import * as Policy from "../../src/Policy.ts"
import * as Bulkhead from "../../src/policy/Bulkhead.ts"
import * as CircuitBreaker from "../../src/policy/CircuitBreaker.ts"
import * as RateLimit from "../../src/policy/RateLimit.ts"
import * as Retry from "../../src/policy/Retry.ts"
import { adjust, begin, Boom, boom, counted, test } from "./fixtures.ts"
import { make, nowMillis, refused, settled, starts } from "./rateLimit.ts"

const algorithms = ["token-bucket", "fixed-window", "sliding-window"] as const

/** How many calls in a row are admitted at a given time. */
const drain = (limiter: RateLimit.RateLimit, now: number): number => {
  let admitted = 0
  while (admitted < 1_000 && typeof limiter.gate.admit(now) === "number") admitted++
  return admitted
}

const inBatches = (size: number) =>
  Effect.gen(function*() {
    const limiter = yield* make({ name: `${size}`, limit: 7, window: "1 second", burst: 4, maxQueue: 100 })
    const log: Array<number> = []
    for (let i = 0; i < 24; i += size) yield* starts(limiter, size, log)
    yield* adjust("10 seconds")
    const first = log[0]!
    return log.map((at) => Math.round(at - first))
  })

describe("RateLimit", () => {
  test("K8: a token bucket lets a burst through, then one at a time", () =>
    Effect.gen(function*() {
      const limiter = yield* make({ limit: 10, window: "1 second", burst: 3 })
      const log = yield* starts(limiter, 7)
      yield* adjust("10 seconds")
      assert.deepStrictEqual(log, [0, 0, 0, 100, 200, 300, 400])
    }))

  test("K8: the burst comes back at the same pace, up to its maximum", () =>
    Effect.gen(function*() {
      const limiter = yield* make({ limit: 10, window: "1 second", burst: 3, maxWait: 0 })
      assert.strictEqual(drain(limiter, 0), 3)
      assert.strictEqual(drain(limiter, 99), 0)
      assert.strictEqual(drain(limiter, 100), 1)
      assert.strictEqual(drain(limiter, 300), 2)
      assert.strictEqual(drain(limiter, 3_600_000), 3)
    }))

  test("K8: how many calls come together does not matter", () =>
    Effect.gen(function*() {
      const [one, all] = [yield* inBatches(1), yield* inBatches(24)]
      assert.deepStrictEqual(yield* inBatches(4), one)
      assert.deepStrictEqual(all, one)
      assert.deepStrictEqual(one.slice(0, 6), [0, 0, 0, 0, 143, 286])
    }))

  test("a fixed window begins with its first call and lets the next limit through at its end", () =>
    Effect.gen(function*() {
      const limiter = yield* make({ algorithm: "fixed-window", limit: 2, window: "1 second" })
      yield* adjust(300)
      const log = yield* starts(limiter, 5)
      yield* adjust("10 seconds")
      assert.deepStrictEqual(log, [300, 300, 1_300, 1_300, 2_300])
    }))

  test("a sliding window lets a call through when the one before the last limit has left it", () =>
    Effect.gen(function*() {
      const limiter = yield* make({ limit: 2, window: "1 second" })
      const log = yield* starts(limiter, 1)
      yield* adjust(400)
      yield* starts(limiter, 4, log)
      yield* adjust("10 seconds")
      assert.deepStrictEqual(log, [0, 400, 1_000, 1_400, 2_000])
    }))

  test("the default algorithm is the sliding window, and the token bucket where a burst is given", () =>
    Effect.gen(function*() {
      const window = yield* make({ limit: 10, window: "1 second", maxWait: 0 })
      assert.deepStrictEqual([drain(window, 0), drain(window, 500), drain(window, 1_000)], [10, 0, 10])
      const bucket = yield* make({ name: "bucket", limit: 10, window: "1 second", burst: 10, maxWait: 0 })
      assert.deepStrictEqual([drain(bucket, 0), drain(bucket, 500), drain(bucket, 1_000)], [10, 5, 5])
    }))

  for (const algorithm of algorithms) {
    test(`K12: a wait that is too long is refused at once, with how long it would have been (${algorithm})`, () =>
      Effect.gen(function*() {
        const limiter = yield* make({ algorithm, limit: 1, window: "1 second", maxWait: "2 seconds" })
        const log = yield* starts(limiter, 3)
        assert.deepStrictEqual(yield* Effect.flip(limiter.policy(Effect.void)), refused(3_000))
        yield* adjust(1)
        const last = yield* begin(limiter.policy(Effect.void))
        assert.deepStrictEqual(last.pollUnsafe(), Exit.succeed(Exit.fail(refused(2_999))))
        yield* adjust("3 seconds")
        assert.deepStrictEqual(log, [0, 1_000, 2_000])
      }))

    test(`K10: a call that is interrupted before its turn never starts (${algorithm})`, () =>
      Effect.gen(function*() {
        const limiter = yield* make({ algorithm, limit: 1, window: "1 second" })
        yield* limiter.policy(Effect.void)
        const call = counted(Effect.void)
        const waiting = yield* begin(limiter.policy(call.run))
        yield* adjust(999)
        yield* Fiber.interrupt(waiting)
        yield* adjust("1 minute")
        assert.strictEqual(call.count, 0)
      }))

    test(`K9: a waiter that is interrupted takes nothing, and those behind it move up (${algorithm})`, () =>
      Effect.gen(function*() {
        const limiter = yield* make({ algorithm, limit: 1, window: "1 second" })
        const log = yield* starts(limiter, 1)
        const [first, second] = [yield* begin(limiter.policy(boom)), yield* begin(limiter.policy(boom))]
        yield* starts(limiter, 2, log)
        yield* adjust(500)
        yield* Fiber.interrupt(second)
        yield* Fiber.interrupt(first)
        yield* adjust("10 seconds")
        assert.deepStrictEqual(log, [0, 1_000, 2_000])
      }))
  }

  test("K9: whoever waits behind one that is interrupted is delayed by nothing, wherever in the queue that was", () =>
    Effect.gen(function*() {
      for (let victim = 0; victim < 5; victim++) {
        const limiter = yield* make({ name: `${victim}`, limit: 1, window: "1 second" })
        const began = yield* nowMillis
        yield* limiter.policy(Effect.void)
        const log: Array<readonly [call: number, at: number]> = []
        const calls = yield* Effect.forEach(
          [0, 1, 2, 3, 4],
          (call) => begin(limiter.policy(Effect.map(nowMillis, (at) => void log.push([call, at - began]))))
        )
        yield* adjust(500)
        yield* Fiber.interrupt(calls[victim]!)
        yield* adjust("10 seconds")
        const others = [0, 1, 2, 3, 4].filter((call) => call !== victim)
        assert.deepStrictEqual(log, others.map((call, i) => [call, (i + 1) * 1_000]))
        assert.strictEqual((yield* limiter.state).available, 1)
      }
    }))

  test("K12: with no wait allowed nothing waits; with no queue neither", () =>
    Effect.gen(function*() {
      const impatient = yield* make({ limit: 1, window: 100, maxWait: 0 })
      yield* impatient.policy(Effect.void)
      assert.deepStrictEqual(yield* Effect.flip(impatient.policy(Effect.void)), refused(100))
      const crowded = yield* make({ name: "crowded", limit: 1, window: 100, maxQueue: 2 })
      const log = yield* starts(crowded, 3)
      assert.deepStrictEqual(yield* Effect.flip(crowded.policy(Effect.void)), refused(300))
      yield* adjust(300)
      assert.deepStrictEqual(log, [0, 100, 200])
    }))

  test("K12: the gate itself refuses what would wait too long, and asks for what may wait", () =>
    Effect.gen(function*() {
      const { gate } = yield* make({ limit: 1, window: "1 second", maxWait: "1 second" })
      assert.isNumber(gate.admit(0))
      assert.deepInclude(gate.admit(0), { _tag: "Ask" })
      assert.isNumber(gate.admit(1_000))
      const impatient = yield* make({ name: "impatient", limit: 1, window: "1 second", maxWait: 999 })
      impatient.gate.admit(0)
      assert.deepInclude(impatient.gate.admit(0), { _tag: "Refusal", retryAfter: 1_000 })
    }))

  test("a turn that does not come before the deadline is refused at once", () =>
    Effect.gen(function*() {
      const limiter = yield* make({ limit: 1, window: "1 second" })
      yield* limiter.policy(Effect.void)
      const within = (millis: number) => begin(limiter.policy(Effect.succeed("ok")).pipe(Deadline.within(millis)))
      const hurried = yield* within(1_000)
      assert.deepStrictEqual(hurried.pollUnsafe(), Exit.succeed(Exit.fail(refused(1_000))))
      const patient = yield* within(1_001)
      yield* adjust(1_000)
      assert.deepStrictEqual(yield* Fiber.join(patient), Exit.succeed("ok"))
    }))

  test("first come, first served: nobody overtakes one that waits", () =>
    Effect.gen(function*() {
      const limiter = yield* make({ limit: 2, window: 100, algorithm: "fixed-window" })
      const order: Array<number> = []
      for (let i = 0; i < 6; i++) {
        yield* begin(limiter.policy(Effect.sync(() => order.push(i))))
        yield* adjust(10)
      }
      assert.strictEqual((yield* limiter.state).waiting, 4)
      yield* adjust("1 second")
      assert.deepStrictEqual(order, [0, 1, 2, 3, 4, 5])
    }))

  test("limiters of one name share their pace and their queue", () =>
    Effect.gen(function*() {
      const options = { limit: 2, window: "1 second" } as const
      const [one, same, other] = [
        yield* make(options),
        yield* make(options),
        yield* make({ ...options, name: "other" })
      ]
      const log = yield* starts(one, 1)
      yield* starts(same, 2, log)
      yield* starts(one, 1, log)
      assert.strictEqual((yield* one.state).waiting, 2)
      assert.strictEqual((yield* other.state).available, 2)
      yield* adjust("5 seconds")
      assert.deepStrictEqual(log, [0, 0, 1_000, 1_000])
    }))

  test("K7: a refusal is neutral for a breaker around it", () =>
    Effect.gen(function*() {
      const limiter = yield* make({ limit: 1, window: "1 minute", maxWait: 0 })
      const circuit = yield* CircuitBreaker.make({ name: "test", failureThreshold: 1, resetTimeout: "1 second" })
      const guarded = Policy.all(circuit.policy, limiter.policy)
      yield* guarded(Effect.void)
      yield* Effect.replicateEffect(Effect.flip(guarded(Effect.void)), 10)
      assert.strictEqual((yield* circuit.state)._tag, "Closed")
      yield* Effect.flip(circuit.policy(boom))
      yield* adjust("1 second")
      assert.instanceOf(yield* Effect.flip(guarded(Effect.void)), RateLimited)
      assert.deepStrictEqual(yield* circuit.state, { _tag: "HalfOpen", openings: 1, probing: 0 })
    }))

  test("a retry around it waits as long as the limiter says", () =>
    Effect.gen(function*() {
      const limiter = yield* make({ limit: 1, window: "5 seconds", maxWait: 0 })
      yield* limiter.policy(Effect.void)
      const retry = yield* Retry.make({ name: "test", maxRetries: 1, baseDelay: 0 })
      const call = yield* begin(retry.policy(limiter.policy(nowMillis)))
      yield* adjust("5 seconds")
      assert.deepStrictEqual(yield* Fiber.join(call), Exit.succeed(5_000))
    }))

  for (const algorithm of algorithms) {
    test(`a call that a policy inside refuses gives back what it took (${algorithm})`, () =>
      Effect.gen(function*() {
        const limiter = yield* make({ algorithm, limit: 2, window: "1 second" })
        const bulkhead = yield* Bulkhead.make({ maxConcurrent: 1, maxQueue: 0 })
        const held = yield* begin(Policy.all(limiter.policy, bulkhead.policy)(Effect.never))
        const full = Effect.flip(Policy.all(limiter.policy, bulkhead.policy)(Effect.void))
        const refusals = yield* Effect.replicateEffect(full, 100)
        for (const error of refusals) assert.instanceOf(error, BulkheadFull)
        assert.strictEqual((yield* limiter.state).available, 1)
        yield* Fiber.interrupt(held)
        assert.strictEqual((yield* limiter.state).available, 1)
      }))
  }

  test("what it took is not given back when others have started since, nor when it was sent", () =>
    Effect.gen(function*() {
      const limiter = yield* make({ limit: 3, window: "1 second" })
      const [first, second] = [limiter.gate.admit(0), limiter.gate.admit(0)]
      assert.isTrue(typeof first === "number" && typeof second === "number")
      limiter.gate.settle(first as number, Outcome.refused(undefined), 0)
      assert.strictEqual((yield* limiter.state).available, 1)
      limiter.gate.settle(second as number, Outcome.neutral, 0)
      assert.strictEqual((yield* limiter.state).available, 1)
    }))

  test("what is given back goes to one that waits", () =>
    Effect.gen(function*() {
      const limiter = yield* make({ limit: 1, window: "1 second" })
      const ticket = limiter.gate.admit(0)
      const log = yield* starts(limiter, 1)
      limiter.gate.settle(ticket as number, Outcome.refused(undefined), 0)
      yield* adjust(0)
      assert.deepStrictEqual(log, [0])
    }))

  test("calls end as they would without it, and are settled however they end", () =>
    Effect.gen(function*() {
      const limiter = yield* make({ limit: 100, window: "1 second" })
      assert.strictEqual(yield* limiter.policy(Effect.succeed("ok")), "ok")
      assert.instanceOf(yield* Effect.flip(limiter.policy(boom)), Boom)
      assert.isTrue(Exit.hasDies(yield* Effect.exit(limiter.policy(Effect.die("bug")))))
      assert.strictEqual((yield* limiter.state).available, 97)
    }))

  test("says what it would do now", () =>
    Effect.gen(function*() {
      const limiter = yield* make({ limit: 4, window: "2 seconds", burst: 3 })
      const shown = { limit: 4, window: Duration.seconds(2), waiting: 0, retryAfter: Duration.zero }
      assert.deepStrictEqual(yield* limiter.state, { ...shown, available: 3 })
      yield* starts(limiter, 5)
      yield* adjust(100)
      assert.deepStrictEqual(yield* limiter.state, {
        ...shown,
        available: 0,
        waiting: 2,
        retryAfter: Duration.millis(1_400)
      })
      assert.deepStrictEqual(Policy.describe(limiter.policy), [
        { name: "RateLimit", options: { name: "test", limit: 4, window: "2 seconds", burst: 3 } }
      ])
    }))
})

describe("RateLimit interrupted", () => {
  test("L2: the caller's interruption ends the wait", () =>
    Effect.gen(function*() {
      const limiter = yield* make({ limit: 1, window: "10 seconds" })
      yield* limiter.policy(Effect.void)
      const waiting = yield* Effect.forkChild(limiter.policy(Effect.void), { startImmediately: true })
      const ended = yield* Effect.forkChild(Fiber.interrupt(waiting), { startImmediately: true })
      yield* Fiber.join(ended)
      assert.strictEqual((yield* limiter.state).waiting, 0)
    }))

  for (const algorithm of algorithms) {
    test(`L1: at any moment, it leaves nobody in the queue and nobody stuck (${algorithm})`, () =>
      Effect.gen(function*() {
        const limiter = yield* make({ algorithm, limit: 2, window: 100, maxQueue: 100 })
        const body = Effect.andThen(Effect.yieldNow, Effect.sleep(30))
        for (let millis = 0; millis < 400; millis += 10) {
          const calls = yield* Effect.replicateEffect(begin(limiter.policy(body)), 6)
          yield* adjust(millis)
          yield* Fiber.interruptAll(calls.filter((_, i) => i % 3 !== 2))
          yield* adjust("1 second")
          assert.deepStrictEqual(calls.map((call) => call.pollUnsafe() !== undefined), calls.map(() => true))
          assert.deepStrictEqual(
            { ...yield* limiter.state, window: 100 },
            { limit: 2, window: 100, available: 2, waiting: 0, retryAfter: Duration.zero }
          )
        }
      }))
  }

  test("L1: 10,000 waiters that are interrupted together leave nothing behind", () =>
    Effect.gen(function*() {
      const limiter = yield* make({ limit: 1, window: 1, maxQueue: 10_000 })
      yield* limiter.policy(Effect.void)
      const calls = yield* Effect.replicateEffect(begin(limiter.policy(Effect.void)), 10_000)
      assert.strictEqual((yield* limiter.state).waiting, 10_000)
      yield* Fiber.interruptAll(calls)
      yield* adjust(1)
      const state = yield* limiter.state
      assert.deepStrictEqual([state.waiting, state.available], [0, 1])
    }))
})

const update = (algorithm: RateLimit.Algorithm, from: RateLimit.Limit, to: Partial<RateLimit.Limit>) =>
  Effect.gen(function*() {
    const limiter = yield* make({ algorithm, maxQueue: 100, ...from })
    const log = yield* starts(limiter, 8)
    yield* adjust(50)
    yield* limiter.update(to)
    yield* settled
    yield* adjust("20 seconds")
    return log
  })

describe("RateLimit with another limit while it runs", () => {
  test("K13: a lower limit holds for those that wait", () =>
    Effect.gen(function*() {
      const window = { limit: 4, window: 100 }
      assert.deepStrictEqual(yield* update("fixed-window", window, { limit: 2 }), [0, 0, 0, 0, 100, 100, 200, 200])
    }))

  test("K13: so for a sliding window", () =>
    Effect.gen(function*() {
      const window = { limit: 4, window: 100 }
      assert.deepStrictEqual(yield* update("sliding-window", window, { limit: 1 }), [0, 0, 0, 0, 100, 200, 300, 400])
    }))

  test("K13: a higher limit lets go of those that wait", () =>
    Effect.gen(function*() {
      const log = [0, 0, 50, 50, 50, 100, 100, 150]
      assert.deepStrictEqual(yield* update("sliding-window", { limit: 2, window: 100 }, { limit: 5 }), log)
    }))

  test("K13: a token bucket keeps what was taken", () =>
    Effect.gen(function*() {
      const bucket = { limit: 10, window: 1_000, burst: 2 }
      // 1.5 tokens are taken after 50 ms; at 200 a second the next is due in 2.5 ms.
      const log = (yield* update("token-bucket", bucket, { limit: 200 })).map((at) => Math.round(at * 10) / 10)
      assert.deepStrictEqual(log, [0, 0, 52.5, 57.5, 62.5, 67.5, 72.5, 77.5])
    }))

  test("K13: those whose turn is now too late are refused at once", () =>
    Effect.gen(function*() {
      const limiter = yield* make({ limit: 1, window: "1 second", maxWait: "3 seconds" })
      const log = yield* starts(limiter, 1)
      const calls = yield* Effect.replicateEffect(begin(limiter.policy(nowMillis)), 3)
      yield* limiter.update({ window: "2 seconds" })
      yield* adjust(0)
      assert.deepStrictEqual(calls.map((call) => call.pollUnsafe()), [
        undefined,
        Exit.succeed(Exit.fail(refused(4_000))),
        Exit.succeed(Exit.fail(refused(4_000)))
      ])
      yield* adjust("2 seconds")
      assert.deepStrictEqual(yield* Fiber.join(calls[0]!), Exit.succeed(2_000))
      assert.deepStrictEqual(log, [0])
    }))

  test("K13: an invalid limit is refused and changes nothing", () =>
    Effect.gen(function*() {
      const limiter = yield* make({ limit: 1, window: "1 second" })
      const error = yield* Effect.flip(limiter.update({ limit: 0, burst: 2 }))
      assert.deepStrictEqual(error.problems.map(({ option }) => option), ["limit", "burst"])
      assert.strictEqual((yield* limiter.state).limit, 1)
    }))

  test("a limiter that is made again goes on; its limit is the new one", () =>
    Effect.gen(function*() {
      const limiter = yield* make({ limit: 3, window: "1 second" })
      yield* starts(limiter, 2)
      const again = yield* make({ limit: 5, window: "1 second" })
      assert.deepStrictEqual([(yield* limiter.state).available, (yield* again.state).available], [3, 3])
      const other = yield* make({ limit: 5, window: "1 second", algorithm: "fixed-window" })
      assert.strictEqual((yield* other.state).available, 5)
    }))
})

const problems = (options: Partial<RateLimit.Options>) =>
  RateLimit.validate(options).map(({ option, problem }) => `${option} ${problem}`)

describe("RateLimit options", () => {
  test("every problem is named", () =>
    Effect.gen(function*() {
      const options: RateLimit.Options = {
        limit: 1.5,
        window: 0,
        burst: 0,
        algorithm: "fixed-window",
        maxWait: -1,
        maxQueue: -1,
        maxHintDelay: Infinity,
        hintHeaders: { limit: "", remaining: "a b", reset: "x:y" }
      }
      const error = yield* Effect.flip(RateLimit.make({ name: "test", ...options }))
      assert.deepStrictEqual(error.problems.map(({ option }) => option), [
        "limit",
        "window",
        "burst",
        "burst",
        "maxWait",
        "maxQueue",
        "maxHintDelay",
        "hintHeaders.limit",
        "hintHeaders.remaining",
        "hintHeaders.reset"
      ])
    }))

  test("what must be given is missed", () =>
    Effect.sync(() => {
      assert.deepStrictEqual(problems({}), ["limit must be given", "window must be given"])
      assert.deepStrictEqual(problems({ limit: 1, window: 1 }), [])
      assert.strictEqual(problems({ limit: 100_001, window: 1 }).length, 1)
      assert.deepStrictEqual(problems({ limit: 1e9, window: 1, burst: 1e10 }), [])
      // A setting that comes from outside.
      const odd = { limit: 1, window: 1, algorithm: "leaky", hintHeaders: { resetUnit: "days" } }
      assert.deepStrictEqual(problems(odd as unknown as RateLimit.Options), [
        "algorithm must be token-bucket or fixed-window or sliding-window, got leaky",
        "hintHeaders.resetUnit must be seconds or millis, got days"
      ])
    }))
})
