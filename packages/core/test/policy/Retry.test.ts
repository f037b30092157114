import { assert, describe } from "@effect/vitest"
import { Clock, Duration, Effect, Exit, Fiber, Random, Schedule } from "effect"
import * as Deadline from "../../src/Deadline.ts"
import { IntegrationError, UnexpectedStatus } from "../../src/IntegrationError.ts"
import { retryAfterMillis } from "../../src/internal/retryAfter.ts"
import * as Outcome from "../../src/Outcome.ts"
import * as Policy from "../../src/Policy.ts"
import * as Retry from "../../src/policy/Retry.ts"
import * as Timeout from "../../src/policy/Timeout.ts"
import { adjust, begin, Boom, boom, callOfOneGone, counted, scripted, test } from "./fixtures.ts"

type Options = Partial<Parameters<typeof Retry.make>[0]>
const make = (options: Options = {}) => Retry.make({ name: "test", jitter: "none", ...options })
/** Runs to the end in virtual time. */
const finish = <A, E, R>(self: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const call = yield* begin(self)
    yield* adjust("1 hour")
    return yield* Fiber.join(call)
  })
/** When each attempt began. */
const attemptsOf = <A, E, R, PE>(policy: Policy.Policy<PE>, self: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const at: Array<number> = []
    const noted = Effect.clockWith((clock) => {
      at.push(Number(clock.monotonicTimeNanosUnsafe()) / 1e6)
      return self
    })
    const call = yield* begin(policy(noted))
    yield* adjust("1 hour")
    const exit = yield* Fiber.join(call)
    return { at: at.map((time) => time - at[0]!), exit }
  })
const always = (outcome: Outcome.Outcome): Options => ({ classify: () => outcome })
const numbered = () => {
  let n = 0
  return Effect.suspend(() => Effect.fail(new Boom({ n: ++n })))
}

