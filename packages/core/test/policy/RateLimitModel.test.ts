import { assert } from "@effect/vitest"
import { Effect, Exit, Fiber } from "effect"
import type { RateLimited } from "../../src/IntegrationError.ts"
import * as Outcome from "../../src/Outcome.ts"
import * as RateLimit from "../../src/policy/RateLimit.ts"
import { adjust, test } from "./fixtures.ts"
import { nowMillis, random, settled } from "./rateLimit.ts"

interface Settings {
  algorithm: RateLimit.Algorithm
  limit: number
  window: number
  burst: number | undefined
}

/** The same rules told again in the plainest way: every start is kept, and time passes by the millisecond. */
class Model {
  starts: Array<{ readonly call: number; readonly at: number }> = []
  waiting: Array<{ readonly call: number; readonly latest: number }> = []
  refused: Array<number> = []
  settings: Settings
  silentUntil = 0
  noneUntil = 0
  // Of the token bucket and the fixed window.
  private tokens: number
  private windowStart = -Infinity
  private windowCount = 0
  constructor(settings: Settings) {
    this.settings = settings
    this.tokens = settings.burst ?? settings.limit
  }

  copy(): Model {
    const copy = Object.assign(new Model(this.settings), this)
    copy.starts = [...this.starts]
    copy.waiting = [...this.waiting]
    return copy
  }

  /** Whether a call may start now. */
  private free(now: number): boolean {
    if (now < this.silentUntil || now < this.noneUntil) return false
    const { algorithm, limit, window } = this.settings
    if (algorithm === "token-bucket") return this.tokens >= 1 - 1e-6
    if (algorithm === "sliding-window") return this.starts.filter(({ at }) => at > now - window).length < limit
    return now >= this.windowStart + window || this.windowCount < limit
  }

  private start(call: number, now: number): void {
    this.starts.push({ call, at: now })
    this.tokens--
    if (now >= this.windowStart + this.settings.window) {
      this.windowStart = now
      this.windowCount = 0
    }
    this.windowCount++
  }

  /** All that may start now starts, in order. */
  run(now: number): void {
    while (this.waiting.length > 0 && this.free(now)) this.start(this.waiting.shift()!.call, now)
  }

  /** A millisecond passes. */
  tick(now: number): void {
    const { burst, limit, window } = this.settings
    this.tokens = Math.min(burst ?? limit, this.tokens + limit / window)
    this.run(now)
  }

  /** When the last in the queue starts, if nothing changes. */
  private turnOfLast(now: number): number {
    const copy = this.copy()
    copy.run(now)
    while (copy.waiting.length > 0) copy.tick(++now)
    return now
  }

  arrive(call: number, now: number, maxWait: number): void {
    this.waiting.push({ call, latest: now + maxWait })
    if (this.turnOfLast(now) > now + maxWait) {
      this.waiting.pop()
      this.refused.push(call)
    }
    this.run(now)
  }

  leave(call: number): void {
    this.waiting = this.waiting.filter((waiter) => waiter.call !== call)
  }

  /** Those whose turn is too late now go, the first of them first. */
  reconsider(now: number): void {
    const queue = this.waiting
    this.waiting = []
    for (const waiter of queue) {
      this.waiting.push(waiter)
      if (this.turnOfLast(now) <= waiter.latest) continue
      this.waiting.pop()
      this.refused.push(waiter.call)
    }
    this.run(now)
  }
}

const maxWait = 300

