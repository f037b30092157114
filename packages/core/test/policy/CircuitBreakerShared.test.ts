import { assert, describe } from "@effect/vitest"
import { Duration, Effect, Exit, Fiber, Scope } from "effect"
import * as EffectCircuitBreaker from "../../src/EffectCircuitBreaker.ts"
import { CircuitOpen } from "../../src/IntegrationError.ts"
import * as CircuitBreaker from "../../src/policy/CircuitBreaker.ts"
import { actions } from "./circuits.ts"
import { adjust, Boom, boom, counted, test } from "./fixtures.ts"
import { settled } from "./rateLimit.ts"
import { random } from "./schedules.ts"
import { makeProcess, makeStore } from "./sharedCircuits.ts"

const hour = 3_600_000

describe("CircuitBreaker, shared, closed and open", () => {
  test("A2: failures in a row are those of a process; where they are enough, the circuit of all opens", () =>
    Effect.gen(function*() {
      const { shared } = yield* makeStore()
      const [a, b] = [
        yield* makeProcess(shared, { failureThreshold: 2 }),
        yield* makeProcess(shared, { failureThreshold: 2, ahead: hour })
      ]
      yield* a.fail
      assert.instanceOf(yield* b.fail, Boom)
      yield* adjust(101)
      assert.strictEqual(yield* a.stateTag, "Closed")
      assert.instanceOf(yield* b.fail, Boom)
      assert.instanceOf(yield* b.fail, CircuitOpen)
      yield* adjust(101)
      assert.instanceOf(yield* a.fail, CircuitOpen)
    }))

  test("A1: a success ends the streak of its process, whatever the store has told in between", () =>
    Effect.gen(function*() {
      const { control, shared } = yield* makeStore()
      const { fail, stateTag, succeed } = yield* makeProcess(shared, { failureThreshold: 3 })
      control.latency = 20
      for (let i = 0; i < 20; i++) {
        yield* fail
        yield* adjust(90)
        yield* fail
        yield* adjust(90)
        yield* succeed
      }
      control.latency = 0
      yield* adjust(500)
      assert.strictEqual(yield* stateTag, "Closed")
      yield* fail
      yield* stateTag
      yield* fail
      yield* adjust(101)
      yield* fail
      assert.strictEqual(yield* stateTag, "Open", "what the store says does not end it")
    }))

  test("A1: twenty processes whose calls fail now and then keep it closed, and tell the store nothing", () =>
    Effect.gen(function*() {
      const { control, shared } = yield* makeStore()
      const next = random(7)
      const processes = yield* Effect.forEach(
        Array.from({ length: 20 }),
        () => makeProcess(shared, { failureThreshold: 5, resetTimeout: "30 seconds" })
      )
      control.asked = 0
      let failed = 0
      for (let step = 0; step < 200; step++) {
        for (const process of processes) {
          const bad = next() < 0.05
          if (bad) failed++
          yield* bad ? process.fail : process.succeed
        }
        yield* adjust(10)
      }
      assert.isAbove(failed, 150)
      for (const process of processes) assert.deepStrictEqual(process.moves(), [])
      assert.isAtMost(control.asked, 20 * 20)
    }))

  test("A3 and A6: rates count the calls of all, each at the time it ended", () =>
    Effect.gen(function*() {
      const { shared } = yield* makeStore()
      const options = {
        failureThreshold: false,
        failureRate: { threshold: 0.5, window: "10 seconds", minimumCalls: 4 }
      } as const
      const [a, b] = [yield* makeProcess(shared, options), yield* makeProcess(shared, { ...options, ahead: hour })]
      yield* a.succeed
      yield* a.succeed
      yield* adjust("9 seconds")
      yield* b.fail
      assert.strictEqual(yield* b.stateTag, "Closed")
      yield* adjust("1 second")
      yield* b.fail
      yield* a.fail
      assert.strictEqual(yield* a.stateTag, "Closed", "the successes have left the window")
      yield* b.fail
      assert.strictEqual(yield* b.stateTag, "Open")
    }))

  test("R8: a process is told of a transition that another caused, with its cause, when it notices", () =>
    Effect.gen(function*() {
      const { shared } = yield* makeStore()
      const [a, b] = [yield* makeProcess(shared), yield* makeProcess(shared)]
      yield* a.fail
      assert.deepStrictEqual(b.moves(), [])
      yield* adjust(101)
      yield* b.fail
      assert.deepStrictEqual(b.transitions, a.transitions)
      assert.deepStrictEqual(a.moves(), ["Closed → Open: ConsecutiveFailures"])
      yield* adjust("1 second")
      yield* b.succeed
      yield* adjust(101)
      yield* a.succeed
      assert.deepStrictEqual(a.moves().slice(1), ["Open → Closed: ProbesSucceeded"], "in one step")
      assert.deepStrictEqual(b.moves().slice(1), [
        "Open → HalfOpen: ResetTimeoutElapsed",
        "HalfOpen → Closed: ProbesSucceeded"
      ])
    }))

  test("A20: concurrent failures of two processes make one transition in each", () =>
    Effect.gen(function*() {
      const { control, shared } = yield* makeStore()
      const [a, b] = [
        yield* makeProcess(shared, { failureThreshold: 5, resetTimeout: "1 hour" }),
        yield* makeProcess(shared, { failureThreshold: 5, resetTimeout: "1 hour" })
      ]
      control.latency = 10
      const failing = (process: typeof a) => Array.from({ length: 50 }, () => process.fail)
      const calls = yield* Effect.forkChild(
        Effect.all([...failing(a), ...failing(b)], { concurrency: "unbounded" }),
        { startImmediately: true }
      )
      yield* adjust("1 second")
      yield* Fiber.join(calls)
      control.latency = 0
      for (const process of [a, b]) {
        assert.strictEqual(yield* process.stateTag, "Open")
        assert.deepStrictEqual(process.moves(), ["Closed → Open: ConsecutiveFailures"])
      }
    }))

  test("A12 and A13: slow calls are counted, and fail a probe", () =>
    Effect.gen(function*() {
      const { shared } = yield* makeStore()
      const slowCalls = { duration: 100, threshold: 0.5, window: "10 seconds", minimumCalls: 2 } as const
      const [a, b] = [yield* makeProcess(shared, { slowCalls }), yield* makeProcess(shared, { slowCalls })]
      for (const process of [a, b]) {
        const call = yield* process.begin
        yield* adjust(101)
        yield* call.succeed
      }
      assert.deepStrictEqual(b.moves(), ["Closed → Open: SlowCallRate"])
      yield* adjust("1 second")
      const probe = yield* a.begin
      yield* adjust(101)
      yield* probe.succeed
      assert.strictEqual(a.moves().at(-1), "HalfOpen → Open: ProbesFailed")
    }))
})

