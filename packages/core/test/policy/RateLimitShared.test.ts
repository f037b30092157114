import { assert, describe } from "@effect/vitest"
import { Clock, type Duration, Effect, Exit, Fiber } from "effect"
import * as Deadline from "../../src/Deadline.ts"
import * as Outcome from "../../src/Outcome.ts"
import * as RateLimit from "../../src/policy/RateLimit.ts"
import * as Stores from "../../src/Stores.ts"
import { adjust, begin, counted, test } from "./fixtures.ts"
import { nowMillis, random, refused, settled, starts } from "./rateLimit.ts"

type Options = RateLimit.Options & { readonly name?: string }

/** A limiter of a process of its own over what is shared. */
const process = (shared: Stores.Shared, options: Options) =>
  Effect.provideService(RateLimit.make({ name: "test", ...options }), Stores.Stores, Stores.fromShared(shared))

const two = (options: Options) =>
  Effect.gen(function*() {
    const shared = yield* Stores.makeShared()
    return [yield* process(shared, options), yield* process(shared, options)] as const
  })

/** A shared store that counts how often it is asked, takes its time, and can be told to fail. */
const faulty = (whenUnavailable: Stores.WhenUnavailable = "local", takes = 0) =>
  Effect.map(Stores.makeShared(whenUnavailable), (shared) => {
    const seen = { asked: 0, atOnce: 0, most: 0, down: false }
    const modify: Stores.Shared["modify"] = (key, change) =>
      Effect.acquireUseRelease(
        Effect.sync(() => {
          seen.asked++
          seen.most = Math.max(seen.most, ++seen.atOnce)
        }),
        () =>
          Effect.andThen(
            Effect.sleep(takes),
            Effect.suspend(() =>
              seen.down
                ? Effect.fail(new Stores.StoreUnavailable({ store: "test", retryAfter: 5_000 }))
                // A store may have to ask twice.
                : shared.modify(key, (kept, now) => (change(kept, now), change(kept, now)))
            )
          ),
        () => Effect.sync(() => void seen.atOnce--)
      )
    return Object.assign(seen, { shared: { ...shared, modify } })
  })

/** The most that started within any window, its end not included. */
const mostWithin = (starts: ReadonlyArray<number>, window: number): number => {
  const sorted = starts.toSorted((a, b) => a - b)
  let [most, from] = [0, 0]
  sorted.forEach((at, i) => {
    while (sorted[from]! <= at - window + 0.01) from++
    most = Math.max(most, i - from + 1)
  })
  return most
}

const algorithms = ["token-bucket", "fixed-window", "sliding-window"] as const

