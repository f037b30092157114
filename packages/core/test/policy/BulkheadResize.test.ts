import { assert, describe } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import * as Bulkhead from "../../src/policy/Bulkhead.ts"
import { begin, test } from "./fixtures.ts"
import { random, settled } from "./rateLimit.ts"

/** Calls that begin in the order of the log and end when they are told to. */
const callsOf = () => {
  const log: Array<number> = []
  const calls = (bulkhead: Bulkhead.Bulkhead, n: number) =>
    Effect.gen(function*() {
      const end = yield* Deferred.make<void>()
      const work = Effect.suspend(() => (log.push(n), Deferred.await(end)))
      const fiber = yield* begin(bulkhead.policy(work))
      return { fiber, end: Effect.andThen(Deferred.succeed(end, undefined), settled) }
    })
  return { log, calls }
}

describe("Bulkhead, resized", () => {
  test("K5: below what is in use it kills nothing, and admits nothing until enough has ended", () =>
    Effect.gen(function*() {
      const { calls, log } = callsOf()
      const bulkhead = yield* Bulkhead.make({ maxConcurrent: 3 })
      const running = yield* Effect.forEach([1, 2, 3], (n) => calls(bulkhead, n))
      const fourth = yield* calls(bulkhead, 4)
      yield* bulkhead.resize(1)
      assert.deepStrictEqual(yield* bulkhead.state, { running: 3, waiting: 1, limit: 1 })
      for (const call of running) assert.isUndefined(call.fiber.pollUnsafe())
      yield* running[0]!.end
      yield* running[1]!.end
      assert.deepStrictEqual(log, [1, 2, 3])
      yield* calls(bulkhead, 5)
      assert.deepStrictEqual(yield* bulkhead.state, { running: 1, waiting: 2, limit: 1 })
      yield* running[2]!.end
      assert.deepStrictEqual(log, [1, 2, 3, 4])
      yield* fourth.end
      assert.deepStrictEqual(log, [1, 2, 3, 4, 5])
    }))

  test("K5: when it grows, those who wait longest start at once", () =>
    Effect.gen(function*() {
      const { calls, log } = callsOf()
      const bulkhead = yield* Bulkhead.make({ maxConcurrent: 1 })
      yield* Effect.forEach([1, 2, 3, 4, 5], (n) => calls(bulkhead, n))
      yield* bulkhead.resize(3)
      yield* settled
      assert.deepStrictEqual(log, [1, 2, 3])
      assert.deepStrictEqual(yield* bulkhead.state, { running: 3, waiting: 2, limit: 3 })
    }))

  test("K5: a refusal names the limit that is in force", () =>
    Effect.gen(function*() {
      const bulkhead = yield* Bulkhead.make({ maxConcurrent: 1, maxQueue: 0 })
      yield* bulkhead.resize(2)
      for (let i = 0; i < 2; i++) yield* begin(bulkhead.policy(Effect.never))
      assert.strictEqual((yield* Effect.flip(bulkhead.policy(Effect.void))).limit, 2)
    }))

  test("K5: what cannot work is refused by name, and changes nothing", () =>
    Effect.gen(function*() {
      const bulkhead = yield* Bulkhead.make({ maxConcurrent: 5, adaptive: { minConcurrent: 3 } })
      for (const wrong of [0, 1.5, NaN]) {
        const { problems } = yield* Effect.flip(bulkhead.resize(wrong))
        assert.strictEqual(problems[0]?.option, "maxConcurrent")
      }
      const { problems } = yield* Effect.flip(bulkhead.resize(2))
      assert.deepStrictEqual(problems.map(({ option }) => option), ["adaptive.minConcurrent"])
      assert.strictEqual((yield* bulkhead.state).limit, 5)
    }))
})

describe("Bulkhead, by name", () => {
  test("all of one name share their permits and their queue; without a name each has its own", () =>
    Effect.gen(function*() {
      const { calls, log } = callsOf()
      const options = { maxConcurrent: 1, name: "test" }
      const [one, same, other, own] = [
        yield* Bulkhead.make(options),
        yield* Bulkhead.make(options),
        yield* Bulkhead.make({ ...options, name: "other" }),
        yield* Bulkhead.make({ maxConcurrent: 1 })
      ]
      const first = yield* calls(one, 1)
      yield* calls(same, 2)
      yield* calls(one, 3)
      yield* other.policy(Effect.void)
      yield* own.policy(Effect.void)
      assert.deepStrictEqual(yield* same.state, { running: 1, waiting: 2, limit: 1 })
      yield* first.end
      assert.deepStrictEqual(log, [1, 2])
    }))

  test("R1: new settings keep what runs and waits, and resize", () =>
    Effect.gen(function*() {
      const { calls, log } = callsOf()
      const before = yield* Bulkhead.make({ name: "test", maxConcurrent: 1 })
      yield* Effect.forEach([1, 2, 3], (n) => calls(before, n))
      const after = yield* Bulkhead.make({ name: "test", maxConcurrent: 2, maxQueue: 1 })
      yield* settled
      assert.deepStrictEqual(log, [1, 2])
      assert.deepStrictEqual(yield* after.state, { running: 2, waiting: 1, limit: 2 })
      assert.strictEqual((yield* Effect.flip(before.policy(Effect.void))).limit, 2)
      const adaptive = yield* Bulkhead.make({ name: "test", maxConcurrent: 9, adaptive: { initial: 3 } })
      yield* settled
      assert.deepStrictEqual(yield* adaptive.state, { running: 3, waiting: 0, limit: 3 })
      yield* Bulkhead.make({ name: "test", maxConcurrent: 4 })
      assert.strictEqual((yield* adaptive.state).limit, 4)
    }))
})