describe("CircuitBreaker, shared, probes", () => {
  const letThrough = (probes: number) =>
    Effect.gen(function*() {
      const { control, shared } = yield* makeStore()
      const processes = yield* Effect.forEach(
        [0, 24 * hour, 17],
        (ahead) => makeProcess(shared, { halfOpenMaxCalls: probes, ahead })
      )
      yield* processes[0]!.fail
      for (const { state } of processes) yield* state
      processes[1]!.wall.step = -hour
      processes[2]!.wall.step = hour
      yield* adjust("1 second")
      control.latency = 5
      const call = counted(Effect.sleep("10 seconds"))
      const calls = yield* Effect.forEach(processes, ({ breaker, here }) =>
        Effect.forkChild(
          here(Effect.all(Array.from({ length: 100 }, () => Effect.exit(breaker.policy(call.run))), {
            concurrency: "unbounded"
          })),
          { startImmediately: true }
        ))
      yield* adjust("1 second")
      assert.strictEqual(call.count, probes)
      yield* adjust("10 seconds")
      const exits = (yield* Effect.forEach(calls, Fiber.join)).flat()
      assert.strictEqual(exits.filter(Exit.isSuccess).length, probes)
      for (const { here, breaker } of processes) {
        const state = yield* Effect.forkChild(here(breaker.state))
        yield* adjust(10)
        assert.strictEqual((yield* Fiber.join(state))._tag, "Closed")
      }
    })

  test("R12: of 300 callers in three processes exactly one is let through, whatever their clocks say", () =>
    letThrough(1))

  test("R12: of 300 callers in three processes exactly three are let through, where that many may probe", () =>
    letThrough(3))

  test("C1: 1,000 callers of one process ask the store a few times, not each for itself", () =>
    Effect.gen(function*() {
      const { control, shared } = yield* makeStore()
      const { breaker, fail, here } = yield* makeProcess(shared)
      yield* fail
      yield* adjust("1 second")
      control.latency = 5
      control.asked = 0
      const call = counted(Effect.sleep("1 second"))
      const calls = yield* Effect.forkChild(
        here(Effect.all(Array.from({ length: 1_000 }, () => Effect.exit(breaker.policy(call.run))), {
          concurrency: "unbounded"
        })),
        { startImmediately: true }
      )
      yield* adjust("500 millis")
      assert.strictEqual(call.count, 1)
      assert.isAtMost(control.asked, 3)
      yield* adjust("1 second")
      yield* Fiber.join(calls)
    }))

  test("B3: it refuses one millisecond before its time and admits at it, in every process", () =>
    Effect.gen(function*() {
      const { shared } = yield* makeStore()
      const [a, b] = [yield* makeProcess(shared), yield* makeProcess(shared, { ahead: 77 * hour })]
      yield* a.fail
      yield* adjust(999)
      assert.deepStrictEqual(yield* b.state, { _tag: "Open", openings: 1, retryAfter: Duration.millis(1) })
      for (const process of [a, b]) assert.instanceOf(yield* process.fail, CircuitOpen)
      yield* adjust(1)
      assert.strictEqual(yield* b.succeed, "ok")
    }))

  test("C7: an interrupted probe frees its slot for another process", () =>
    Effect.gen(function*() {
      const { shared } = yield* makeStore()
      const [a, b] = [yield* makeProcess(shared), yield* makeProcess(shared)]
      yield* a.fail
      yield* adjust("1 second")
      const probe = yield* a.begin
      assert.instanceOf(yield* b.fail, CircuitOpen)
      yield* Fiber.interrupt(probe.fiber)
      yield* adjust(101)
      assert.strictEqual(yield* b.succeed, "ok")
    }))

  test("C7 and L1: a caller that goes while the store is asked gives the probe back, and does not wait for the answer", () =>
    Effect.gen(function*() {
      const { control, shared } = yield* makeStore()
      const [a, b] = [yield* makeProcess(shared), yield* makeProcess(shared)]
      yield* a.fail
      yield* adjust("1 second")
      control.answerLatency = 50
      const call = counted(Effect.void)
      const caller = yield* Effect.forkChild(a.here(a.breaker.policy(call.run)), { startImmediately: true })
      yield* settled
      yield* adjust(25)
      yield* Fiber.interrupt(caller)
      yield* adjust(25)
      control.answerLatency = 0
      yield* adjust(50)
      assert.deepStrictEqual(yield* b.state, { _tag: "HalfOpen", openings: 1, probing: 0 })
      assert.strictEqual(yield* b.succeed, "ok")
      assert.strictEqual(call.count, 0)
    }))

  const lapsed = (late: "fail" | "succeed") =>
    Effect.gen(function*() {
      const { shared } = yield* makeStore()
      const options = { halfOpenTimeout: "5 seconds" } as const
      const [a, b] = [yield* makeProcess(shared, options), yield* makeProcess(shared, options)]
      yield* a.fail
      yield* adjust("1 second")
      const lost = yield* a.begin
      yield* adjust(4_999)
      assert.instanceOf(yield* b.fail, CircuitOpen)
      yield* adjust(1)
      const probe = yield* b.begin
      yield* lost[late]
      assert.deepStrictEqual(yield* a.state, { _tag: "HalfOpen", openings: 1, probing: 1 })
      yield* probe.succeed
      assert.strictEqual(yield* a.stateTag, "Closed")
    })

  test("D7: a probe whose process does not answer lapses; when it succeeds at last, that is ignored", () =>
    lapsed("succeed"))

  test("D7: a probe whose process does not answer lapses; when it fails at last, that is ignored", () => lapsed("fail"))

  test("D1 and D2: answers to calls from before it opened change nothing, whichever process they are of", () =>
    Effect.gen(function*() {
      const { shared } = yield* makeStore()
      const [a, b] = [yield* makeProcess(shared), yield* makeProcess(shared)]
      const [early, late] = [yield* b.begin, yield* b.begin]
      yield* a.fail
      yield* early.succeed
      assert.strictEqual(yield* b.stateTag, "Open")
      yield* adjust("1 second")
      yield* a.begin
      yield* late.fail
      assert.deepStrictEqual(yield* b.state, { _tag: "HalfOpen", openings: 1, probing: 1 })
    }))

  test("C15: a process that starts finds an open circuit open, and a half-open one with the probe of another", () =>
    Effect.gen(function*() {
      const { shared } = yield* makeStore()
      const a = yield* makeProcess(shared)
      yield* a.fail
      const b = yield* makeProcess(shared, { ahead: hour })
      assert.instanceOf(yield* b.fail, CircuitOpen)
      assert.deepStrictEqual(b.moves(), [], "it has seen no other state")
      yield* adjust("1 second")
      yield* a.begin
      const c = yield* makeProcess(shared)
      assert.instanceOf(yield* c.fail, CircuitOpen)
      yield* adjust("30 seconds")
      assert.strictEqual(yield* c.succeed, "ok")
    }))
})