describe("RateLimit, shared", () => {
  for (const algorithm of algorithms) {
    test(`two processes keep to one limit together (${algorithm})`, () =>
      Effect.gen(function*() {
        const [one, other] = yield* two({ algorithm, limit: 4, window: "1 second" })
        const log = yield* starts(one, 5)
        yield* starts(other, 5, log)
        yield* adjust(0)
        assert.lengthOf(log, 4)
        yield* adjust("5 seconds")
        assert.lengthOf(log, 10)
        assert.isAtMost(mostWithin(log.slice(4), 1_000), algorithm === "token-bucket" ? 5 : 4)
        assert.deepInclude(yield* one.state, { waiting: 0 })
      }))
  }

  test("never more than the limit in any window, whatever two processes do", () =>
    Effect.gen(function*() {
      for (let seed = 1; seed <= 40; seed++) {
        const next = random(seed)
        const algorithm = algorithms[seed % 3]!
        const [limit, window] = [1 + Math.floor(next() * 6), 50 + next() * 500]
        const burst = algorithm === "token-bucket" ? 1 + Math.floor(next() * 5) : undefined
        const { shared } = yield* faulty("local", next() < 0.5 ? 0 : next() * 20)
        const options = { algorithm, limit, window, burst, maxWait: "1 hour" } as const
        const limiters = [yield* process(shared, options), yield* process(shared, options)]
        const started: Array<number> = []
        const orders: ReadonlyArray<Array<number>> = [[], []]
        const calls: Array<Fiber.Fiber<unknown, unknown>> = []
        for (let call = 0; call < 60; call++) {
          const which = next() < 0.5 ? 0 : 1
          const inside = next() < 0.1 ? Effect.fail(refused(1)) : Effect.map(nowMillis, (at) => {
            started.push(at)
            orders[which]!.push(call)
          })
          calls.push(yield* begin(limiters[which]!.policy(inside)))
          const dice = next()
          if (dice < 0.3) yield* adjust(next() * window)
          else if (dice < 0.4) yield* Fiber.interrupt(calls[Math.floor(next() * calls.length)]!)
          else if (dice < 0.45) limiters[which]!.hint({ remaining: 1, resetMillis: next() * 1_000 }, yield* nowMillis)
        }
        yield* adjust("2 hours")
        const most = algorithm === "sliding-window"
          ? limit
          : algorithm === "fixed-window"
          ? 2 * limit
          : limit + burst! - 1
        assert.isAtMost(mostWithin(started, window), most, `seed ${seed} ${algorithm}`)
        for (const order of orders) assert.deepStrictEqual(order, order.toSorted((a, b) => a - b), `seed ${seed}`)
        for (const call of calls) assert.isDefined(call.pollUnsafe(), `seed ${seed}`)
        assert.isAbove(started.length, 25, `seed ${seed}`)
        for (const limiter of limiters) {
          const state = yield* begin(limiter.state)
          yield* adjust("1 second")
          assert.deepInclude(yield* Effect.flatten(Fiber.join(state)), { waiting: 0, available: burst ?? limit })
        }
      }
    }))

  test("those who wait are served first come, first served, within a process", () =>
    Effect.gen(function*() {
      const [one] = yield* two({ limit: 2, window: 100 })
      const order: Array<number> = []
      for (let i = 0; i < 7; i++) {
        yield* begin(one.policy(Effect.sync(() => order.push(i))))
        yield* adjust(10)
      }
      yield* adjust("1 second")
      assert.deepStrictEqual(order, [0, 1, 2, 3, 4, 5, 6])
    }))

  test("the store is asked once for all that may start, and never twice at a time", () =>
    Effect.gen(function*() {
      const store = yield* faulty("local", 10)
      const limiter = yield* process(store.shared, { limit: 50, window: "1 second" })
      const log = yield* starts(limiter, 120)
      yield* adjust(30)
      assert.lengthOf(log, 50)
      assert.isAtMost(store.asked, 3)
      // Who comes while the others wait for their turn does not ask.
      const before = store.asked
      yield* starts(limiter, 20, log)
      yield* settled
      assert.strictEqual(store.asked, before)
      yield* adjust("5 seconds")
      assert.lengthOf(log, 140)
      assert.strictEqual(store.most, 1)
      assert.isAtMost(store.asked, 12)
    }))

  test("a hint to one silences both", () =>
    Effect.gen(function*() {
      const [one, other] = yield* two({ limit: 10, window: "1 second" })
      yield* one.policy(Effect.void)
      one.hint({ remaining: 0, resetMillis: 5_000 }, yield* nowMillis)
      yield* settled
      const log = yield* starts(other, 3)
      yield* adjust(4_999)
      assert.deepStrictEqual(log, [])
      yield* adjust(1)
      assert.deepStrictEqual(log, [5_000, 5_000, 5_000])
    }))

  test("a throttle of one silences both, those who wait already included", () =>
    Effect.gen(function*() {
      const [one, other] = yield* two({ limit: 1, window: "1 second", maxWait: "10 seconds" })
      const log = yield* starts(other, 3)
      yield* adjust(500)
      one.gate.settle(1, Outcome.failure({ throttled: true, retryAfter: 5_000 }), yield* nowMillis, 0)
      yield* adjust("20 seconds")
      assert.deepStrictEqual(log, [0, 5_500, 6_500])
    }))

  test("a throttle slows both down where they are adaptive", () =>
    Effect.gen(function*() {
      const [one, other] = yield* two({ limit: 100, window: "1 second", adaptive: true })
      yield* starts(one, 10)
      yield* adjust("1 second")
      one.gate.settle(1, Outcome.failure({ throttled: true }), yield* nowMillis, 0)
      yield* settled
      const log = yield* starts(other, 30)
      yield* adjust("1 second")
      assert.isAtMost(log.length, 10)
      assert.isAtLeast(log.length, 5)
    }))

  test("a hint that says nothing new is not told to the store", () =>
    Effect.gen(function*() {
      const store = yield* faulty()
      const limiter = yield* process(store.shared, { limit: 10, window: "1 second" })
      yield* limiter.policy(Effect.void)
      for (let i = 0; i < 5; i++) {
        limiter.hint({ remaining: 3, resetMillis: 500 }, 0)
        yield* settled
      }
      assert.strictEqual(store.asked, 2)
    }))

  test("K12: a wait that is too long is refused at once, with how long it would have been", () =>
    Effect.gen(function*() {
      const [one, other] = yield* two({ limit: 1, window: "1 second", maxWait: "2 seconds" })
      yield* starts(one, 2)
      yield* settled
      const log = yield* starts(other, 2)
      yield* settled
      assert.deepStrictEqual(yield* Effect.flip(other.policy(Effect.void)), refused(3_000))
      yield* adjust("1 second")
      yield* adjust("4 seconds")
      assert.isAtMost(log.length, 2)
    }))

  test("a turn that does not come before the deadline is refused at once, whoever else waits", () =>
    Effect.gen(function*() {
      const [one] = yield* two({ limit: 1, window: "1 second" })
      yield* one.policy(Effect.void)
      const within = (millis: number) => Effect.exit(one.policy(Effect.void).pipe(Deadline.within(millis)))
      assert.deepStrictEqual(yield* within(1_000), Exit.fail(refused(1_000)))
      const log = yield* starts(one, 1)
      assert.deepStrictEqual(yield* within(2_000), Exit.fail(refused(2_000)))
      yield* adjust("1 second")
      assert.deepStrictEqual(log, [1_000])
    }))

  test("no more wait than may; with no queue none does, but whoever can start does", () =>
    Effect.gen(function*() {
      const shared = yield* Stores.makeShared()
      const limiter = yield* process(shared, { limit: 2, window: "1 second", maxQueue: 1 })
      const log = yield* starts(limiter, 3)
      yield* settled
      assert.strictEqual((yield* limiter.state).waiting, 1)
      assert.deepStrictEqual(yield* Effect.flip(limiter.policy(Effect.void)), refused(1_000))
      yield* adjust("2 seconds")
      assert.deepStrictEqual(log, [0, 0, 1_000])
      const none = yield* process(shared, { name: "none", limit: 2, window: "1 second", maxQueue: 0 })
      yield* none.policy(Effect.void)
      yield* none.policy(Effect.void)
      assert.deepStrictEqual(yield* Effect.flip(none.policy(Effect.void)), refused(1_000))
    }))

  test("K9: one that is interrupted takes nothing, whether it waits or asks", () =>
    Effect.gen(function*() {
      for (const after of [0, 5, 10, 15]) {
        const store = yield* faulty("local", 10)
        const limiter = yield* process(store.shared, { limit: 2, window: "1 second" })
        const began = yield* nowMillis
        const call = counted(Effect.void)
        const gone = yield* begin(limiter.policy(Effect.andThen(Effect.sleep("1 minute"), call.run)))
        yield* adjust(after)
        const asking = after < 10
        yield* Fiber.interrupt(gone)
        yield* adjust(100)
        // What it took while it ran stays taken.
        const look = yield* Effect.forkChild(limiter.state)
        yield* adjust(10)
        assert.strictEqual((yield* Fiber.join(look)).available, asking ? 2 : 1, `after ${after}`)
        const log = yield* starts(limiter, 3)
        yield* adjust("5 seconds")
        assert.strictEqual(log.filter((at) => at < began + 500).length, asking ? 2 : 1)
        assert.strictEqual(call.count, 0)
        assert.lengthOf(log, 3)
      }
    }))

  test("the fiber that asks ends when nobody waits any more", () =>
    Effect.gen(function*() {
      const store = yield* faulty()
      const limiter = yield* process(store.shared, { limit: 1, window: "1 minute", maxWait: "1 hour" })
      yield* limiter.policy(Effect.void)
      const waiting = yield* begin(limiter.policy(Effect.void))
      yield* settled
      yield* Fiber.interrupt(waiting)
      const before = store.asked
      yield* adjust("1 hour")
      assert.strictEqual(store.asked, before)
      yield* limiter.policy(Effect.void)
    }))

  test("a call that a policy inside refuses gives back what it took", () =>
    Effect.gen(function*() {
      const [one, other] = yield* two({ limit: 2, window: "1 minute" })
      for (let i = 0; i < 10; i++) {
        yield* Effect.flip(one.policy(Effect.fail(refused(1))))
        yield* settled
      }
      assert.strictEqual((yield* other.state).available, 2)
    }))

  test("R12: skewed clocks are harmless", () =>
    Effect.gen(function*() {
      const shared = yield* Stores.makeShared()
      const clock = yield* Clock.Clock
      const behind: Clock.Clock = Object.assign(Object.create(Object.getPrototypeOf(clock)), clock, {
        currentTimeMillisUnsafe: () => clock.currentTimeMillisUnsafe() - 3_600_000,
        monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe() - 3_600_000_000_000n,
        sleep: (duration: Duration.Duration) => clock.sleep(duration)
      })
      const skewed = <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.provideService(self, Clock.Clock, behind)
      const options = { limit: 2, window: "1 second" } as const
      const one = yield* process(shared, options)
      const other = yield* skewed(process(shared, options))
      const log: Array<number> = []
      const note = Effect.sync(() => void log.push(Number(clock.monotonicTimeNanosUnsafe()) / 1e6))
      for (let i = 0; i < 3; i++) {
        yield* begin(one.policy(note))
        yield* begin(skewed(other.policy(note)))
      }
      yield* adjust("5 seconds")
      assert.deepStrictEqual(log, [0, 0, 1_000, 1_000, 2_000, 2_000])
      other.hint({ remaining: 0, resetMillis: 5_000 }, 0)
      yield* settled
      const later = yield* starts(one, 1)
      yield* adjust("1 minute")
      assert.deepStrictEqual(later, [10_000])
    }))

  test("limiters of one name in one process share their queue", () =>
    Effect.gen(function*() {
      const stores = Stores.fromShared(yield* Stores.makeShared())
      const make = (options: Options) =>
        Effect.provideService(RateLimit.make({ name: "test", ...options }), Stores.Stores, stores)
      const one = yield* make({ limit: 1, window: "1 second" })
      const same = yield* make({ limit: 1, window: "1 second" })
      const log = yield* starts(one, 2)
      yield* starts(same, 2, log)
      yield* settled
      assert.strictEqual((yield* same.state).waiting, 3)
      yield* adjust("5 seconds")
      assert.deepStrictEqual(log, [0, 1_000, 2_000, 3_000])
    }))

  test("K13: another limit of one is the limit of both", () =>
    Effect.gen(function*() {
      const shared = yield* Stores.makeShared()
      const one = yield* process(shared, { limit: 1, window: "1 second" })
      yield* one.policy(Effect.void)
      const other = yield* process(shared, { limit: 1, window: "1 second" })
      yield* other.update({ limit: 3 })
      yield* other.policy(Effect.void)
      assert.strictEqual((yield* one.state).limit, 3)
      const waiting = yield* starts(one, 3)
      yield* settled
      assert.deepStrictEqual(waiting, [0])
      yield* one.update({ limit: 5 })
      yield* settled
      assert.deepStrictEqual(waiting, [0, 0, 0])
    }))

  test("what is kept is forgotten when it says nothing any more, and old tickets mean nothing then", () =>
    Effect.gen(function*() {
      const shared = yield* Stores.makeShared()
      const limiter = yield* process(shared, { limit: 2, window: "1 second" })
      const ask = limiter.gate.admit(0)
      assert.isTrue(typeof ask === "object" && ask._tag === "Ask")
      const old = typeof ask === "object" && ask._tag === "Ask" ? yield* ask.answer : 0
      assert.isDefined(yield* shared.get("rate-limit/1/test"))
      yield* adjust("1 second")
      assert.isUndefined(yield* shared.get("rate-limit/1/test"))
      yield* limiter.policy(Effect.void)
      limiter.gate.settle(old as number, Outcome.refused(1), 1_000)
      yield* settled
      assert.strictEqual((yield* limiter.state).available, 1)
    }))

  for (const maxWait of [0, 1, 5]) {
    test(`K12: one who may wait ${maxWait} ms and comes while the store is asked is not refused for that`, () =>
      Effect.gen(function*() {
        const store = yield* faulty("local", 10)
        const limiter = yield* process(store.shared, { limit: 4, window: "1 second", maxWait })
        const log = yield* starts(limiter, 1)
        yield* adjust(3)
        yield* starts(limiter, 2, log)
        yield* adjust(3)
        const inTime = yield* begin(limiter.policy(Effect.void))
        const late = yield* begin(limiter.policy(Effect.void).pipe(Deadline.within(4)))
        yield* adjust(50)
        assert.lengthOf(log, 3)
        assert.strictEqual((yield* Fiber.join(inTime))._tag, "Success")
        assert.strictEqual((yield* Fiber.join(late))._tag, "Failure", "its deadline has passed")
        const fifth = yield* begin(limiter.policy(Effect.void))
        yield* adjust(10)
        assert.strictEqual((yield* Fiber.join(fifth))._tag, "Failure", "its turn is later")
      }))
  }

  test("K13: another limit is told at once, though no call is made", () =>
    Effect.gen(function*() {
      const store = yield* faulty()
      const [one, other] = yield* Effect.forEach([1, 2], () => process(store.shared, { limit: 10, window: "1 second" }))
      yield* one!.policy(Effect.void)
      yield* other!.policy(Effect.void)
      yield* one!.update({ limit: 2 })
      yield* settled
      assert.strictEqual((yield* other!.state).limit, 2)
      const before = store.asked
      yield* one!.update({ limit: 2 })
      yield* settled
      assert.strictEqual(store.asked, before, "it is no other")
    }))

  for (const knows of [true, false]) {
    test(`K13: it lasts when what was kept is forgotten, begun anew by one who ${knows ? "knows" : "does not know"} it`, () =>
      Effect.gen(function*() {
        const shared = yield* Stores.makeShared()
        const options = { limit: 10, window: "1 second", maxWait: 0 } as const
        const [one, other] = [yield* process(shared, options), yield* process(shared, options)]
        yield* other.policy(Effect.void)
        yield* one.update({ limit: 2 })
        yield* settled
        if (knows) yield* other.policy(Effect.void)
        yield* adjust("10 seconds")
        yield* other.policy(Effect.void)
        if (!knows) yield* one.policy(Effect.void)
        for (const limiter of [one, other]) assert.strictEqual((yield* limiter.state).limit, 2)
        yield* other.update({ limit: 5 })
        yield* settled
        yield* Effect.exit(one.policy(Effect.void))
        assert.strictEqual((yield* one.state).limit, 5, "the last word")
      }))
  }

  test("K13: a limit given while the store was down is told with the next question", () =>
    Effect.gen(function*() {
      const store = yield* faulty("local")
      const [one, other] = yield* Effect.forEach([1, 2], () => process(store.shared, { limit: 10, window: "1 second" }))
      store.down = true
      yield* one!.policy(Effect.void)
      yield* one!.update({ limit: 2 })
      yield* adjust("5 seconds")
      store.down = false
      yield* one!.policy(Effect.void)
      assert.strictEqual((yield* other!.state).limit, 2)
    }))

  test("another version's limiter lies beside it", () =>
    Effect.gen(function*() {
      const shared = yield* Stores.makeShared()
      const limiter = yield* process(shared, { limit: 1, window: "1 second" })
      yield* shared.set("rate-limit/2/test", "theirs", 60_000)
      yield* limiter.policy(Effect.void)
      assert.strictEqual(yield* shared.get("rate-limit/2/test"), "theirs")
    }))

  test("what nobody can read is as if nothing were there", () =>
    Effect.gen(function*() {
      const nonsense = ["", "{", "null", "{}", "{\"since\":0}", "{\"since\":0,\"pacing\":{}}"]
      for (const text of [...nonsense, "{\"since\":0,\"pacing\":{\"limits\":{},\"counter\":{}}}"]) {
        const shared = yield* Stores.makeShared()
        yield* shared.set("rate-limit/1/test", text, 60_000)
        const limiter = yield* process(shared, { limit: 1, window: "1 second" })
        yield* limiter.policy(Effect.void)
        assert.strictEqual((yield* limiter.state).available, 0)
      }
    }))
})

