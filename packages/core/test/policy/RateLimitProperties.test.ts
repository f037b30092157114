import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import * as Outcome from "../../src/Outcome.ts"
import type * as RateLimit from "../../src/policy/RateLimit.ts"
import { adjust, test } from "./fixtures.ts"
import { make, nowMillis, random } from "./rateLimit.ts"

/** Some options, and what of them holds for every span of time. */
const settings = (next: () => number): ReadonlyArray<RateLimit.Options & { readonly most: number }> => {
  const limit = 1 + Math.floor(next() * 12)
  const window = 1 + next() * 1_000
  const burst = 1 + Math.floor(next() * 20)
  return [
    { algorithm: "sliding-window", limit, window, most: limit },
    // Around the end of a window.
    { algorithm: "fixed-window", limit, window, most: 2 * limit },
    { algorithm: "token-bucket", limit, window, burst, most: limit + burst - 1 },
    { algorithm: "token-bucket", limit, window, burst: 1, most: limit }
  ]
}

/** The most that started within any window, its end not included. Less than a hundredth of a millisecond is rounding. */
const mostWithin = (starts: ReadonlyArray<number>, window: number): number => {
  let [most, from] = [0, 0]
  starts.forEach((at, i) => {
    while (starts[from]! <= at - window + 0.01) from++
    most = Math.max(most, i - from + 1)
  })
  return most
}

describe("RateLimit, whatever arrives", () => {
  it("the measure is right", () => {
    assert.strictEqual(mostWithin([0, 0, 99, 100, 199, 199], 100), 3)
    assert.strictEqual(mostWithin([0, 100, 200], 100), 1)
  })

  test("never more than allowed starts in any window, and it is reached (without waiting)", () =>
    Effect.gen(function*() {
      let reached = 0
      for (let seed = 1; seed <= 150; seed++) {
        const next = random(seed)
        for (const [i, { most, ...options }] of settings(next).entries()) {
          const { gate } = yield* make({ ...options, name: `${seed} ${i}`, maxWait: 0 })
          const window = Number(options.window)
          const starts: Array<number> = []
          let now = next() * 1e9
          for (let step = 0; step < 400; step++) {
            now += next() < 0.1 ? next() * window * 2 : next() ** 4 * window
            const ticket = gate.admit(now)
            if (typeof ticket !== "number") continue
            if (next() < 0.1) gate.settle(ticket, Outcome.refused(undefined), now)
            else starts.push(now)
          }
          const measured = mostWithin(starts, window)
          assert.isAtMost(measured, most, `seed ${seed}: ${JSON.stringify(options)}`)
          if (measured === most) reached++
        }
      }
      assert.isAbove(reached, 200, "the schedules are about something")
    }))

  test("a token bucket holds for every span: the burst, and one for each interval", () =>
    Effect.gen(function*() {
      for (let seed = 1; seed <= 100; seed++) {
        const next = random(seed)
        const [limit, burst] = [1 + Math.floor(next() * 10), 1 + Math.floor(next() * 10)]
        const { gate } = yield* make({ name: `${seed}`, limit, window: 1_000, burst, maxWait: 0 })
        const starts: Array<number> = []
        for (let step = 0, now = 0; step < 300; step++) {
          now += next() ** 3 * 500
          if (typeof gate.admit(now) === "number") starts.push(now)
        }
        for (let from = 0; from < starts.length; from++) {
          const over = starts.findIndex((at, to) =>
            to >= from && to - from + 1 > burst + (at - starts[from]!) * limit / 1_000 + 1e-3
          )
          assert.strictEqual(over, -1, `seed ${seed}`)
        }
      }
    }))

  test("with waits, interruptions and hints: never more than allowed, in the order of arrival, and all of them", () =>
    Effect.gen(function*() {
      for (let seed = 1; seed <= 15; seed++) {
        const next = random(seed)
        for (const [i, { most, ...options }] of settings(next).entries()) {
          const name = `${seed} ${i} ${options.algorithm}`
          const limiter = yield* make({ ...options, name, maxWait: "1 day" })
          const began = yield* nowMillis
          const starts: Array<number> = []
          const order: Array<number> = []
          const calls: Array<Fiber.Fiber<void, unknown>> = []
          let interrupted = 0
          for (let call = 0; call < 60; call++) {
            const body = Effect.map(nowMillis, (at) => {
              starts.push(at - began)
              order.push(call)
            })
            calls.push(yield* Effect.forkChild(limiter.policy(body), { startImmediately: true }))
            const dice = next()
            if (dice < 0.2) yield* adjust(next() * Number(options.window))
            else if (dice < 0.3) {
              const one = calls.splice(Math.floor(next() * calls.length), 1)[0]!
              if (one.pollUnsafe() === undefined) interrupted++
              yield* Fiber.interrupt(one)
            } else if (dice < 0.35) {
              limiter.hint({ remaining: Math.floor(next() * 3), resetMillis: next() * 2_000 }, yield* nowMillis)
            }
          }
          yield* adjust("1 hour")
          assert.isAtMost(mostWithin(starts, Number(options.window)), most, name)
          assert.deepStrictEqual(order, order.toSorted((a, b) => a - b), name)
          assert.strictEqual(starts.length, 60 - interrupted, name)
          assert.strictEqual((yield* limiter.state).waiting, 0)
        }
      }
    }))
})
