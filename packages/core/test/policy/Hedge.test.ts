import { assert, describe } from "@effect/vitest"
import { Deferred, Duration, Effect, Exit, Fiber, Scope } from "effect"
import * as Call from "../../src/Call.ts"
import { BulkheadFull, CircuitOpen, NoEndpoint, UnexpectedStatus } from "../../src/IntegrationError.ts"
import * as Outcome from "../../src/Outcome.ts"
import * as Policy from "../../src/Policy.ts"
import * as Hedge from "../../src/policy/Hedge.ts"
import * as Retry from "../../src/policy/Retry.ts"
import { adjust, begin, Boom, boom, counted, scripted, test } from "./fixtures.ts"

type Options = Partial<Parameters<typeof Hedge.make>[0]>
const make = (options: Options = {}) => Hedge.make({ name: "test", delay: 100, budget: false, ...options })
const after = <A>(millis: number, value: A) => Effect.delay(Effect.succeed(value), millis)
const failAfter = (millis: number, n: number) => Effect.delay(Effect.fail(new Boom({ n })), millis)
/** Notes when each attempt begins and ends. */
const watched = <A, E, R>(...attempts: ReadonlyArray<Effect.Effect<A, E, R>>) => {
  const log: Array<string> = []
  const now = Effect.clockWith((clock) => Effect.succeed(Number(clock.monotonicTimeNanosUnsafe()) / 1e6))
  let begun = 0
  const run = Effect.suspend(() => {
    const n = ++begun
    const note = (what: string) => Effect.map(now, (at) => void log.push(`${at} ${n} ${what}`))
    return Effect.andThen(
      note("begins"),
      Effect.onExit(
        attempts[Math.min(n, attempts.length) - 1]!,
        (exit) => note(Exit.isSuccess(exit) ? "answers" : Exit.hasInterrupts(exit) ? "interrupted" : "fails")
      )
    )
  })
  return { log, run, count: () => begun }
}
/** Pays so often. */
const purse = (coins: number) => {
  const payer = {
    left: coins,
    withdraw: () => payer.left > 0 && (payer.left--, true),
    giveBack: () => void payer.left++
  }
  return payer
}