describe("CircuitBreaker, shared, by hand", () => {
  test("E1 and E4: isolated by one process, it refuses in all, until any of them resets it", () =>
    Effect.gen(function*() {
      const { shared } = yield* makeStore()
      const [a, b] = [yield* makeProcess(shared), yield* makeProcess(shared)]
      const early = yield* b.begin
      yield* a.here(a.breaker.isolate)
      yield* adjust("1 hour")
      assert.deepStrictEqual(yield* b.fail, new CircuitOpen({ isolated: true, retryAfter: undefined }))
      yield* early.fail
      yield* b.here(b.breaker.reset)
      yield* adjust(101)
      assert.strictEqual(yield* a.succeed, "ok")
      yield* adjust(101)
      assert.strictEqual(yield* a.succeed, "ok")
    }))

  test("A22: disabled or observed by one process, it refuses in none", () =>
    Effect.gen(function*() {
      const { shared } = yield* makeStore()
      const [a, b] = [yield* makeProcess(shared), yield* makeProcess(shared)]
      yield* a.here(a.breaker.disable)
      yield* adjust("1 minute")
      for (let i = 0; i < 3; i++) assert.instanceOf(yield* b.fail, Boom)
      assert.strictEqual(yield* b.stateTag, "Disabled")
      yield* b.here(b.breaker.observe)
      yield* adjust("1 minute")
      for (let i = 0; i < 3; i++) assert.instanceOf(yield* a.fail, Boom)
      assert.deepStrictEqual(yield* b.state, { _tag: "MetricsOnly", openings: 1, wouldOpen: 1 })
      assert.strictEqual(a.moves().at(-1), "MetricsOnly → MetricsOnly: ConsecutiveFailures")
    }))

  test("a mode that a process is started with is that of all", () =>
    Effect.gen(function*() {
      const { shared } = yield* makeStore()
      const a = yield* makeProcess(shared)
      yield* makeProcess(shared, { mode: "disabled" })
      assert.strictEqual(yield* a.stateTag, "Disabled")
      assert.deepStrictEqual(a.moves(), ["Closed → Disabled: Configured"])
    }))

  test("E9: a snapshot is restored for all", () =>
    Effect.gen(function*() {
      const { shared } = yield* makeStore()
      const [a, b] = [yield* makeProcess(shared), yield* makeProcess(shared, { ahead: hour })]
      yield* a.fail
      yield* adjust(400)
      const snapshot = yield* b.here(b.breaker.snapshot)
      yield* a.here(a.breaker.reset)
      yield* b.here(b.breaker.restore(snapshot))
      assert.deepStrictEqual(yield* a.state, { _tag: "Open", openings: 1, retryAfter: Duration.millis(600) })
    }))

  test("E10: a failing check of one process opens it for all, and its success lets anyone probe", () =>
    Effect.gen(function*() {
      const { shared } = yield* makeStore()
      const [a, b] = [
        yield* makeProcess(shared, { resetTimeout: "5 minutes" }),
        yield* makeProcess(shared, { resetTimeout: "5 minutes" })
      ]
      let healthy = false
      const check = Effect.suspend(() => healthy ? Effect.void : boom)
      yield* a.here(a.breaker.watch(check, { interval: "1 minute" }))
      yield* adjust(0)
      yield* adjust("10 seconds")
      assert.instanceOf(yield* b.fail, CircuitOpen)
      healthy = true
      yield* adjust("1 minute")
      assert.strictEqual(yield* b.succeed, "ok")
    }))
})