/** The same rules told again in the plainest way. */
class Model {
  running: Array<number> = []
  waiting: Array<number> = []
  begun: Array<number> = []
  refused: Array<number> = []
  limit: number
  readonly maxQueue: number
  constructor(limit: number, maxQueue: number) {
    this.limit = limit
    this.maxQueue = maxQueue
  }
  arrive(call: number): void {
    if (this.running.length >= this.limit && this.waiting.length >= this.maxQueue) this.refused.push(call)
    else this.waiting.push(call)
    this.start()
  }
  leave(call: number): void {
    this.running = this.running.filter((other) => other !== call)
    this.waiting = this.waiting.filter((other) => other !== call)
    this.start()
  }
  start(): void {
    while (this.running.length < this.limit && this.waiting.length > 0) {
      const call = this.waiting.shift()!
      this.running.push(call)
      this.begun.push(call)
    }
  }
}

const schedule = (seed: number) =>
  Effect.gen(function*() {
    const next = random(seed)
    const upTo = (n: number) => Math.floor(next() * n)
    const model = new Model(1 + upTo(4), upTo(5))
    const bulkhead = yield* Bulkhead.make({ maxConcurrent: model.limit, maxQueue: model.maxQueue })
    const { calls, log } = callsOf()
    const known = new Map<number, Effect.Success<ReturnType<typeof calls>>>()
    let interrupted = 0
    for (let step = 0; step < 80; step++) {
      const dice = next()
      const there = [...model.running, ...model.waiting]
      const one = there[upTo(there.length)]
      if (dice < 0.5 || one === undefined) {
        model.arrive(step)
        known.set(step, yield* calls(bulkhead, step))
      } else if (dice < 0.7 && model.running.length > 0) {
        const ending = model.running[upTo(model.running.length)]!
        model.leave(ending)
        yield* known.get(ending)!.end
      } else if (dice < 0.9) {
        interrupted++
        // At the very moment a permit may be handed over, and with what follows from it still to happen.
        if (next() < 0.5 && model.running.length > 0) {
          const ending = model.running[0]!
          model.leave(ending)
          if (!model.begun.includes(one)) interrupted--
          yield* Effect.asVoid(Fiber.interrupt(known.get(ending)!.fiber))
        } else {
          model.leave(one)
          yield* Fiber.interrupt(known.get(one)!.fiber)
        }
      } else {
        model.limit = 1 + upTo(5)
        model.start()
        yield* bulkhead.resize(model.limit)
      }
      yield* settled
      assert.deepStrictEqual(log, model.begun, `seed ${seed}, step ${step}`)
      assert.deepStrictEqual(
        yield* bulkhead.state,
        { running: model.running.length, waiting: model.waiting.length, limit: model.limit },
        `seed ${seed}, step ${step}`
      )
    }
    yield* Fiber.interruptAll([...known.values()].map(({ fiber }) => fiber))
    assert.deepStrictEqual(yield* bulkhead.state, { running: 0, waiting: 0, limit: model.limit }, `seed ${seed}`)
    return { begun: log.length, interrupted }
  })

test("150 random schedules of calls, ends, interruptions and sizes: as a naive model, and nothing leaks", () =>
  Effect.gen(function*() {
    let [begun, interrupted] = [0, 0]
    for (let seed = 1; seed <= 150; seed++) {
      const seen = yield* schedule(seed)
      begun += seen.begun
      interrupted += seen.interrupted
    }
    assert.isAbove(begun, 2_000, "the schedules are about something")
    assert.isAbove(interrupted, 500, "the schedules are about something")
  }))

test("a random half is interrupted without waiting in between: never more than the permits, and nothing leaks", () =>
  Effect.gen(function*() {
    for (let seed = 1; seed <= 60; seed++) {
      const next = random(seed)
      const permits = 1 + Math.floor(next() * 4)
      const bulkhead = yield* Bulkhead.make({ maxConcurrent: permits, maxQueue: 30 })
      let [running, most] = [0, 0]
      const order: Array<number> = []
      const work = (n: number) =>
        bulkhead.policy(Effect.acquireUseRelease(
          Effect.sync(() => {
            order.push(n)
            most = Math.max(most, ++running)
          }),
          () => Effect.repeat(Effect.yieldNow, { times: Math.floor(next() * 6) }),
          () => Effect.sync(() => void running--)
        ))
      const fibers = yield* Effect.forEach(
        Array.from({ length: 30 }, (_, i) => i),
        (n) => Effect.forkChild(work(n), { startImmediately: true })
      )
      for (const fiber of fibers) {
        if (next() < 0.5) fiber.interruptUnsafe()
        if (next() < 0.5) yield* Effect.yieldNow
      }
      for (const fiber of fibers) yield* Fiber.await(fiber)
      assert.deepStrictEqual(order, order.toSorted((a, b) => a - b), `seed ${seed}`)
      assert.isAtMost(most, permits, `seed ${seed}`)
      assert.deepStrictEqual(yield* bulkhead.state, { running: 0, waiting: 0, limit: permits }, `seed ${seed}`)
    }
  }))
