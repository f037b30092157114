import { assert, describe } from "@effect/vitest"
import * as Answer from "@switchboard/testing/Answer"
import * as TestTransport from "@switchboard/testing/TestTransport"
import { Cause, Deferred, Effect, Exit, Fiber } from "effect"
import { BulkheadFull } from "../../src/IntegrationError.ts"
import * as Outcome from "../../src/Outcome.ts"
import * as Policy from "../../src/Policy.ts"
import * as Bulkhead from "../../src/policy/Bulkhead.ts"
import * as Resilience from "../../src/Resilience.ts"
import { charge, layer, Payments } from "../payments.ts"
import { adjust, begin, boom, counted, test } from "./fixtures.ts"

const idle = { running: 0, waiting: 0, limit: 1 }

/** A bulkhead, and work in it that is begun by its number and ends when it is told to. */
const make = (options: Bulkhead.Options) =>
  Effect.gen(function*() {
    const bulkhead = yield* Bulkhead.make(options)
    const begun: Array<number> = []
    const begins = (n: number) =>
      Effect.gen(function*() {
        const end = yield* Deferred.make<string>()
        const fiber = yield* begin(bulkhead.policy(Effect.suspend(() => {
          begun.push(n)
          return Deferred.await(end)
        })))
        return {
          fiber,
          end: Effect.andThen(Deferred.succeed(end, `done ${n}`), Effect.andThen(Fiber.await(fiber), Effect.yieldNow))
        }
      })
    return { ...bulkhead, begun, begins }
  })