describe("Retry", () => {
  test("G1: maxRetries n is n+1 attempts; 0 is one", () =>
    Effect.gen(function*() {
      for (const maxRetries of [0, 1, 5]) {
        const call = counted(boom)
        yield* finish((yield* make({ maxRetries })).policy(call.run))
        assert.strictEqual(call.count, maxRetries + 1)
      }
    }))

  test("a success ends it; it waits 200, 400, 800 ms by default", () =>
    Effect.gen(function*() {
      const { policy } = yield* make()
      const { at, exit } = yield* attemptsOf(
        policy,
        scripted<string, Boom, never>(boom, boom, boom, Effect.succeed("ok")).run
      )
      assert.deepStrictEqual(at, [0, 200, 600, 1_400])
      assert.deepStrictEqual(exit, Exit.succeed("ok"))
    }))

  test("G2: the last error is returned, as it is", () =>
    Effect.gen(function*() {
      const { policy } = yield* make({ maxRetries: 2 })
      assert.deepStrictEqual(yield* finish(policy(numbered())), Exit.fail(new Boom({ n: 3 })))
    }))

  test("G3, L2: interrupted during an attempt or a wait, it ends at once and makes no other attempt", () =>
    Effect.gen(function*() {
      const { policy } = yield* make()
      const waiting = counted(boom)
      const inWait = yield* begin(policy(waiting.run))
      yield* adjust(100)
      yield* Fiber.interrupt(inWait)
      const running = counted(Effect.never)
      const inAttempt = yield* begin(policy(running.run))
      yield* adjust(100)
      yield* Fiber.interrupt(inAttempt)
      yield* adjust("1 hour")
      assert.deepStrictEqual([waiting.count, running.count], [1, 1])
    }))

  test("G3: for a caller who is gone already there is no attempt", () =>
    Effect.gen(function*() {
      const { policy } = yield* make()
      const call = counted(boom)
      yield* callOfOneGone(policy(call.run))
      assert.strictEqual(call.count, 0)
    }))

  test("an attempt that interrupts itself is not retried", () =>
    Effect.gen(function*() {
      const { policy } = yield* make()
      const call = counted(Effect.interrupt)
      yield* Effect.exit(policy(call.run))
      assert.strictEqual(call.count, 1)
    }))

  test("G5: an attempt has released what it held before the next begins", () =>
    Effect.gen(function*() {
      const { policy } = yield* make({ maxRetries: 1 })
      const log: Array<string> = []
      const call = Effect.scoped(Effect.andThen(
        Effect.acquireRelease(Effect.sync(() => log.push("open")), () => Effect.sync(() => log.push("close"))),
        boom
      ))
      yield* finish(policy(call))
      assert.deepStrictEqual(log, ["open", "close", "open", "close"])
    }))

  test("G9: a wait of zero sets no timer", () =>
    Effect.gen(function*() {
      const real = yield* Clock.Clock
      let slept = 0
      const watched: Clock.Clock = {
        ...real,
        monotonicTimeNanosUnsafe: () => real.monotonicTimeNanosUnsafe(),
        sleep: (duration) => (slept++, real.sleep(duration))
      }
      const { policy } = yield* make({ baseDelay: 0, maxRetries: 5, jitter: "full" })
      const call = counted(boom)
      yield* Effect.exit(policy(call.run)).pipe(Effect.provideService(Clock.Clock, watched))
      assert.deepStrictEqual([call.count, slept], [6, 0])
    }))

  test("G11: a schedule that ends by time stops although retries remain", () =>
    Effect.gen(function*() {
      const { policy } = yield* make({
        maxRetries: 100,
        schedule: Schedule.spaced("1 second").pipe(Schedule.upTo({ duration: "3 seconds" }))
      })
      const { at } = yield* attemptsOf(policy, boom)
      assert.deepStrictEqual(at.at(-1)! <= 4_000 && at.length < 6, true)
    }))

  test("G1: a schedule that ends by count stops although retries remain, and the other way round", () =>
    Effect.gen(function*() {
      const schedule = Schedule.spaced("1 second").pipe(Schedule.upTo({ times: 2 }))
      const byCount = yield* attemptsOf((yield* make({ maxRetries: 100, schedule })).policy, boom)
      assert.deepStrictEqual(byCount.at, [0, 1_000, 2_000])
      const byRetries = yield* attemptsOf((yield* make({ maxRetries: 1, schedule })).policy, boom)
      assert.deepStrictEqual(byRetries.at, [0, 1_000])
    }))

  test("a schedule is given the error", () =>
    Effect.gen(function*() {
      const seen: Array<unknown> = []
      const schedule = Schedule.identity<unknown>().pipe(
        Schedule.tap(({ input }) => Effect.sync(() => seen.push(input)))
      )
      yield* finish((yield* make({ maxRetries: 2, schedule })).policy(numbered()))
      assert.deepStrictEqual(seen, [new Boom({ n: 1 }), new Boom({ n: 2 })])
    }))

  test("G12: abortOn beats retryOn", () =>
    Effect.gen(function*() {
      const call = scripted(boom, Effect.fail(new Boom({ n: 403 })), boom)
      const { policy } = yield* make({
        retryOn: (error) => error instanceof Boom,
        abortOn: (error) => error instanceof Boom && error.n === 403
      })
      assert.deepStrictEqual(yield* finish(policy(call.run)), Exit.fail(new Boom({ n: 403 })))
      assert.strictEqual(call.count, 2)
    }))

  test("G12: retryOn decides in place of the outcome, a defect and a result included", () =>
    Effect.gen(function*() {
      const only = yield* make({ maxRetries: 1, retryOn: (error) => error === "again" })
      const cases: ReadonlyArray<[self: Effect.Effect<unknown, unknown>, attempts: number]> = [
        [boom, 1],
        [Effect.fail("again"), 2],
        [Effect.die("again"), 2],
        [Effect.fail({ isRetryable: false }), 1]
      ]
      for (const [self, attempts] of cases) {
        const call = counted(self)
        yield* finish(only.policy(call.run))
        assert.strictEqual(call.count, attempts)
      }
    }))

  test("G13: a predicate that throws surfaces once, as a defect", () =>
    Effect.gen(function*() {
      for (const option of ["retryOn", "abortOn"] as const) {
        let asked = 0
        const call = counted(boom)
        const predicate = () => {
          asked++
          throw new Error("bug")
        }
        const exit = yield* finish((yield* make({ [option]: predicate })).policy(call.run))
        assert.isTrue(Exit.hasDies(exit))
        assert.deepStrictEqual([asked, call.count], [1, 1])
      }
    }))

  test("G14: onRetry runs before each wait and is awaited; what it does not survive, the call does not", () =>
    Effect.gen(function*() {
      const seen: Array<Retry.Upcoming> = []
      const hooked = yield* make({
        maxRetries: 2,
        onRetry: (upcoming) => Effect.delay(Effect.sync(() => void seen.push(upcoming)), "1 second")
      })
      const { at } = yield* attemptsOf(hooked.policy, numbered())
      assert.deepStrictEqual(at, [0, 1_200, 2_600])
      assert.deepStrictEqual(seen.map(({ attempt, delay, error }) => [attempt, Duration.toMillis(delay), error]), [
        [1, 200, new Boom({ n: 1 })],
        [2, 400, new Boom({ n: 2 })]
      ])
      const dying = yield* make({ onRetry: () => Effect.die("bug") })
      const call = counted(boom)
      assert.deepStrictEqual(yield* Effect.exit(dying.policy(call.run)), Exit.die("bug"))
      assert.strictEqual(call.count, 1)
    }))

  test("G15: two calls of one policy count for themselves", () =>
    Effect.gen(function*() {
      const { policy } = yield* make({ maxRetries: 2 })
      const [one, two] = [counted(boom), counted(boom)]
      yield* finish(Effect.all([policy(one.run), policy(two.run)].map(Effect.exit), { concurrency: 2 }))
      assert.deepStrictEqual([one.count, two.count], [3, 3])
      const again = policy(one.run)
      yield* finish(again)
      yield* finish(again)
      assert.strictEqual(one.count, 9)
    }))

  test("G16: an IntegrationError from below is not retried, whatever retryOn says", () =>
    Effect.gen(function*() {
      const below = new IntegrationError({
        integration: "test",
        operation: "get",
        attempts: 4,
        reason: new UnexpectedStatus({ status: 503, retryAfter: undefined })
      })
      for (const options of [{}, { retryOn: () => true }]) {
        const call = counted(Effect.fail(below))
        yield* finish((yield* make(options)).policy(call.run))
        assert.strictEqual(call.count, 1)
      }
    }))

  test("G18: a success after retries leaves nothing behind for the next call", () =>
    Effect.gen(function*() {
      const { policy } = yield* make()
      for (let i = 0; i < 2; i++) {
        const { at } = yield* attemptsOf(policy, scripted<string, Boom, never>(boom, boom, Effect.succeed("ok")).run)
        assert.deepStrictEqual(at, [0, 200, 600])
      }
    }))

  test("A15: a result that is classified as a failure is retried, and the last one returned", () =>
    Effect.gen(function*() {
      let n = 0
      const call = Effect.sync(() => ++n)
      const { policy } = yield* make({
        maxRetries: 5,
        classify: (exit) => Exit.isSuccess(exit) && exit.value !== 3 ? Outcome.failure() : undefined
      })
      assert.deepStrictEqual(yield* finish(policy(call)), Exit.succeed(3))
    }))

  test("a defect is not retried by default", () =>
    Effect.gen(function*() {
      const call = counted(Effect.die("bug"))
      assert.deepStrictEqual(yield* finish((yield* make()).policy(call.run)), Exit.die("bug"))
      assert.strictEqual(call.count, 1)
    }))

  test("10,000 retries do not exhaust the stack", () =>
    Effect.gen(function*() {
      const { policy } = yield* make({ maxRetries: 10_000, baseDelay: 0, budget: false })
      const call = counted(boom)
      yield* Effect.exit(policy(call.run))
      assert.strictEqual(call.count, 10_001)
    }))
})

