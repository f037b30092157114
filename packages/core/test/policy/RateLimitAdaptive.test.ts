import { assert, describe } from "@effect/vitest"
import { Effect, Exit, Fiber } from "effect"
import * as Outcome from "../../src/Outcome.ts"
import type * as RateLimit from "../../src/policy/RateLimit.ts"
import { adjust, begin, test } from "./fixtures.ts"
import { make, random, starts } from "./rateLimit.ts"

const throttled = Outcome.failure({ throttled: true })

/** 100 in a second, in a window that bursts or in a bucket that does not. */
const options = { limit: 100, window: "1 second", maxWait: 0 } as const

/** Offers a call at each of these times; those that start, and come back at once with what `answer` says. */
const offered = (
  { gate }: RateLimit.RateLimit,
  from: number,
  to: number,
  every: number,
  answer: (at: number) => Outcome.Outcome = () => Outcome.success
) => {
  const started: Array<number> = []
  for (let now = from; now < to; now += every) {
    const ticket = gate.admit(now)
    if (typeof ticket !== "number") continue
    started.push(now)
    gate.settle(ticket, answer(now), now, 0)
  }
  return started
}

describe("RateLimit, adaptive", () => {
  test("K17: until the first throttle it changes nothing", () =>
    Effect.gen(function*() {
      for (const algorithm of ["sliding-window", "fixed-window", "token-bucket"] as const) {
        for (let seed = 1; seed <= 20; seed++) {
          const next = random(seed)
          const limits = { algorithm, limit: 1 + Math.floor(next() * 9), window: 1 + next() * 2_000, maxWait: 0 }
          const plain = yield* make({ ...limits, name: `plain ${algorithm} ${seed}` })
          const adaptive = yield* make({ ...limits, name: `adaptive ${algorithm} ${seed}`, adaptive: true })
          for (let step = 0, now = 0; step < 300; step++) {
            now += next() ** 4 * 1_000
            const [one, other] = [plain.gate.admit(now), adaptive.gate.admit(now)]
            assert.strictEqual(typeof one === "number", typeof other === "number", `seed ${seed}, step ${step}`)
            if (typeof one !== "number" || typeof other !== "number") continue
            const dice = next()
            const outcome = dice < 0.2 ? Outcome.refused(1) : dice < 0.4 ? Outcome.failure() : Outcome.success
            plain.gate.settle(one, outcome, now, 0)
            adaptive.gate.settle(other, outcome, now, 0)
          }
        }
      }
    }))

  test("K17: off by default: a throttle without a retry-after changes nothing", () =>
    Effect.gen(function*() {
      const limiter = yield* make(options)
      assert.lengthOf(offered(limiter, 0, 5_000, 20, () => throttled), 250)
    }))

  test("a throttle lowers the pace to 0.7 of what was measured, however much the limit allows", () =>
    Effect.gen(function*() {
      const limiter = yield* make({ ...options, adaptive: true })
      // 20 per second, far below the limit.
      offered(limiter, 0, 3_000, 50)
      offered(limiter, 3_000, 3_001, 1, () => throttled)
      const after = offered(limiter, 3_001, 4_001, 1)
      assert.isAtLeast(after.length, 13)
      assert.isAtMost(after.length, 17)
      // Evenly: none follows another at once.
      after.slice(1).forEach((at, i) => assert.isAtLeast(at - after[i]!, 50))
    }))

  test("it grows back while nothing is throttled, and is no more there beyond the limit", () =>
    Effect.gen(function*() {
      const limiter = yield* make({ ...options, adaptive: true })
      offered(limiter, 0, 3_000, 50)
      offered(limiter, 3_000, 3_001, 1, () => throttled)
      const counts = Array.from(
        { length: 12 },
        (_, i) => offered(limiter, 3_001 + i * 1_000, 4_001 + i * 1_000, 1).length
      )
      counts.slice(1).forEach((count, i) => assert.isAtLeast(count, counts[i]!))
      assert.isAtLeast(counts[4]!, 20)
      assert.isAtMost(counts[4]!, 30)
      assert.lengthOf(offered(limiter, 200_000, 200_001, 0.01), 100)
    }))

  test("throttle upon throttle lowers it further, but not below one call in a second", () =>
    Effect.gen(function*() {
      const limiter = yield* make({ ...options, adaptive: true })
      const log = offered(limiter, 0, 120_000, 10, () => throttled)
      const late = log.filter((at) => at >= 100_000)
      assert.isAtLeast(late.length, 18)
      assert.isAtMost(late.length, 24)
    }))

  test("calls that were under way together are throttled together, and lower the pace once", () =>
    Effect.gen(function*() {
      const counts: Array<number> = []
      for (const [i, throttles] of [1, 50].entries()) {
        const limiter = yield* make({ ...options, name: `${i}`, adaptive: true })
        const tickets = Array.from({ length: 50 }, (_, i) => limiter.gate.admit(i * 20) as number)
        for (let i = 0; i < throttles; i++) limiter.gate.settle(tickets[i]!, throttled, 1_000 + i, 1_000 - i * 19)
        counts.push(offered(limiter, 1_050, 3_050, 1).length)
      }
      assert.isAtLeast(counts[0]!, 60)
      assert.strictEqual(counts[1], counts[0])
    }))

  test("a call that a policy inside refuses puts nothing off", () =>
    Effect.gen(function*() {
      const limiter = yield* make({ ...options, adaptive: true })
      offered(limiter, 0, 1, 1, () => throttled)
      for (let i = 0; i < 10; i++) {
        limiter.gate.settle(limiter.gate.admit(1_000) as number, Outcome.refused(undefined), 1_000)
      }
      assert.isNumber(limiter.gate.admit(1_000))
      assert.isNotNumber(limiter.gate.admit(1_000))
    }))

  test("with a remote that takes less than the limit, few calls are throttled", () =>
    Effect.gen(function*() {
      const share = (adaptive: boolean) =>
        Effect.gen(function*() {
          const limiter = yield* make({ ...options, name: `${adaptive}`, adaptive })
          // 20 in any second.
          let taken: Array<number> = []
          let [over, all] = [0, 0]
          offered(limiter, 0, 60_000, 10, (at) => {
            taken = taken.filter((other) => other > at - 1_000)
            all++
            if (taken.length >= 20) return over++, throttled
            taken.push(at)
            return Outcome.success
          })
          return { over, through: all - over }
        })
      const [plain, adaptive] = [yield* share(false), yield* share(true)]
      assert.isAbove(plain.over, 4_000)
      assert.isBelow(adaptive.over, 60)
      assert.isAbove(adaptive.through, 0.75 * plain.through)
    }))

  test("who waits is told: those whose turn is now too late are refused, the others start at the lower pace", () =>
    Effect.gen(function*() {
      const limiter = yield* make({
        limit: 10,
        window: "1 second",
        burst: 1,
        maxWait: "900 millis",
        adaptive: true
      })
      const first = limiter.gate.admit(0) as number
      const log = yield* starts(limiter, 9)
      const last = yield* begin(limiter.policy(Effect.void))
      limiter.gate.settle(first, throttled, 0, 0)
      yield* Effect.yieldNow
      assert.isTrue(Exit.isFailure(yield* Fiber.join(last)))
      assert.strictEqual((yield* limiter.state).waiting, 0)
      yield* adjust("2 seconds")
      assert.deepStrictEqual(log, [])
      yield* starts(limiter, 1, log)
      assert.deepStrictEqual(log, [2_000])
    }))

  test("never more than the limit, whatever is throttled and given back", () =>
    Effect.gen(function*() {
      let all = 0
      for (let seed = 1; seed <= 60; seed++) {
        const next = random(seed)
        const limit = 1 + Math.floor(next() * 10)
        const window = 100 + next() * 3_000
        const { gate } = yield* make({ name: `${seed}`, limit, window, maxWait: 0, adaptive: true })
        const began: Array<number> = []
        for (let step = 0, now = 0; step < 500; step++) {
          now += next() ** 4 * window
          const ticket = gate.admit(now)
          if (typeof ticket !== "number") continue
          const dice = next()
          if (dice < 0.1) gate.settle(ticket, Outcome.refused(undefined), now)
          else {
            began.push(now)
            gate.settle(ticket, dice < 0.3 ? throttled : Outcome.success, now, 0)
          }
        }
        for (const [i, at] of began.entries()) {
          const before = began[i - limit]
          assert.isTrue(before === undefined || at - before >= window - 0.01, `seed ${seed}`)
        }
        all += began.length
      }
      assert.isAbove(all, 2_000, "the schedules are about something")
    }))

  test("other limits keep it adaptive, and forget what it has slowed down to", () =>
    Effect.gen(function*() {
      const limiter = yield* make({ ...options, adaptive: true })
      offered(limiter, 0, 1, 1, () => throttled)
      assert.isNotNumber(limiter.gate.admit(10))
      yield* limiter.update({ limit: 50 })
      assert.lengthOf(offered(limiter, 20, 21, 0.01), 49)
      offered(limiter, 2_000, 2_001, 1, () => throttled)
      assert.isNotNumber(limiter.gate.admit(2_010))
    }))

  test("O5: refuses what is neither true nor false", () =>
    Effect.gen(function*() {
      const adaptive = "yes" as unknown as boolean
      const { problems } = yield* Effect.flip(make({ ...options, adaptive }))
      assert.deepStrictEqual(problems, [{ option: "adaptive", problem: "must be true or false" }])
    }))
})