describe("Bulkhead", () => {
  test("K1: so many run, so many wait, and the next is refused at once", () =>
    Effect.gen(function*() {
      const { begins, begun, policy, state } = yield* make({ maxConcurrent: 2, maxQueue: 3 })
      const calls = yield* Effect.forEach([1, 2, 3, 4, 5], begins)
      assert.deepStrictEqual(begun, [1, 2])
      assert.deepStrictEqual(yield* state, { running: 2, waiting: 3, limit: 2 })
      const sixth = counted(Effect.void)
      assert.deepStrictEqual(yield* Effect.flip(policy(sixth.run)), new BulkheadFull({ limit: 2 }))
      assert.strictEqual(sixth.count, 0)
      for (const call of calls) yield* call.end
      assert.deepStrictEqual(begun, [1, 2, 3, 4, 5])
      assert.deepStrictEqual(yield* state, { ...idle, limit: 2 })
    }))

  test("K1: those who wait are served first come, first served, and nobody overtakes", () =>
    Effect.gen(function*() {
      const { begins, begun } = yield* make({ maxConcurrent: 1 })
      const first = yield* begins(1)
      const second = yield* begins(2)
      yield* begins(3)
      yield* first.end
      yield* begins(4)
      assert.deepStrictEqual(begun, [1, 2])
      yield* second.end
      assert.deepStrictEqual(begun, [1, 2, 3])
    }))

  test("K1: without a queue the next is refused at once", () =>
    Effect.gen(function*() {
      const { begins, policy, state } = yield* make({ maxConcurrent: 1, maxQueue: 0 })
      const first = yield* begins(1)
      assert.strictEqual((yield* Effect.flip(policy(Effect.void)))._tag, "BulkheadFull")
      assert.deepStrictEqual(yield* state, { running: 1, waiting: 0, limit: 1 })
      yield* first.end
      yield* policy(Effect.void)
    }))

  test("1,000 may wait where nothing is said of the queue", () =>
    Effect.gen(function*() {
      const { begins, policy, state } = yield* make({ maxConcurrent: 1 })
      yield* Effect.forEach(Array.from({ length: 1_001 }, (_, i) => i), begins)
      assert.deepStrictEqual(yield* state, { running: 1, waiting: 1_000, limit: 1 })
      assert.strictEqual((yield* Effect.flip(policy(Effect.void)))._tag, "BulkheadFull")
    }))

  test("K2: an interrupted waiter leaves the queue, and the next waiter gets the permit", () =>
    Effect.gen(function*() {
      const { begins, begun, state } = yield* make({ maxConcurrent: 1 })
      const first = yield* begins(1)
      const second = yield* begins(2)
      yield* begins(3)
      yield* Fiber.interrupt(second.fiber)
      assert.deepStrictEqual(yield* state, { running: 1, waiting: 1, limit: 1 })
      yield* first.end
      assert.deepStrictEqual(begun, [1, 3])
    }))

  test("K4: a timeout while it waits gives up the place", () =>
    Effect.gen(function*() {
      const { begins, policy, state } = yield* make({ maxConcurrent: 1, maxQueue: 1 })
      const first = yield* begins(1)
      const late = counted(Effect.void)
      const waiter = yield* begin(Effect.timeout(policy(late.run), "1 second"))
      assert.deepStrictEqual(yield* state, { running: 1, waiting: 1, limit: 1 })
      yield* adjust("1 second")
      assert.isTrue(Exit.isFailure(yield* Fiber.join(waiter)))
      assert.deepStrictEqual(yield* state, { running: 1, waiting: 0, limit: 1 })
      yield* first.end
      assert.strictEqual(late.count, 0)
      assert.deepStrictEqual(yield* state, idle)
    }))

  test("K6: success, failure, defect and interruption give the permit back", () =>
    Effect.gen(function*() {
      const { policy, state } = yield* make({ maxConcurrent: 1, maxQueue: 0 })
      yield* policy(Effect.void)
      yield* Effect.flip(policy(boom))
      assert.isTrue(Exit.isFailure(yield* Effect.exit(policy(Effect.die("bug")))))
      yield* Effect.exit(policy(Effect.sync(() => {
        throw new Error("bug")
      })))
      const fiber = yield* begin(policy(Effect.never))
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(yield* state, idle)
      assert.strictEqual(yield* policy(Effect.succeed("ok")), "ok")
    }))

  test("K10: what is interrupted before its turn never starts", () =>
    Effect.gen(function*() {
      const { begins, begun } = yield* make({ maxConcurrent: 1 })
      const first = yield* begins(1)
      const second = yield* begins(2)
      yield* Fiber.interrupt(second.fiber)
      yield* first.end
      yield* adjust("1 minute")
      assert.deepStrictEqual(begun, [1])
    }))

  test("K7: a refusal is neutral, and may be tried again", () =>
    Effect.sync(() => {
      const outcome = Outcome.fromReason(new BulkheadFull({ limit: 1 }))
      assert.strictEqual(outcome._tag, "Neutral")
      assert.isTrue(outcome._tag === "Neutral" && outcome.retryable)
    }))

  test("L1: interrupted at any step, whoever holds or waits, everything is given back", () =>
    Effect.gen(function*() {
      for (let victim = 0; victim < 3; victim++) {
        for (let steps = 0; steps < 12; steps++) {
          const { policy, state } = yield* Bulkhead.make({ maxConcurrent: 1, maxQueue: 2 })
          const work = policy(Effect.forEach([1, 2, 3], () => Effect.yieldNow))
          const fibers = yield* Effect.forEach([0, 1, 2], () => Effect.forkChild(work))
          for (let i = 0; i < steps; i++) yield* Effect.yieldNow
          yield* Fiber.interrupt(fibers[victim]!)
          const exits = yield* Effect.forEach(fibers, (fiber) => Fiber.await(fiber))
          assert.deepStrictEqual(yield* state, idle, `victim ${victim}, ${steps} steps`)
          exits.forEach((exit, i) => {
            if (i !== victim) assert.isTrue(Exit.isSuccess(exit))
          })
        }
      }
    }))

  test("L1: interrupted at the very moment the permit is handed over, the permit goes on", () =>
    Effect.gen(function*() {
      const { begins, begun, gate, state } = yield* make({ maxConcurrent: 1 })
      const first = yield* begins(1)
      const second = yield* begins(2)
      const third = yield* begins(3)
      // The grant and the interruption happen before the fiber of the second can run.
      yield* Effect.sync(() => {
        second.fiber.interruptUnsafe()
        gate.settle(1, Outcome.success, 0)
      })
      yield* Effect.yieldNow
      assert.deepStrictEqual(begun, [1, 3])
      yield* third.end
      yield* first.end
      assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(second.fiber)))
      // One permit was given back twice above, by hand and by the first.
      assert.deepStrictEqual(yield* state, { running: -1, waiting: 0, limit: 1 })
    }))

  test("100 at once never exceed the permits", () =>
    Effect.gen(function*() {
      const { policy, state } = yield* Bulkhead.make({ maxConcurrent: 7 })
      let running = 0
      let most = 0
      const work = policy(Effect.acquireUseRelease(
        Effect.sync(() => {
          most = Math.max(most, ++running)
        }),
        () => Effect.sleep("1 second"),
        () => Effect.sync(() => void running--)
      ))
      const all = yield* Effect.forkChild(
        Effect.all(Array.from({ length: 100 }, () => work), { concurrency: "unbounded" })
      )
      yield* adjust("15 seconds")
      yield* Fiber.join(all)
      assert.strictEqual(most, 7)
      assert.deepStrictEqual(yield* state, { ...idle, limit: 7 })
    }))

  test("two uses of one policy share its permits; another bulkhead has its own", () =>
    Effect.gen(function*() {
      const one = yield* Bulkhead.make({ maxConcurrent: 1, maxQueue: 0 })
      const other = yield* Bulkhead.make({ maxConcurrent: 1, maxQueue: 0 })
      yield* begin(one.policy(Effect.never))
      assert.strictEqual((yield* Effect.flip(one.policy(Effect.succeed(1))))._tag, "BulkheadFull")
      yield* other.policy(Effect.void)
    }))

  test("O5: refuses numbers that cannot work, all at once, by name", () =>
    Effect.gen(function*() {
      for (const wrong of [0, -1, 1.5, NaN, Infinity]) {
        const { problems } = yield* Effect.flip(Bulkhead.make({ maxConcurrent: wrong, maxQueue: -1 }))
        assert.deepStrictEqual(problems.map(({ option }) => option), ["maxConcurrent", "maxQueue"])
      }
      yield* Bulkhead.make({ maxConcurrent: 1, maxQueue: 0 })
    }))

  test("O5: what has to be there and is not, or is no options, is refused, whatever the compiler was told", () =>
    Effect.gen(function*() {
      const refused = (options: object) =>
        Effect.map(
          Effect.flip(Bulkhead.make(options as Bulkhead.Options)),
          ({ problems }) => problems.map(({ option, problem }) => `${option} ${problem}`)
        )
      assert.deepStrictEqual(yield* refused({}), ["maxConcurrent must be given"])
      for (const adaptive of [true, null, 5, []]) {
        assert.deepStrictEqual(yield* refused({ maxConcurrent: 1, adaptive }), ["adaptive must be options by name"])
      }
      assert.deepStrictEqual(Bulkhead.validate({}), [], "a part of the options may do without")
    }))

  test("describes itself", () =>
    Effect.gen(function*() {
      const { policy } = yield* Bulkhead.make({ maxConcurrent: 4 })
      assert.deepStrictEqual(Policy.describe(policy), [{ name: "Bulkhead", options: { maxConcurrent: 4 } }])
    }))
})