const wishes = (retryAfter: number, options: Options = {}) =>
  make({ ...always(Outcome.failure({ retryAfter })), maxRetries: 1, ...options })

describe("Retry, the remote's wish", () => {
  test("H1, H10: it is a minimum, which jitter does not shorten", () =>
    Effect.gen(function*() {
      for (const jitter of ["full", "equal", "none"] as const) {
        const { at } = yield* attemptsOf((yield* wishes(5_000, { jitter })).policy, boom)
        assert.deepStrictEqual(at, [0, 5_000])
      }
    }))

  test("H10: a longer wait of our own stays", () =>
    Effect.gen(function*() {
      const { at } = yield* attemptsOf((yield* wishes(10, { baseDelay: 700 })).policy, boom)
      assert.deepStrictEqual(at, [0, 700])
    }))

  test("H4: 0 is no minimum: our own wait applies", () =>
    Effect.gen(function*() {
      assert.strictEqual(retryAfterMillis("0", 0), 0)
      assert.deepStrictEqual((yield* attemptsOf((yield* wishes(0)).policy, boom)).at, [0, 200])
    }))

  test("G10, H7: maxDelay does not shorten it; if it is longer than maxRetryAfter the call ends now", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual((yield* attemptsOf((yield* wishes(60_000, { maxDelay: 1_000 })).policy, boom)).at, [
        0,
        60_000
      ])
      assert.deepStrictEqual((yield* attemptsOf((yield* wishes(60_001)).policy, boom)).at, [0])
      const patient = yield* wishes(60_001, { maxRetryAfter: "2 minutes" })
      assert.deepStrictEqual((yield* attemptsOf(patient.policy, boom)).at, [0, 60_001])
    }))

  test("H9: a wait that does not fit the deadline ends the call now, with the last error", () =>
    Effect.gen(function*() {
      const { policy } = yield* wishes(5_000)
      const at5 = yield* begin(policy(boom).pipe(Deadline.within("5 seconds")))
      yield* adjust(0)
      assert.deepStrictEqual(at5.pollUnsafe(), Exit.succeed(Exit.fail(new Boom({}))))
      const later = yield* begin(policy(boom).pipe(Deadline.within("5001 millis")))
      yield* adjust("4999 millis")
      assert.isUndefined(later.pollUnsafe())
      yield* adjust("1 millis")
      assert.deepStrictEqual(later.pollUnsafe(), Exit.succeed(Exit.fail(new Boom({}))))
    }))

  test("H9: so does a wait of our own", () =>
    Effect.gen(function*() {
      const { policy } = yield* make({ maxRetries: 100 })
      const { at, exit } = yield* attemptsOf(
        Policy.all((yield* Timeout.total({ timeout: "1 second" })).policy, policy),
        boom
      )
      assert.deepStrictEqual(at, [0, 200, 600])
      assert.deepStrictEqual(exit, Exit.fail(new Boom({})))
    }))

  test("H13: with retryAfter off it is ignored", () =>
    Effect.gen(function*() {
      const { at } = yield* attemptsOf((yield* wishes(5_000, { retryAfter: false })).policy, boom)
      assert.deepStrictEqual(at, [0, 200])
    }))

  test("H13: but an open circuit is still waited for, because before that an attempt is pointless", () =>
    Effect.gen(function*() {
      const options = { ...always(Outcome.refused(5_000)), retryAfter: false, maxRetries: 1 }
      assert.deepStrictEqual((yield* attemptsOf((yield* make(options)).policy, boom)).at, [0, 5_200])
    }))
})