describe("CircuitBreaker, shared, its cost", () => {
  test("while all is well the store is asked ten times a second, not for each call, and is told nothing", () =>
    Effect.gen(function*() {
      const { control, shared } = yield* makeStore()
      const { succeed } = yield* makeProcess(shared)
      control.asked = 0
      for (let second = 0; second < 3; second++) {
        for (let i = 0; i < 100; i++) {
          yield* succeed
          yield* adjust(10)
        }
      }
      assert.isAtMost(control.asked, 30)
      assert.isAtLeast(control.asked, 20)
    }))

  test("a call does not wait for the store, however slow it is, and only one question is under way", () =>
    Effect.gen(function*() {
      const { control, shared } = yield* makeStore()
      const failureRate = { threshold: 1, window: "1 hour", minimumCalls: 1 } as const
      const { fail, succeed } = yield* makeProcess(shared, { failureRate })
      yield* succeed
      control.latency = 1_000
      control.asked = 0
      yield* adjust(500)
      for (let i = 0; i < 50; i++) {
        yield* succeed
        assert.instanceOf(yield* fail, Boom)
      }
      assert.strictEqual(control.asked, 1)
      yield* adjust(1_000)
      assert.strictEqual(control.asked, 2)
      yield* adjust(1_000)
    }))

  for (const [age, seen] of [[1_000, "Boom"], [1_001, "CircuitOpen"]] as const) {
    test(`what it knows is trusted for a second: a call after ${age} milliseconds ends with ${seen}`, () =>
      Effect.gen(function*() {
        const { control, shared } = yield* makeStore()
        const [a, b] = [yield* makeProcess(shared), yield* makeProcess(shared)]
        yield* a.here(a.breaker.isolate)
        control.latency = 10
        yield* adjust(age)
        const call = yield* Effect.forkChild(b.fail, { startImmediately: true })
        yield* adjust(10)
        assert.strictEqual((yield* Fiber.join(call))._tag, seen)
        assert.strictEqual(b.moves().at(-1), "Closed → Isolated: Isolated", "it knows now")
        yield* adjust(10)
      }))
  }
})