const ok = Answer.json(200, charge)
const get = Effect.flatMap(Payments, (payments) => payments.charges.get({ params: { id: "ch_1" } }))
const wire = TestTransport.TestTransport
const one = { bulkhead: { maxConcurrent: 1, maxQueue: 1 }, retry: false } as const

const inFlight = (settings: Parameters<typeof layer>[1]) =>
  Effect.gen(function*() {
    const fibers = yield* Effect.forEach(Array.from({ length: 40 }), () => begin(get))
    const count = yield* (yield* wire).inFlight
    yield* Fiber.interruptAll(fibers)
    return count
  }).pipe(Effect.provide(layer(Answer.hang, settings)))

describe("Bulkhead in the pipeline", () => {
  test("K1: one is sent, one waits, the next is refused at once", () =>
    Effect.gen(function*() {
      yield* begin(get)
      yield* (yield* wire).received(1)
      yield* begin(get)
      const error = yield* Effect.flip(get)
      assert.strictEqual(error.reason._tag, "BulkheadFull")
      assert.strictEqual(error.wasSent, false)
      assert.strictEqual((yield* (yield* wire).requests).length, 1)
    }).pipe(Effect.provide(layer(Answer.hang, one))))

  test("K4: the total timeout while it waits gives up the place, and nothing was sent", () =>
    Effect.gen(function*() {
      const first = yield* begin(get)
      yield* (yield* wire).received(1)
      const second = yield* begin(get.pipe(Resilience.withOptions({ totalTimeout: "1 second" })))
      yield* adjust("1 second")
      const exit = yield* Fiber.join(second)
      const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
      assert.deepInclude(error, { wasSent: false })
      const third = yield* begin(get)
      yield* (yield* wire).use(ok)
      yield* Fiber.interrupt(first)
      assert.deepStrictEqual(yield* Fiber.join(third), Exit.succeed(charge))
      assert.strictEqual((yield* (yield* wire).requests).length, 2)
    }).pipe(Effect.provide(layer(Answer.hang, one))))

  test("K4: the attempt timeout begins when the permit is there", () =>
    Effect.gen(function*() {
      const both = yield* Effect.forEach([1, 2], () => begin(get))
      yield* adjust("18 seconds")
      for (const fiber of both) assert.deepStrictEqual(yield* Fiber.join(fiber), Exit.succeed(charge))
    }).pipe(Effect.provide(layer(Answer.delay("9 seconds", ok), one))))

  test("a permit is not held while a call waits for its next attempt", () =>
    Effect.gen(function*() {
      const patient = yield* begin(get.pipe(Resilience.withOptions({ retry: { maxRetries: 1 } })))
      yield* (yield* wire).received(1)
      yield* adjust("1 second")
      assert.deepStrictEqual(yield* get, charge)
      yield* adjust("10 seconds")
      assert.deepStrictEqual(yield* Fiber.join(patient), Exit.succeed(charge))
    }).pipe(Effect.provide(layer([Answer.status(503, { "retry-after": "5" }), ok, ok], one))))

  test("O3: a full bulkhead is tried again while there are retries, and nothing is sent", () =>
    Effect.gen(function*() {
      yield* begin(get)
      yield* (yield* wire).received(1)
      const full = yield* begin(get.pipe(Resilience.withOptions({ retry: { maxRetries: 2 } })))
      yield* adjust("9 seconds")
      const exit = yield* Fiber.join(full)
      const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
      assert.deepInclude(error, { attempts: 3, wasSent: false })
      assert.strictEqual((yield* (yield* wire).requests).length, 1)
    }).pipe(Effect.provide(layer(Answer.hang, { ...one, bulkhead: { maxConcurrent: 1, maxQueue: 0 } }))))

  test("K7: its refusals do not count towards the circuit", () =>
    Effect.gen(function*() {
      yield* begin(get)
      yield* (yield* wire).received(1)
      for (let i = 0; i < 5; i++) assert.strictEqual((yield* Effect.flip(get)).reason._tag, "BulkheadFull")
      assert.strictEqual((yield* (yield* Payments.circuit)!.state)._tag, "Closed")
    }).pipe(Effect.provide(layer(Answer.hang, {
      ...one,
      bulkhead: { maxConcurrent: 1, maxQueue: 0 },
      breaker: { failureThreshold: 2 }
    }))))

  test("L1: calls that are interrupted while they run and wait leave all permits", () =>
    Effect.gen(function*() {
      const fibers = yield* Effect.forEach([1, 2], () => begin(get))
      yield* (yield* wire).received(1)
      yield* Fiber.interruptAll(fibers)
      yield* (yield* wire).use(ok)
      assert.deepStrictEqual(yield* Effect.all([get, get], { concurrency: 2 }), [charge, charge])
      assert.strictEqual(yield* (yield* wire).inFlight, 0)
    }).pipe(Effect.provide(layer(Answer.hang, one))))

  test("has as many permits as the pool has connections, unless it says otherwise; false is no bound", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* inFlight({}), 16)
      assert.strictEqual(yield* inFlight({ pool: { maxConnections: 3 } }), 3)
      assert.strictEqual(yield* inFlight({ pool: { maxConnections: 3 }, bulkhead: { maxQueue: 50 } }), 3)
      assert.strictEqual(yield* inFlight({ pool: { maxConnections: 3 }, bulkhead: { maxConcurrent: 5 } }), 5)
      assert.strictEqual(yield* inFlight({ bulkhead: false }), 40)
    }))
})