const decide = (options: Options, outcome: Outcome.Outcome, attempted: Partial<Retry.Attempted> = {}) =>
  Effect.gen(function*() {
    const retry = yield* make(options)
    return yield* retry.start().next(outcome, {
      attempt: 1,
      safeToRepeat: true,
      remainingMillis: undefined,
      ...attempted
    })
  })

const again = (delayMillis: number): Retry.Decision => ({ _tag: "Again", delayMillis })

const stop = (why: Retry.StopReason): Retry.Decision => ({ _tag: "Stop", why })

describe("Retry.start", () => {
  test("says why it stops", () =>
    Effect.gen(function*() {
      const failure = Outcome.failure()
      assert.deepStrictEqual(yield* decide({}, failure), again(200))
      assert.deepStrictEqual(yield* decide({}, Outcome.failure({ retryable: false })), stop("NotRetryable"))
      assert.deepStrictEqual(yield* decide({}, Outcome.success), stop("NotRetryable"))
      assert.deepStrictEqual(yield* decide({}, Outcome.neutral), stop("NotRetryable"))
      assert.deepStrictEqual(yield* decide({}, failure, { attempt: 4 }), stop("Exhausted"))
      assert.deepStrictEqual(yield* decide({ schedule: Schedule.recurs(0) }, failure), stop("Exhausted"))
      assert.deepStrictEqual(yield* decide({}, failure, { remainingMillis: 200 }), stop("Deadline"))
      assert.deepStrictEqual(yield* decide({}, failure, { remainingMillis: 201 }), again(200))
      assert.deepStrictEqual(yield* decide({}, Outcome.failure({ retryAfter: 1e12 })), stop("RetryAfter"))
    }))

  test("I1: what may have been sent is repeated only where that is safe", () =>
    Effect.gen(function*() {
      const unsafe = { safeToRepeat: false }
      assert.deepStrictEqual(yield* decide({}, Outcome.failure(), unsafe), stop("NotSafe"))
      assert.deepStrictEqual(yield* decide({ retryOn: () => true }, Outcome.failure(), unsafe), stop("NotSafe"))
      assert.deepStrictEqual(yield* decide({ retryOn: () => true }, Outcome.success, unsafe), stop("NotSafe"))
    }))

  test("I2: what is proven not to have been sent is repeated whatever the method", () =>
    Effect.gen(function*() {
      const unsafe = { safeToRepeat: false }
      assert.deepStrictEqual(yield* decide({}, Outcome.failure({ sent: false }), unsafe), again(200))
      assert.deepStrictEqual(yield* decide({}, Outcome.refused(undefined), unsafe), again(200))
    }))

  test("G19: an open circuit is waited for where that fits the deadline, with some time between the callers", () =>
    Effect.gen(function*() {
      const open = Outcome.refused(10_000)
      assert.deepStrictEqual(yield* decide({}, open, { remainingMillis: 10_200 }), stop("Deadline"))
      assert.deepStrictEqual(yield* decide({}, open, { remainingMillis: 10_201 }), again(10_200))
      assert.deepStrictEqual(yield* decide({}, Outcome.refused(10_001)), stop("RetryAfter"))
    }))

  test("each call has a schedule of its own", () =>
    Effect.gen(function*() {
      const retry = yield* make({ maxRetries: 10 })
      const [one, two] = [retry.start(), retry.start()]
      const attempted = { attempt: 1, safeToRepeat: true, remainingMillis: undefined }
      const delays = []
      for (const decider of [one, one, two, one, two]) delays.push(yield* decider.next(Outcome.failure(), attempted))
      assert.deepStrictEqual(delays, [200, 400, 200, 800, 400].map(again))
    }))
})