describe("RateLimit, shared, without its store", () => {
  test("R11: each process keeps to the limit by itself, and to the common one when the store is back", () =>
    Effect.gen(function*() {
      const store = yield* faulty("local")
      const options = { limit: 2, window: "1 second" } as const
      const [one, other] = [yield* process(store.shared, options), yield* process(store.shared, options)]
      store.down = true
      const logs = [yield* starts(one, 4), yield* starts(other, 4)]
      yield* adjust("1 second")
      yield* adjust("3 seconds")
      for (const log of logs) assert.deepStrictEqual(log, [0, 0, 1_000, 1_000])
      assert.strictEqual(store.asked, 2)
      assert.deepInclude(yield* one.state, { limit: 2, available: 2, waiting: 0 })
      store.down = false
      yield* adjust("10 seconds")
      const log = yield* starts(one, 2)
      yield* starts(other, 2, log)
      yield* adjust("999 millis")
      assert.lengthOf(log, 2)
      yield* adjust("1 second")
      assert.lengthOf(log, 4)
    }))

  test("R11: what a process started before counts for it after", () =>
    Effect.gen(function*() {
      const store = yield* faulty("local")
      const limiter = yield* process(store.shared, { limit: 2, window: "10 seconds" })
      yield* limiter.policy(Effect.void)
      yield* limiter.policy(Effect.void)
      store.down = true
      const log = yield* starts(limiter, 2)
      yield* adjust("9 seconds")
      assert.deepStrictEqual(log, [])
      yield* adjust("1 second")
      assert.deepStrictEqual(log, [10_000, 10_000])
    }))

  test("R11: it refuses where the store says so, with the time until it is asked again", () =>
    Effect.gen(function*() {
      const store = yield* faulty("refuse")
      const limiter = yield* process(store.shared, { limit: 2, window: "1 second" })
      store.down = true
      assert.deepStrictEqual(yield* Effect.flip(limiter.policy(Effect.void)), refused(5_000))
      yield* adjust("1 second")
      assert.deepStrictEqual(yield* Effect.flip(limiter.policy(Effect.void)), refused(4_000))
      assert.strictEqual(store.asked, 1)
      store.down = false
      yield* adjust("4 seconds")
      yield* limiter.policy(Effect.void)
    }))

  test("R11: hints are heeded while the store is down", () =>
    Effect.gen(function*() {
      const store = yield* faulty("local")
      const limiter = yield* process(store.shared, { limit: 9, window: "1 second" })
      store.down = true
      yield* limiter.policy(Effect.void)
      limiter.hint({ remaining: 0, resetMillis: 2_000 }, 0)
      const log = yield* starts(limiter, 1)
      yield* adjust("3 seconds")
      assert.deepStrictEqual(log, [2_000])
    }))

  test("R11: what the remote said while the store was down is not told to it later", () =>
    Effect.gen(function*() {
      const store = yield* faulty("local", 10)
      const options = { limit: 9, window: "1 second" } as const
      const [one, other] = [yield* process(store.shared, options), yield* process(store.shared, options)]
      store.down = true
      one.hint({ remaining: 0, resetMillis: 4_000 }, 0)
      yield* adjust(5)
      // The store is being asked, and does not answer any more.
      one.hint({ remaining: 0, resetMillis: 50_000 }, 5)
      yield* adjust(5)
      store.down = false
      yield* adjust("6 seconds")
      const log = yield* starts(one, 1)
      yield* starts(other, 1, log)
      yield* adjust("1 second")
      assert.lengthOf(log, 2)
    }))

  test("R11: who waits when the store goes down waits on, in order, and not longer than it may", () =>
    Effect.gen(function*() {
      const store = yield* faulty("local")
      const limiter = yield* process(store.shared, { limit: 1, window: "1 second", maxWait: "3500 millis" })
      const log = yield* starts(limiter, 4)
      const late = yield* begin(limiter.policy(Effect.void))
      yield* adjust("900 millis")
      assert.isDefined(late.pollUnsafe())
      store.down = true
      yield* adjust("10 seconds")
      assert.deepStrictEqual(log, [0, 1_000, 2_000, 3_000])
    }))

  test("a store that dies is one that cannot be reached", () =>
    Effect.gen(function*() {
      const shared = yield* Stores.makeShared()
      const limiter = yield* process({ ...shared, modify: () => Effect.die("bug") }, { limit: 1, window: "1 second" })
      yield* limiter.policy(Effect.void)
      assert.strictEqual((yield* Effect.exit(limiter.policy(Effect.void).pipe(Deadline.within(10))))._tag, "Failure")
    }))

  test("O5: a sliding window that would fill the store is refused, naming the option", () =>
    Effect.gen(function*() {
      const shared = yield* Stores.makeShared()
      const { problems } = yield* Effect.flip(process(shared, { limit: 1_001, window: "1 minute" }))
      assert.deepStrictEqual(problems.map(({ option }) => option), ["limit"])
      yield* process(shared, { limit: 1_001, window: "1 minute", burst: 1_001 })
      const limiter = yield* process(shared, { name: "other", limit: 1_000, window: "1 minute" })
      assert.strictEqual((yield* Effect.flip(limiter.update({ limit: 1_001 })))._tag, "InvalidOptions")
    }))
})