describe("Hedge", () => {
  test("M1: an answer before the delay is the only attempt", () =>
    Effect.gen(function*() {
      const { policy } = yield* make()
      const call = watched(after(99, "ok"))
      const running = yield* begin(policy(call.run))
      yield* adjust("1 hour")
      assert.deepStrictEqual(yield* Fiber.join(running), Exit.succeed("ok"))
      assert.deepStrictEqual(call.log, ["0 1 begins", "99 1 answers"])
      const sync = counted(Effect.succeed("at once"))
      assert.strictEqual(yield* policy(sync.run), "at once")
      yield* adjust("1 hour")
      assert.strictEqual(sync.count, 1)
    }))

  test("the second attempt begins after the delay, and the faster one is the answer", () =>
    Effect.gen(function*() {
      const { policy } = yield* make()
      const call = watched(after(500, "slow"), after(50, "fast"))
      const running = yield* begin(policy(call.run))
      yield* adjust(150)
      assert.deepStrictEqual(yield* Fiber.join(running), Exit.succeed("fast"))
      assert.deepStrictEqual(call.log, ["0 1 begins", "100 2 begins", "150 2 answers", "150 1 interrupted"])
    }))

  test("the first attempt can still win, and maxHedges bounds how many others there are", () =>
    Effect.gen(function*() {
      const { policy } = yield* make({ maxHedges: 2 })
      const call = watched(after(350, "first"), Effect.never)
      const running = yield* begin(policy(call.run))
      yield* adjust(350)
      assert.deepStrictEqual(yield* Fiber.join(running), Exit.succeed("first"))
      assert.deepStrictEqual(call.log, [
        "0 1 begins",
        "100 2 begins",
        "200 3 begins",
        "350 1 answers",
        "350 2 interrupted",
        "350 3 interrupted"
      ])
    }))

  test("M2: those that lose have released what they held before it returns, however long that takes", () =>
    Effect.gen(function*() {
      const { policy } = yield* make()
      let open = 0
      const held = Effect.acquireUseRelease(
        Effect.sync(() => ++open),
        (n) => n === 1 ? Effect.never : after(10, "ok"),
        () => Effect.andThen(Effect.sleep(30), Effect.sync(() => void open--))
      )
      const running = yield* begin(policy(held))
      yield* adjust(169)
      assert.isUndefined(running.pollUnsafe())
      yield* adjust(1)
      assert.deepStrictEqual(yield* Fiber.join(running), Exit.succeed("ok"))
      assert.strictEqual(open, 0)
    }))

  test("M2: what losers put into the caller's scope is released; what the winner put there stays", () =>
    Effect.gen(function*() {
      const { policy } = yield* make({ delay: 0, maxHedges: 2 })
      const log: Array<string> = []
      let n = 0
      const call = Effect.suspend(() => {
        const name = `connection ${++n}`
        return Effect.andThen(
          Effect.acquireRelease(Effect.succeed(name), () => Effect.sync(() => void log.push(`close ${name}`))),
          after(name === "connection 2" ? 10 : 20, name)
        )
      })
      const scope = yield* Scope.make()
      const running = yield* begin(Scope.provide(policy(call), scope))
      yield* adjust(10)
      assert.deepStrictEqual(yield* Fiber.join(running), Exit.succeed("connection 2"))
      assert.deepStrictEqual(log.toSorted(), ["close connection 1", "close connection 3"])
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(log.at(-1), "close connection 2")
    }))

  test("M2: two answers at the same moment: the second is dropped and what it holds released", () =>
    Effect.gen(function*() {
      const { policy } = yield* make({ delay: 0 })
      const log: Array<string> = []
      const latch = yield* Deferred.make<void>()
      let n = 0
      const call = Effect.suspend(() => {
        const name = ++n
        const opened = Effect.acquireRelease(Effect.void, () => Effect.sync(() => void log.push(`close ${name}`)))
        return Effect.as(Effect.andThen(Deferred.await(latch), Effect.uninterruptible(opened)), name)
      })
      const scope = yield* Scope.make()
      const running = yield* begin(Scope.provide(policy(Effect.uninterruptible(call)), scope))
      yield* Deferred.succeed(latch, undefined)
      assert.deepStrictEqual(yield* Fiber.join(running), Exit.succeed(1))
      assert.deepStrictEqual(log, ["close 2"])
    }))

  test("a scope that outlives the calls does not grow with their number", () =>
    Effect.gen(function*() {
      const { policy } = yield* make({ delay: 0 })
      const scope = yield* Scope.make()
      yield* Scope.provide(Effect.replicateEffect(policy(Effect.andThen(Effect.yieldNow, Effect.scope)), 10), scope)
      assert.strictEqual(scope.state._tag, "Empty")
    }))

  test("M3: if all fail, the error is the first attempt's, after all have ended", () =>
    Effect.gen(function*() {
      const { policy } = yield* make({ maxHedges: 2 })
      const call = watched(failAfter(150, 1), failAfter(200, 2), failAfter(300, 3))
      const running = yield* begin(policy(call.run))
      // The second begins at 100; the first fails at 150, so that the third begins then.
      yield* adjust(449)
      assert.isUndefined(running.pollUnsafe())
      yield* adjust(1)
      assert.deepStrictEqual(yield* Fiber.join(running), Exit.fail(new Boom({ n: 1 })))
      assert.deepStrictEqual(call.log, [
        "0 1 begins",
        "100 2 begins",
        "150 1 fails",
        "150 3 begins",
        "300 2 fails",
        "450 3 fails"
      ])
    }))

  test("M3: a value that is classified as a failure is returned if no other attempt does better", () =>
    Effect.gen(function*() {
      const { policy } = yield* make({
        classify: (exit) => Exit.isSuccess(exit) && exit.value !== 200 ? Outcome.failure() : undefined
      })
      assert.strictEqual(yield* policy(scripted(Effect.succeed(500), Effect.succeed(502)).run), 500)
      assert.strictEqual(yield* policy(scripted(Effect.succeed(500), Effect.succeed(200)).run), 200)
    }))

  test("M3: such a value keeps what it holds, unless another attempt does better", () =>
    Effect.gen(function*() {
      for (const [second, closed] of [[502, [2]], [200, [1]]] as const) {
        const { policy } = yield* make({
          classify: (exit) => Exit.isSuccess(exit) && exit.value !== 200 ? Outcome.failure() : undefined
        })
        const log: Array<number> = []
        let n = 0
        const call = Effect.suspend(() => {
          const name = ++n
          return Effect.as(
            Effect.acquireRelease(Effect.void, () => Effect.sync(() => void log.push(name))),
            name === 1 ? 500 : second
          )
        })
        const scope = yield* Scope.make()
        yield* Scope.provide(policy(call), scope)
        assert.deepStrictEqual(log, [...closed])
        yield* Scope.close(scope, Exit.void)
        assert.deepStrictEqual(log.toSorted(), [1, 2])
      }
    }))

  test("M2: what answers while the winner makes room is dropped", () =>
    Effect.gen(function*() {
      const { policy } = yield* make({
        delay: 0,
        maxHedges: 2,
        classify: (exit) => Exit.isSuccess(exit) && exit.value === 500 ? Outcome.failure() : undefined
      })
      let n = 0
      const call = Effect.suspend(() => {
        const name = ++n
        const held = Effect.acquireRelease(Effect.void, () => name === 1 ? Effect.sleep(30) : Effect.void)
        return Effect.andThen(held, name === 1 ? Effect.succeed(500) : after(10 * name, name))
      })
      const running = yield* begin(Effect.scoped(policy(call)))
      yield* adjust(50)
      assert.deepStrictEqual(yield* Fiber.join(running), Exit.succeed(2))
    }))

  test("M4: a delay of zero begins all at once", () =>
    Effect.gen(function*() {
      const { policy } = yield* make({ delay: 0, maxHedges: 3 })
      const call = watched(Effect.never, Effect.never, after(10, "third"), Effect.never)
      const running = yield* begin(policy(call.run))
      assert.strictEqual(call.count(), 4)
      yield* adjust(10)
      assert.deepStrictEqual(yield* Fiber.join(running), Exit.succeed("third"))
    }))

  test("M4: an infinite delay begins the next attempt only when one has failed", () =>
    Effect.gen(function*() {
      const { policy } = yield* make({ delay: "Infinity", maxHedges: 2 })
      const slow = watched(after(100_000, "slow"))
      const waiting = yield* begin(policy(slow.run))
      yield* adjust(100_000)
      assert.deepStrictEqual(yield* Fiber.join(waiting), Exit.succeed("slow"))
      assert.strictEqual(slow.count(), 1)
      const call = watched<string, Boom, never>(failAfter(10, 1), failAfter(20, 2), after(30, "ok"))
      const running = yield* begin(policy(call.run))
      yield* adjust("1 hour")
      assert.deepStrictEqual(yield* Fiber.join(running), Exit.succeed("ok"))
      assert.deepStrictEqual(call.log.map((line) => line.replace(/^\d+/, (at) => `${+at - 100_000}`)), [
        "0 1 begins",
        "10 1 fails",
        "10 2 begins",
        "30 2 fails",
        "30 3 begins",
        "60 3 answers"
      ])
    }))

  test("the delay counts from the attempt before, whatever began that one", () =>
    Effect.gen(function*() {
      const { policy } = yield* make({ maxHedges: 2 })
      const call = watched<never, Boom, never>(failAfter(40, 1), Effect.never, Effect.never)
      const running = yield* begin(policy(call.run))
      yield* adjust(1_000)
      assert.deepStrictEqual(call.log, ["0 1 begins", "40 1 fails", "40 2 begins", "140 3 begins"])
      yield* Fiber.interrupt(running)
    }))

  test("an answer that is an error ends the race: the remote works, and would say the same again", () =>
    Effect.gen(function*() {
      const { policy } = yield* make({
        maxHedges: 3,
        classify: (exit) => Exit.isFailure(exit) ? Outcome.success : undefined
      })
      const call = watched<never, Boom, never>(Effect.never, failAfter(10, 404))
      const running = yield* begin(policy(call.run))
      yield* adjust(110)
      assert.deepStrictEqual(yield* Fiber.join(running), Exit.fail(new Boom({ n: 404 })))
      assert.strictEqual(call.count(), 2)
    }))

  test("a failure that another attempt would not mend, or after which the remote asks for time, begins none", () =>
    Effect.gen(function*() {
      const failures: ReadonlyArray<Effect.Effect<never, unknown>> = [
        Effect.fail({ isRetryable: false }),
        Effect.die("bug"),
        Effect.fail(new UnexpectedStatus({ status: 429, retryAfter: undefined })),
        Effect.fail(new UnexpectedStatus({ status: 503, retryAfter: Duration.seconds(1) }))
      ]
      for (const failure of failures) {
        const { policy } = yield* make({ maxHedges: 3 })
        const call = counted(failure)
        assert.deepStrictEqual(yield* Effect.exit(policy(call.run)), yield* Effect.exit(failure))
        yield* adjust("1 hour")
        assert.strictEqual(call.count, 1)
      }
    }))

  test("after such a failure the attempts that run decide", () =>
    Effect.gen(function*() {
      const { policy } = yield* make({ maxHedges: 3 })
      const call = watched<string, unknown, never>(after(500, "first"), Effect.fail({ isRetryable: false }))
      const running = yield* begin(policy(call.run))
      yield* adjust(500)
      assert.deepStrictEqual(yield* Fiber.join(running), Exit.succeed("first"))
      assert.strictEqual(call.count(), 2)
    }))

  test("M6: each attempt has its own number in CurrentCall; without a call there is none", () =>
    Effect.gen(function*() {
      const { policy } = yield* make({ delay: 0, maxHedges: 2 })
      const seen: Array<Call.Call | undefined> = []
      const call = Effect.flatMap(Call.CurrentCall, (call) => (seen.push(call), Effect.never))
      const current = {
        integration: "coffee/Menu",
        operation: "menu.get",
        requestId: "r1",
        attempt: 3,
        idempotencyKey: "k1"
      }
      yield* begin(Effect.provideService(policy(call), Call.CurrentCall, current))
      assert.deepStrictEqual(seen, [current, { ...current, attempt: 4 }, { ...current, attempt: 5 }])
      seen.length = 0
      yield* begin(policy(call))
      assert.deepStrictEqual(seen, [undefined, undefined, undefined])
    }))

  test("M6: attempts made one by one are given their number, and judged as the caller says", () =>
    Effect.gen(function*() {
      const hedge = yield* make({ maxHedges: 2, delay: "Infinity" })
      const ended = yield* hedge.attempts(
        (attempt) => Effect.succeed({ attempt, outcome: attempt < 3 ? Outcome.failure() : Outcome.success }),
        (exit) => ({ outcome: Exit.isSuccess(exit) ? exit.value.outcome : Outcome.neutral, timedOut: false })
      )
      assert.strictEqual(ended.attempt, 3)
    }))

  test("M7: a caller who leaves interrupts all attempts, waits for their end, and none begins", () =>
    Effect.gen(function*() {
      const { policy } = yield* make({ maxHedges: 5 })
      const slowToStop = Effect.onInterrupt(Effect.never, () => Effect.sleep(500))
      const call = watched(slowToStop)
      const running = yield* begin(policy(call.run))
      yield* adjust(250)
      const leaving = yield* begin(Fiber.interrupt(running))
      yield* adjust(499)
      assert.isUndefined(leaving.pollUnsafe())
      yield* adjust(1)
      assert.isDefined(leaving.pollUnsafe())
      yield* adjust("1 hour")
      assert.deepStrictEqual(call.log.filter((line) => line.includes("interrupted")).length, 3)
      assert.strictEqual(call.count(), 3)
    }))

  test("M7: for a caller who is gone already there is no attempt", () =>
    Effect.gen(function*() {
      const { policy } = yield* make({ delay: 0 })
      const call = counted(Effect.void)
      const latch = yield* Deferred.make<void>()
      const fiber = yield* Effect.forkChild(
        Effect.andThen(Effect.uninterruptible(Deferred.await(latch)), policy(call.run)),
        { startImmediately: true }
      )
      const interrupting = yield* begin(Fiber.interrupt(fiber))
      yield* Deferred.succeed(latch, undefined)
      yield* Fiber.join(interrupting)
      assert.strictEqual(call.count, 0)
    }))

  test("L1, L2, M7: interrupted between any two steps, it leaves nothing open and begins nothing", () =>
    Effect.gen(function*() {
      const outcomes = new Set<string>()
      for (const delay of [0, 10, "Infinity"] as const) {
        for (let steps = 0; steps < 25; steps++) {
          const { policy } = yield* make({ delay, maxHedges: 2 })
          const scope = yield* Scope.make()
          let [begun, open] = [0, 0]
          const change = (by: number) => Effect.andThen(Effect.yieldNow, Effect.sync(() => void (open += by)))
          const call = Effect.gen(function*() {
            const n = ++begun
            yield* Effect.acquireRelease(change(1), () => change(-1))
            yield* Effect.yieldNow
            if (n < 3) return yield* boom
            return yield* Effect.yieldNow
          })
          const running = yield* begin(Scope.provide(policy(call), scope))
          for (let i = 0; i < steps; i++) yield* Effect.yieldNow
          yield* Fiber.interrupt(running)
          outcomes.add(Exit.hasInterrupts(yield* Fiber.await(running)) ? "left" : "ended")
          const before = begun
          yield* adjust("1 hour")
          assert.strictEqual(begun, before)
          yield* Scope.close(scope, Exit.void)
          assert.strictEqual(open, 0)
        }
      }
      assert.deepStrictEqual([...outcomes].toSorted(), ["ended", "left"])
    }))

  test("M7: an attempt whose first steps interrupt the caller ends with it", () =>
    Effect.gen(function*() {
      const { policy } = yield* make({ maxHedges: 3 })
      const call = watched(
        Effect.never,
        Effect.suspend((): Effect.Effect<never> => (caller.interruptUnsafe(), Effect.never))
      )
      const caller: Fiber.Fiber<unknown, unknown> = yield* Effect.forkChild(policy(call.run), {
        startImmediately: true
      })
      yield* adjust("1 hour")
      assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(caller)))
      assert.deepStrictEqual(call.log.map((line) => line.slice(line.indexOf(" ") + 1)).toSorted(), [
        "1 begins",
        "1 interrupted",
        "2 begins",
        "2 interrupted"
      ])
    }))

  test("M8: with an empty budget there is no hedge, and the first attempt is not affected", () =>
    Effect.gen(function*() {
      const budget = purse(0)
      const { policy } = yield* make({ budget })
      const call = watched(after(500, "ok"))
      const running = yield* begin(policy(call.run))
      yield* adjust(500)
      assert.deepStrictEqual(yield* Fiber.join(running), Exit.succeed("ok"))
      assert.strictEqual(call.count(), 1)
      const failing = counted(boom)
      assert.deepStrictEqual(yield* Effect.exit(policy(failing.run)), Exit.fail(new Boom({})))
      assert.strictEqual(failing.count, 1)
    }))

  test("M8: each hedge is paid; one that our own policies refuse is not, and none follows it", () =>
    Effect.gen(function*() {
      const budget = purse(3)
      const { policy } = yield* make({ budget, delay: 0, maxHedges: 2 })
      yield* Fiber.interrupt(yield* begin(policy(Effect.never)))
      assert.strictEqual(budget.left, 1)
      const refusals = [
        new BulkheadFull({ limit: 1 }),
        new NoEndpoint({ service: "coffee" })
      ]
      for (const refusal of refusals) {
        const call = watched(after(10, "ok"), Effect.fail(refusal))
        const running = yield* begin(policy(call.run))
        yield* adjust(10)
        assert.deepStrictEqual(yield* Fiber.join(running), Exit.succeed("ok"))
        assert.deepStrictEqual([call.count(), budget.left], [2, 1])
      }
    }))

  test("M11: without a route for another attempt the first one's result stands", () =>
    Effect.gen(function*() {
      const { policy } = yield* make({ maxHedges: 5 })
      const call = watched<never, Boom | NoEndpoint, never>(
        failAfter(200, 1),
        Effect.fail(new NoEndpoint({ service: "coffee" }))
      )
      const running = yield* begin(policy(call.run))
      yield* adjust("1 hour")
      assert.deepStrictEqual(yield* Fiber.join(running), Exit.fail(new Boom({ n: 1 })))
      assert.strictEqual(call.count(), 2)
    }))

  test("J5: hedges and retries of one name pay from the same budget", () =>
    Effect.gen(function*() {
      const retry = yield* Retry.make({ name: "test" })
      const hedge = yield* Hedge.make({ name: "test", delay: 0, maxHedges: 100 })
      assert.strictEqual(retry.budget.balance(0), 10)
      yield* begin(hedge.policy(Effect.never))
      // Ten from the reserve; the call itself has deposited a fifth.
      assert.strictEqual(retry.budget.balance(0), 0)
      const call = counted(boom)
      yield* Effect.exit(retry.policy(call.run))
      assert.strictEqual(call.count, 1)
    }))

  test("J5: calls that may be hedged earn their share of that budget", () =>
    Effect.gen(function*() {
      const retry = yield* Retry.make({ name: "test" })
      const hedge = yield* Hedge.make({ name: "test" })
      for (let i = 0; i < 10; i++) yield* hedge.policy(Effect.void)
      assert.strictEqual(retry.budget.balance(0), 12)
    }))

  test("J5: a budget that is passed in is not told of calls by the hedge", () =>
    Effect.gen(function*() {
      const retry = yield* Retry.make({ name: "test", budget: { ratio: 1, minPerSecond: 0 } })
      const hedge = yield* Hedge.make({ name: "other", delay: 0, maxHedges: 9, budget: retry.budget })
      const unpaid = counted(Effect.never)
      yield* begin(hedge.policy(unpaid.run))
      assert.strictEqual(unpaid.count, 1)
      retry.deposit(0)
      retry.deposit(0)
      const paid = counted(Effect.never)
      yield* begin(hedge.policy(paid.run))
      assert.strictEqual(paid.count, 3)
    }))

  test("refused before it was sent, the first attempt begins no other", () =>
    Effect.gen(function*() {
      const { policy } = yield* make({ maxHedges: 3 })
      const call = counted(Effect.fail(new CircuitOpen({ isolated: true, retryAfter: undefined })))
      yield* Effect.exit(policy(call.run))
      assert.strictEqual(call.count, 1)
    }))

  test("onHedge is told of each hedge and why; what it throws is ignored", () =>
    Effect.gen(function*() {
      const told: Array<Hedge.Upcoming> = []
      const { policy } = yield* make({
        maxHedges: 2,
        onHedge: (upcoming) => {
          told.push(upcoming)
          throw new Error("bug")
        }
      })
      const call = watched<string, Boom, never>(Effect.never, failAfter(50, 2), after(10, "ok"))
      const running = yield* begin(policy(call.run))
      yield* adjust(160)
      assert.deepStrictEqual(yield* Fiber.join(running), Exit.succeed("ok"))
      assert.deepStrictEqual(told, [{ attempt: 2, cause: "Delay" }, { attempt: 3, cause: "Failure" }])
    }))

  test("a classifier that throws is a defect of the call, and leaves nothing running", () =>
    Effect.gen(function*() {
      const { policy } = yield* make({
        delay: 0,
        classify: () => {
          throw new Error("bug")
        }
      })
      const call = watched(Effect.never, after(10, "ok"))
      const running = yield* begin(policy(call.run))
      yield* adjust(10)
      assert.isTrue(Exit.hasDies(yield* Fiber.join(running)))
      assert.strictEqual(call.log.at(-1), "10 1 interrupted")
    }))

  test("an attempt that interrupts itself is not repeated", () =>
    Effect.gen(function*() {
      const { policy } = yield* make()
      const call = counted(Effect.interrupt)
      assert.isTrue(Exit.hasInterrupts(yield* Effect.exit(policy(call.run))))
      assert.strictEqual(call.count, 1)
    }))

  test("services of the caller reach the attempts, and the result its type", () =>
    Effect.gen(function*() {
      const { policy } = yield* make()
      const typed: Effect.Effect<number, Boom, Scope.Scope> = policy(
        Effect.as(Effect.scope, 1) as Effect.Effect<number, Boom, Scope.Scope>
      )
      assert.strictEqual(yield* typed, 1)
    }))

  test("O5: what cannot work is refused with the option's name", () =>
    Effect.gen(function*() {
      const cases: ReadonlyArray<[Hedge.Options, string]> = [
        [{ delay: -1 }, "delay"],
        [{ delay: "soon" as never }, "delay"],
        [{ maxHedges: 0 }, "maxHedges"],
        [{ maxHedges: 1.5 }, "maxHedges"],
        [{ delay: { percentile: 0 } }, "delay.percentile"],
        [{ delay: { percentile: 95 } }, "delay.percentile"],
        [{ delay: { percentile: NaN } }, "delay.percentile"],
        [{ delay: { percentile: 0.9, minimumCalls: 0 } }, "delay.minimumCalls"],
        [{ delay: { percentile: 0.9, window: 0 } }, "delay.window"]
      ]
      for (const [options, option] of cases) {
        const error = yield* Effect.flip(Hedge.make({ name: "test", ...options }))
        assert.deepStrictEqual(error.problems.map((problem) => problem.option), [option])
      }
      assert.deepStrictEqual(Hedge.validate({ delay: "Infinity", maxHedges: 9 }), [])
      assert.deepStrictEqual(Hedge.validate({ delay: { seconds: 1 } }), [])
      assert.deepStrictEqual(Policy.describe((yield* make()).policy).map(({ name }) => name), ["Hedge"])
    }))
})