const delays = (options: Retry.Backoff, n: number, seed = "seed") =>
  Effect.gen(function*() {
    const step = yield* Schedule.toStep(Retry.exponential(options))
    const out: Array<number> = []
    for (let i = 0; i < n; i++) {
      const [, delay] = yield* Effect.orDie(step(i, undefined) as Effect.Effect<[unknown, Duration.Duration]>)
      out.push(Duration.toMillis(delay))
    }
    return out
  }).pipe(Random.withSeed(seed))

describe("Retry.exponential", () => {
  test("grows by the factor up to the cap", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* delays({ jitter: "none" }, 8), [200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000])
      assert.deepStrictEqual(yield* delays({ jitter: "none", baseDelay: 10, factor: 3, maxDelay: 100 }, 4), [
        10,
        30,
        90,
        100
      ])
      assert.deepStrictEqual(yield* delays({ jitter: "none", baseDelay: "1 minute" }, 2), [60_000, 60_000])
    }))

  test("G6: at attempt 1,024 and beyond every wait is finite, capped and not negative", () =>
    Effect.gen(function*() {
      for (const jitter of ["full", "equal", "none"] as const) {
        for (const [baseDelay, factor] of [[200, 2], [0, 2], [1e-300, 1e300], [1, 1]] as const) {
          const all = yield* delays({ baseDelay, factor, jitter, maxDelay: 10_000 }, 1_100)
          assert.isTrue(all.every((delay) => delay >= 0 && delay <= 10_000))
        }
      }
    }))

  test("full jitter is anything up to the wait, equal jitter anything from half of it, both reproducible by seed", () =>
    Effect.gen(function*() {
      const options = { baseDelay: 1_000, factor: 1 }
      const full = yield* delays({ ...options, jitter: "full" }, 2_000)
      const equal = yield* delays({ ...options, jitter: "equal" }, 2_000)
      assert.isTrue(
        full.every((delay) => delay >= 0 && delay <= 1_000) && Math.min(...full) < 50 && Math.max(...full) > 950
      )
      assert.isTrue(equal.every((delay) => delay >= 500 && delay <= 1_000) && Math.min(...equal) < 525)
      assert.deepStrictEqual(yield* delays({ ...options, jitter: "full" }, 2_000), full)
      assert.notDeepEqual(yield* delays({ ...options, jitter: "full" }, 2_000, "other"), full)
    }))

  test("G10: maxDelay also caps the waits of a schedule", () =>
    Effect.gen(function*() {
      const { policy } = yield* make({ schedule: Schedule.spaced("1 hour"), maxDelay: "1 second", maxRetries: 2 })
      assert.deepStrictEqual((yield* attemptsOf(policy, boom)).at, [0, 1_000, 2_000])
    }))
})