describe("CircuitBreaker, shared, without the store", () => {
  test("R11: local: each process goes on alone, and takes the store's state when it is back", () =>
    Effect.gen(function*() {
      const { control, shared } = yield* makeStore("local")
      const [a, b] = [yield* makeProcess(shared, { ahead: hour }), yield* makeProcess(shared)]
      control.gone = true
      yield* adjust(101)
      assert.strictEqual(yield* a.succeed, "ok")
      assert.instanceOf(yield* a.fail, Boom)
      assert.instanceOf(yield* a.fail, CircuitOpen)
      assert.strictEqual(yield* b.succeed, "ok")
      yield* adjust("1 second")
      assert.strictEqual(yield* a.succeed, "ok", "its own probe")
      assert.strictEqual(yield* a.stateTag, "Closed")
      yield* a.fail
      control.gone = false
      yield* adjust("990 millis")
      assert.instanceOf(yield* a.fail, CircuitOpen, "it is not asked before retryAfter")
      yield* adjust(10)
      yield* a.succeed
      assert.strictEqual(yield* a.stateTag, "Closed", "the store knows of no failure")
      assert.deepStrictEqual(a.moves(), [
        "Closed → Open: ConsecutiveFailures",
        "Open → HalfOpen: ResetTimeoutElapsed",
        "HalfOpen → Closed: ProbesSucceeded",
        "Closed → Open: ConsecutiveFailures",
        "Open → Closed: Begun"
      ])
    }))

  test("R11: refuse: every call is refused while the store is gone, and told when it is asked again", () =>
    Effect.gen(function*() {
      const { control, shared } = yield* makeStore("refuse")
      const { breaker, fail, succeed } = yield* makeProcess(shared)
      control.gone = true
      yield* adjust(5_001)
      const refusal = (millis: number) => new CircuitOpen({ isolated: false, retryAfter: Duration.millis(millis) })
      assert.deepStrictEqual(yield* fail, refusal(1_000))
      yield* adjust(400)
      assert.deepStrictEqual(yield* fail, refusal(600))
      const checked = breaker.check.admit(5_401)
      assert.strictEqual(typeof checked !== "number" && checked._tag === "Refusal" && checked.retryAfter, 600)
      yield* adjust(600)
      assert.deepStrictEqual(yield* fail, refusal(1_000), "it was asked again")
      control.gone = false
      yield* adjust("1 second")
      assert.strictEqual(yield* succeed, "ok")
    }))

  test("R11: a process that starts without the store starts alone", () =>
    Effect.gen(function*() {
      const { control, shared } = yield* makeStore("local")
      control.gone = true
      const { fail, stateTag } = yield* makeProcess(shared)
      yield* fail
      assert.strictEqual(yield* stateTag, "Open")
    }))

  test("a call that asked when the store was lost counts here as any other", () =>
    Effect.gen(function*() {
      const { control, shared } = yield* makeStore("local")
      const { begin, stateTag } = yield* makeProcess(shared)
      yield* adjust("2 seconds")
      control.gone = true
      const call = yield* begin
      yield* call.fail
      assert.strictEqual(yield* stateTag, "Open")
    }))

  test("a success behind a failure that the store does not know yet ends its streak", () =>
    Effect.gen(function*() {
      const { control, shared } = yield* makeStore()
      const { fail, state, succeed } = yield* makeProcess(shared, { failureThreshold: 2 })
      control.latency = 50
      yield* adjust(101)
      yield* succeed
      yield* adjust(25)
      yield* fail
      yield* adjust(30)
      yield* succeed
      yield* fail
      yield* adjust(500)
      control.latency = 0
      assert.strictEqual((yield* state)._tag, "Closed")
    }))

  test("a failure that the store did not get to know counts here", () =>
    Effect.gen(function*() {
      const { control, shared } = yield* makeStore("local")
      const { begin, stateTag } = yield* makeProcess(shared)
      const call = yield* begin
      control.gone = true
      yield* call.fail
      assert.strictEqual(yield* stateTag, "Open")
    }))

  test("D7: a probe of this process alone says nothing of one that the store has admitted since", () =>
    Effect.gen(function*() {
      const { control, shared } = yield* makeStore("local")
      const [a, b] = [yield* makeProcess(shared), yield* makeProcess(shared)]
      yield* a.fail
      control.gone = true
      yield* adjust("1 second")
      const alone = yield* a.begin
      control.gone = false
      yield* adjust("1 second")
      yield* b.begin
      yield* a.fail
      yield* alone.succeed
      assert.deepStrictEqual(yield* b.state, { _tag: "HalfOpen", openings: 1, probing: 1 })
    }))

  test("an operator's word counts here at once, and for all when the store is back, though no call is made", () =>
    Effect.gen(function*() {
      const { control, shared } = yield* makeStore("local")
      const [a, b] = [yield* makeProcess(shared), yield* makeProcess(shared)]
      control.gone = true
      yield* a.here(a.breaker.isolate)
      assert.instanceOf(yield* a.fail, CircuitOpen)
      yield* a.here(a.breaker.disable)
      yield* a.here(a.breaker.isolate)
      yield* adjust("3 seconds")
      control.gone = false
      yield* adjust("1 second")
      assert.strictEqual(yield* b.stateTag, "Isolated")
    }))

  test("a store that has lost everything starts anew; calls from before count nowhere", () =>
    Effect.gen(function*() {
      const { shared } = yield* makeStore()
      const { begin, fail, here, breaker, stateTag } = yield* makeProcess(shared)
      const early = yield* begin
      yield* shared.remove("circuit/1/test")
      yield* adjust(101)
      yield* here(breaker.state)
      yield* early.fail
      assert.strictEqual(yield* stateTag, "Closed")
      yield* fail
    }))

  test("R12: a store whose clock goes back an hour extends nothing; one that goes forward ends the time early", () =>
    Effect.gen(function*() {
      const { control, shared } = yield* makeStore()
      const options = { failureRate: { threshold: 1, window: "10 seconds", minimumCalls: 2 } } as const
      const { fail, state, stateTag, succeed } = yield* makeProcess(shared, { ...options, failureThreshold: false })
      yield* fail
      control.ahead -= hour
      yield* adjust("10 seconds")
      yield* fail
      assert.strictEqual(yield* stateTag, "Closed")
      yield* fail
      control.ahead -= hour
      assert.deepStrictEqual(yield* state, { _tag: "Open", openings: 1, retryAfter: Duration.seconds(1) })
      yield* adjust("1 second")
      assert.strictEqual(yield* succeed, "ok")
      yield* fail
      yield* fail
      control.ahead += hour
      yield* adjust(101)
      yield* Effect.exit(succeed)
      assert.strictEqual(yield* succeed, "ok")
    }))

  test("L4: the end of its scope ends what it asks; whoever waits goes on alone", () =>
    Effect.gen(function*() {
      const { control, shared } = yield* makeStore()
      const scope = yield* Scope.make()
      const { breaker, fail, here } = yield* Scope.provide(makeProcess(shared), scope)
      yield* fail
      yield* adjust("1 second")
      control.latency = hour
      const probe = yield* Effect.forkChild(here(breaker.policy(Effect.succeed("ok"))), { startImmediately: true })
      const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void))
      yield* adjust("1 second")
      assert.isDefined(closing.pollUnsafe())
      assert.strictEqual(yield* Fiber.join(probe), "ok")
      control.asked = 0
      yield* adjust("1 minute")
      assert.strictEqual(yield* here(breaker.policy(Effect.succeed("ok"))), "ok")
      assert.strictEqual(control.asked, 0)
    }))

  test("L4: what another breaker of the name has to tell is told, though it waits for the one that ends", () =>
    Effect.gen(function*() {
      const { control, shared } = yield* makeStore()
      const scope = yield* Scope.make()
      const ending = yield* Scope.provide(makeProcess(shared), scope)
      const staying = yield* ending.here(CircuitBreaker.make({ name: "test" }))
      const other = yield* makeProcess(shared)
      control.latency = 1_000
      yield* Effect.forkChild(ending.here(ending.breaker.observe), { startImmediately: true })
      yield* Effect.forkChild(ending.here(staying.isolate), { startImmediately: true })
      yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
      control.latency = 0
      yield* adjust("1 second")
      assert.strictEqual(yield* other.stateTag, "Isolated")
    }))

  test("a defect of the store leaves nobody waiting", () =>
    Effect.gen(function*() {
      const { shared } = yield* makeStore()
      const broken = { ...shared, modify: () => Effect.die("bug") }
      const { fail, stateTag } = yield* makeProcess(broken)
      assert.instanceOf(yield* fail, Boom)
      assert.strictEqual(yield* stateTag, "Open")
    }))
})