const schedule = (seed: number) =>
  Effect.gen(function*() {
    const next = random(seed)
    const pick = <A>(among: ReadonlyArray<A>): A => among[Math.floor(next() * among.length)]!
    const algorithm = pick(["token-bucket", "fixed-window", "sliding-window"] as const)
    // Tokens come at whole milliseconds.
    const limits = [1, 2, 3, 4, 5, 6] as const
    const settings: Settings = {
      algorithm,
      limit: pick(limits),
      window: pick([60, 120]),
      burst: algorithm === "token-bucket" ? pick([undefined, 1, 3]) : undefined
    }
    const name = `seed ${seed}`
    const limiter = yield* RateLimit.make({ ...settings, name, maxWait })
    const model = new Model(settings)
    const began = yield* nowMillis
    const starts: Array<{ readonly call: number; readonly at: number }> = []
    const calls = new Map<number, Fiber.Fiber<Exit.Exit<void, RateLimited>>>()
    const log: Array<string> = [JSON.stringify(settings)]
    let now = 0
    for (let step = 0; step < 60; step++) {
      const dice = next()
      if (dice < 0.55) {
        log.push(`${now}: call ${step}`)
        const body = Effect.map(nowMillis, (at) => void starts.push({ call: step, at: at - began }))
        calls.set(step, yield* Effect.forkChild(Effect.exit(limiter.policy(body)), { startImmediately: true }))
        model.arrive(step, now, maxWait)
      } else if (dice < 0.8) {
        const millis = Math.floor(next() ** 2 * 80)
        yield* adjust(millis)
        for (let i = 0; i < millis; i++) model.tick(++now)
      } else if (dice < 0.88 && model.waiting.length > 0) {
        const { call } = pick(model.waiting)
        log.push(`${now}: call ${call} is interrupted`)
        yield* Fiber.interrupt(calls.get(call)!)
        model.leave(call)
      } else if (dice < 0.92) {
        const resetMillis = 1 + Math.floor(next() * 100)
        log.push(`${now}: none left until ${now + resetMillis}`)
        limiter.hint({ remaining: 0, resetMillis }, began + now)
        // A hint that overtakes another tells of the same reset.
        if (now >= model.noneUntil) {
          model.noneUntil = now + resetMillis
          model.reconsider(now)
        }
      } else if (dice < 0.96) {
        const retryAfter = 1 + Math.floor(next() * 100)
        log.push(`${now}: silence until ${now + retryAfter}`)
        limiter.gate.settle(-1, Outcome.failure({ throttled: true, retryAfter }), began + now)
        if (now + retryAfter > model.silentUntil) {
          model.silentUntil = now + retryAfter
          model.reconsider(now)
        }
      } else if (algorithm === "sliding-window") {
        // A lower limit or a longer window would need starts that are no longer known after a higher one.
        model.settings = { ...model.settings, limit: pick(limits.filter((limit) => limit <= model.settings.limit)) }
        log.push(`${now}: limit ${model.settings.limit}`)
        yield* limiter.update({ limit: model.settings.limit })
        model.reconsider(now)
      } else if (algorithm === "fixed-window") {
        model.settings = { ...model.settings, limit: pick(limits) }
        log.push(`${now}: limit ${model.settings.limit}`)
        yield* limiter.update({ limit: model.settings.limit })
        model.reconsider(now)
      }
      yield* settled
      assert.deepStrictEqual(starts, model.starts, log.join("\n"))
      const refused = [...calls].flatMap(([call, fiber]) => {
        const exit = fiber.pollUnsafe()
        return exit !== undefined && Exit.isSuccess(exit) && Exit.isFailure(exit.value) &&
            !Exit.hasInterrupts(exit.value)
          ? [call]
          : []
      })
      assert.deepStrictEqual(refused, model.refused.toSorted((a, b) => a - b), log.join("\n"))
      assert.strictEqual((yield* limiter.state).waiting, model.waiting.length, log.join("\n"))
    }
    return { started: starts.length, refused: model.refused.length }
  })

test("200 random schedules: the limiter does what a naive model does", () =>
  Effect.gen(function*() {
    let [started, refused] = [0, 0]
    for (let seed = 1; seed <= 200; seed++) {
      const seen = yield* schedule(seed)
      started += seen.started
      refused += seen.refused
    }
    assert.isAbove(started, 2_000, "the schedules are about something")
    assert.isAbove(refused, 500, "the schedules are about something")
  }))