const named = (options: Retry.Options) => Retry.validate(options).map(({ option }) => option)

describe("Retry, options", () => {
  test("O5, J11: every problem is refused at once, each with the option's name", () =>
    Effect.gen(function*() {
      const options: Retry.Options = {
        maxRetries: -1,
        baseDelay: -1,
        factor: 0,
        maxDelay: "Infinity",
        maxRetryAfter: 0,
        budget: { ratio: 10.1, minPerSecond: -1, ttl: "999 millis" }
      }
      const error = yield* Effect.flip(Retry.make({ name: "wrong", ...options }))
      assert.deepStrictEqual(error.problems, Retry.validate(options))
      assert.deepStrictEqual(error.problems.map(({ option }) => option), [
        "maxRetries",
        "baseDelay",
        "factor",
        "maxDelay",
        "maxRetryAfter",
        "budget.ratio",
        "budget.minPerSecond",
        "budget.ttl"
      ])
    }))

  test("O5: contradictions are refused, the bounds themselves are not", () =>
    Effect.sync(() => {
      assert.deepStrictEqual(named({}), [])
      assert.deepStrictEqual(named({ baseDelay: "1 minute" }), [])
      assert.deepStrictEqual(named({ baseDelay: "1 minute", maxDelay: "1 second" }), ["baseDelay"])
      assert.deepStrictEqual(
        named({ maxRetries: 0, baseDelay: 0, factor: 1, budget: { ratio: 0, minPerSecond: 0, ttl: 1_000 } }),
        []
      )
      assert.deepStrictEqual(named({ maxRetries: 1.5, factor: NaN, budget: { ttl: "61 seconds" } }), [
        "maxRetries",
        "factor",
        "budget.ttl"
      ])
    }))
})