describe("CircuitBreaker, shared and keyed", () => {
  test("E11: the same key is the same circuit in every process; one that was forgotten here is known there", () =>
    Effect.gen(function*() {
      const { shared } = yield* makeStore()
      const keyed = { name: "tenants", failureThreshold: 1, resetTimeout: "1 hour", maxKeys: 1 } as const
      const [a, b] = [yield* makeProcess(shared), yield* makeProcess(shared, { ahead: hour })]
      const [ours, theirs] = [
        yield* a.here(CircuitBreaker.makeKeyed(keyed)),
        yield* b.here(CircuitBreaker.makeKeyed(keyed))
      ]
      yield* a.here(actions(ours.get("eu")).fail)
      assert.instanceOf(yield* b.here(actions(theirs.get("eu")).fail), CircuitOpen)
      assert.strictEqual(yield* b.here(actions(theirs.get("us")).succeed), "ok")
      assert.strictEqual(yield* a.here(actions(ours.get("us")).succeed), "ok")
      assert.deepStrictEqual([yield* ours.size, yield* theirs.size], [1, 1])
      assert.instanceOf(yield* a.here(actions(ours.get("eu")).fail), CircuitOpen)
    }))

  test("a mode is that of every key, also of one that only the store remembers", () =>
    Effect.gen(function*() {
      const { shared } = yield* makeStore()
      const keyed = { name: "tenants", failureThreshold: 1, resetTimeout: "1 hour" } as const
      const [a, b] = [yield* makeProcess(shared), yield* makeProcess(shared)]
      const ours = yield* a.here(CircuitBreaker.makeKeyed(keyed))
      yield* a.here(actions(ours.get("eu")).fail)
      const theirs = yield* b.here(CircuitBreaker.makeKeyed({ ...keyed, mode: "disabled" }))
      assert.instanceOf(yield* b.here(actions(theirs.get("eu")).fail), Boom)
      assert.strictEqual(yield* a.here(actions(ours.get("eu")).stateTag), "Disabled")
    }))

  test("Effect's service is over shared circuits as well; a refused or interrupted question is no use", () =>
    Effect.gen(function*() {
      const { control, shared } = yield* makeStore()
      const keyed = { name: "hosts", failureThreshold: 1, resetTimeout: "1 second", maxKeys: 1 } as const
      const [a, b] = [yield* makeProcess(shared), yield* makeProcess(shared)]
      const breakers = yield* a.here(CircuitBreaker.makeKeyed(keyed))
      const ours = EffectCircuitBreaker.fromKeyed(breakers)
      const theirs = EffectCircuitBreaker.fromKeyed(yield* b.here(CircuitBreaker.makeKeyed(keyed)))
      yield* a.here(Effect.exit(ours.execute(boom, { key: "x" })))
      const rejected = yield* b.here(Effect.flip(theirs.execute(boom, { key: "x" })))
      assert.strictEqual(rejected._tag === "CircuitBreakerError" && rejected.reason._tag, "CircuitOpen")
      yield* adjust("1 second")
      control.latency = 10
      const caller = yield* Effect.forkChild(a.here(ours.execute(Effect.void, { key: "x" })), {
        startImmediately: true
      })
      yield* Fiber.interrupt(caller)
      yield* adjust(100)
      control.latency = 0
      yield* b.here(theirs.execute(Effect.void, { key: "x" }))
      yield* a.here(ours.execute(Effect.void, { key: "y" }))
      assert.strictEqual(yield* breakers.size, 1, "x is not in use any more")
    }))
})
