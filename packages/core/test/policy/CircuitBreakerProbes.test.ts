import { assert, describe } from "@effect/vitest"
import { Deferred, Duration, Effect, Fiber, Schema, Stream } from "effect"
import { CircuitOpen } from "../../src/IntegrationError.ts"
import * as Outcome from "../../src/Outcome.ts"
import * as Policy from "../../src/Policy.ts"
import * as CircuitBreaker from "../../src/policy/CircuitBreaker.ts"
import * as Stores from "../../src/Stores.ts"
import { makeBreaker } from "./circuits.ts"
import { adjust, Boom, boom, counted, test } from "./fixtures.ts"

const broken = () => {
  throw new Error("bug")
}

const tooMany = () => Outcome.fromStatus(429, 60_000)

describe("CircuitBreaker, half-open", () => {
  const letThrough = (probes: number) =>
    Effect.gen(function*() {
      const { breaker, due } = yield* makeBreaker({ halfOpenMaxCalls: probes })
      yield* due
      const call = counted(Effect.sleep("1 second"))
      const calls = yield* Effect.forkChild(
        Effect.all(Array.from({ length: 1_000 }, () => Effect.exit(breaker.policy(call.run))), {
          concurrency: "unbounded"
        })
      )
      yield* adjust(0)
      assert.strictEqual(call.count, probes)
      yield* adjust("1 second")
      const exits = yield* Fiber.join(calls)
      assert.strictEqual(exits.filter((exit) => exit._tag === "Success").length, probes)
    })

  test("C1: exactly one of 1,000 concurrent callers is let through", () => letThrough(1))

  test("C1: exactly three of 1,000 concurrent callers are let through, where that many may probe", () => letThrough(3))

  test("C2: the others are refused while a probe runs; nobody knows until when", () =>
    Effect.gen(function*() {
      const { begin, due, fail } = yield* makeBreaker()
      yield* due
      yield* begin
      const refused = yield* fail
      assert.deepStrictEqual(refused, new CircuitOpen({ isolated: false, retryAfter: undefined }))
      assert.deepStrictEqual(
        Outcome.fromReason(new CircuitOpen({ isolated: false, retryAfter: undefined })),
        Outcome.refused(undefined)
      )
    }))

  test("C2: a check says what the gate would say, and takes no slot", () =>
    Effect.gen(function*() {
      const { begin, breaker, fail } = yield* makeBreaker()
      const check = (now: number) => {
        const admission = breaker.check.admit(now)
        return typeof admission === "number" ? "go" : admission._tag === "Refusal" ? admission.retryAfter : admission
      }
      assert.strictEqual(check(0), "go")
      yield* fail
      assert.strictEqual(check(400), 600)
      assert.deepStrictEqual([check(1_000), check(1_000)], ["go", "go"])
      assert.strictEqual((yield* breaker.state)._tag, "Open")
      yield* adjust("1 second")
      const probe = yield* begin
      assert.isUndefined(check(1_000))
      yield* Fiber.interrupt(probe.fiber)
      assert.strictEqual(check(1_000), "go")
      yield* breaker.isolate
      assert.isUndefined(check(1_000))
    }))

  test("C5: by default one failed probe of many opens again at once", () =>
    Effect.gen(function*() {
      const { begin, due, stateTag } = yield* makeBreaker({ halfOpenMaxCalls: 3 })
      yield* due
      const [first, second] = [yield* begin, yield* begin]
      yield* first.succeed
      assert.strictEqual(yield* stateTag, "HalfOpen")
      yield* second.fail
      assert.strictEqual(yield* stateTag, "Open")
    }))

  test("C5: with 2 of 4, the second success closes although two probes have failed", () =>
    Effect.gen(function*() {
      const { begin, due, stateTag } = yield* makeBreaker({ halfOpenMaxCalls: 4, successThreshold: 2 })
      yield* due
      const probes = yield* Effect.replicateEffect(begin, 4)
      yield* probes[0]!.fail
      yield* probes[1]!.fail
      yield* probes[2]!.succeed
      assert.strictEqual(yield* stateTag, "HalfOpen")
      yield* probes[3]!.succeed
      assert.strictEqual(yield* stateTag, "Closed")
    }))

  test("C5: with 2 of 4, the decision comes early when it is certain", () =>
    Effect.gen(function*() {
      const { begin, due, stateTag } = yield* makeBreaker({ halfOpenMaxCalls: 4, successThreshold: 2 })
      yield* due
      const closing = yield* Effect.replicateEffect(begin, 4)
      yield* closing[0]!.succeed
      yield* closing[1]!.succeed
      assert.strictEqual(yield* stateTag, "Closed")
      yield* adjust("1 second")
      yield* due
      const opening = yield* Effect.replicateEffect(begin, 4)
      yield* opening[0]!.fail
      yield* opening[1]!.fail
      assert.strictEqual(yield* stateTag, "HalfOpen")
      yield* opening[2]!.fail
      assert.strictEqual(yield* stateTag, "Open")
    }))

  test("C5: no more probes than halfOpenMaxCalls are let through, one after the other either", () =>
    Effect.gen(function*() {
      const { due, fail, succeed, stateTag } = yield* makeBreaker({ halfOpenMaxCalls: 2, successThreshold: 1 })
      yield* due
      assert.instanceOf(yield* fail, Boom)
      assert.strictEqual(yield* stateTag, "HalfOpen")
      assert.strictEqual(yield* succeed, "ok")
      assert.strictEqual(yield* stateTag, "Closed")
    }))

  test("C6: the minimum of calls does not apply to probes", () =>
    Effect.gen(function*() {
      const { fail, stateTag } = yield* makeBreaker({
        failureThreshold: false,
        failureRate: { threshold: 0.5, window: "10 seconds", minimumCalls: 10 }
      })
      yield* Effect.replicateEffect(fail, 10)
      yield* adjust("1 second")
      yield* fail
      assert.strictEqual(yield* stateTag, "Open")
    }))

  test("C7: an interrupted probe frees its slot, decides nothing, and the next caller probes", () =>
    Effect.gen(function*() {
      const { begin, due, fail, stateTag, succeed } = yield* makeBreaker()
      yield* due
      const probe = yield* begin
      assert.instanceOf(yield* fail, CircuitOpen)
      yield* Fiber.interrupt(probe.fiber)
      assert.strictEqual(yield* stateTag, "HalfOpen")
      yield* succeed
      assert.strictEqual(yield* stateTag, "Closed")
    }))

  test("C8: a neutral probe frees its slot and decides nothing", () =>
    Effect.gen(function*() {
      const { breaker, due, stateTag, succeed } = yield* makeBreaker()
      yield* due
      const neutral = Policy.fromGate(breaker.gate, { classify: () => Outcome.neutral })
      yield* neutral(Effect.void)
      yield* Effect.flip(neutral(boom))
      assert.strictEqual(yield* stateTag, "HalfOpen")
      yield* succeed
      assert.strictEqual(yield* stateTag, "Closed")
    }))

  const givenUp = (late: "fail" | "succeed") =>
    Effect.gen(function*() {
      const { begin, breaker, due, fail } = yield* makeBreaker({ halfOpenTimeout: "5 seconds" })
      yield* due
      const hung = yield* begin
      yield* adjust(4_999)
      assert.instanceOf(yield* fail, CircuitOpen)
      yield* adjust(1)
      const second = yield* begin
      yield* hung[late]
      assert.deepStrictEqual(yield* breaker.state, { _tag: "HalfOpen", openings: 1, probing: 1 })
      yield* second.succeed
      assert.deepStrictEqual(yield* breaker.state, { _tag: "Closed", openings: 1 })
    })

  test("C9: a probe without an answer is given up for another; when it succeeds, that is ignored", () =>
    givenUp("succeed"))

  test("C9 and D7: a probe without an answer is given up for another; when it fails, that is ignored", () =>
    givenUp("fail"))

  test("C10: a slow but healthy probe closes, even after its time if nobody has taken its place", () =>
    Effect.gen(function*() {
      const { begin, due, stateTag } = yield* makeBreaker({ halfOpenTimeout: "5 seconds" })
      yield* due
      const probe = yield* begin
      yield* adjust("1 minute")
      yield* probe.succeed
      assert.strictEqual(yield* stateTag, "Closed")
    }))

  test("C11: a defect in a probe opens again", () =>
    Effect.gen(function*() {
      const { breaker, due, stateTag } = yield* makeBreaker()
      yield* due
      yield* Effect.exit(breaker.policy(Effect.die("bug")))
      assert.strictEqual(yield* stateTag, "Open")
    }))

  test("C11: a classifier that throws frees the slot", () =>
    Effect.gen(function*() {
      const { breaker, due, stateTag, succeed } = yield* makeBreaker()
      yield* due
      const exit = yield* Effect.exit(Policy.fromGate(breaker.gate, { classify: broken })(Effect.void))
      assert.strictEqual(exit._tag, "Failure")
      yield* succeed
      assert.strictEqual(yield* stateTag, "Closed")
    }))

  test("C12: a 429 on the probe opens again, for as long as it asks", () =>
    Effect.gen(function*() {
      const { breaker, due } = yield* makeBreaker()
      yield* due
      yield* Effect.flip(Policy.fromGate(breaker.gate, { classify: tooMany })(boom))
      assert.deepStrictEqual(yield* breaker.state, { _tag: "Open", openings: 2, retryAfter: Duration.minutes(1) })
    }))
})

describe("CircuitBreaker, late answers", () => {
  test("D1: a success from before it opened does not close it, open or half-open", () =>
    Effect.gen(function*() {
      const { begin, due, fail, stateTag } = yield* makeBreaker()
      const [first, second] = [yield* begin, yield* begin]
      yield* fail
      yield* first.succeed
      assert.strictEqual(yield* stateTag, "Open")
      yield* adjust("1 second")
      yield* begin
      yield* second.succeed
      assert.strictEqual(yield* stateTag, "HalfOpen")
      void due
    }))

  test("D2: a failure from before it opened neither opens it again nor takes a probe's slot", () =>
    Effect.gen(function*() {
      const { begin, breaker, due } = yield* makeBreaker()
      const early = yield* begin
      yield* due
      const probe = yield* begin
      yield* early.fail
      assert.deepStrictEqual(yield* breaker.state, { _tag: "HalfOpen", openings: 1, probing: 1 })
      yield* probe.succeed
      assert.deepStrictEqual(yield* breaker.state, { _tag: "Closed", openings: 1 })
    }))

  test("D3: a failure that arrives while it is open neither extends the time nor makes an event", () =>
    Effect.gen(function*() {
      const { begin, breaker, fail, moves } = yield* makeBreaker()
      const early = yield* begin
      yield* fail
      yield* adjust(600)
      yield* early.fail
      assert.deepStrictEqual(yield* breaker.state, { _tag: "Open", openings: 1, retryAfter: Duration.millis(400) })
      assert.deepStrictEqual(moves(), ["Closed → Open"])
    }))

  test("D2: a failure from before it opened does not open a circuit that has closed since", () =>
    Effect.gen(function*() {
      const { begin, due, stateTag, succeed } = yield* makeBreaker()
      const early = yield* begin
      yield* due
      yield* succeed
      yield* early.fail
      assert.strictEqual(yield* stateTag, "Closed")
    }))

  test("D5: after a reset the answers of calls from before are ignored", () =>
    Effect.gen(function*() {
      const { begin, breaker, due, moves, stateTag } = yield* makeBreaker()
      const [closedEra, other] = [yield* begin, yield* begin]
      yield* breaker.reset
      yield* closedEra.fail
      assert.strictEqual(yield* stateTag, "Closed")
      yield* due
      const probe = yield* begin
      yield* breaker.reset
      yield* probe.fail
      yield* other.fail
      assert.strictEqual(yield* stateTag, "Closed")
      assert.deepStrictEqual(moves(), ["Closed → Open", "Open → HalfOpen", "HalfOpen → Closed"])
    }))
})

describe("CircuitBreaker, by hand", () => {
  test("E1: isolation holds past any time, and the refusal says so", () =>
    Effect.gen(function*() {
      const { breaker, fail, stateTag } = yield* makeBreaker()
      yield* breaker.isolate
      yield* adjust("365 days")
      const refused = yield* fail
      assert.deepStrictEqual(refused, new CircuitOpen({ isolated: true, retryAfter: undefined }))
      assert.strictEqual(yield* stateTag, "Isolated")
    }))

  test("E3: neither success nor failure of a running call ends isolation", () =>
    Effect.gen(function*() {
      const { begin, breaker, due, stateTag } = yield* makeBreaker()
      const early = yield* begin
      yield* due
      const probe = yield* begin
      yield* breaker.isolate
      yield* early.fail
      yield* probe.succeed
      assert.strictEqual(yield* stateTag, "Isolated")
    }))

  test("E4: a reset closes and forgets failures and openings", () =>
    Effect.gen(function*() {
      const { breaker, fail, stateTag } = yield* makeBreaker({ name: "grown", resetFactor: 2 })
      yield* fail
      yield* adjust("1 second")
      yield* fail
      yield* breaker.reset
      assert.deepStrictEqual(yield* breaker.state, { _tag: "Closed", openings: 0 })
      yield* fail
      assert.deepStrictEqual(yield* breaker.state, { _tag: "Open", openings: 1, retryAfter: Duration.seconds(1) })
      const streak = yield* makeBreaker({ name: "streak", failureThreshold: 2 })
      yield* streak.fail
      yield* streak.breaker.reset
      yield* streak.fail
      assert.strictEqual(yield* streak.stateTag, "Closed")
      assert.strictEqual(yield* stateTag, "Open")
    }))

  test("E5: any state can be left for isolation and for closed; staying is no event", () =>
    Effect.gen(function*() {
      const { begin, breaker, due, fail, moves } = yield* makeBreaker()
      yield* breaker.reset
      yield* breaker.isolate
      yield* breaker.isolate
      yield* breaker.reset
      yield* fail
      yield* breaker.isolate
      yield* breaker.reset
      yield* due
      yield* begin
      yield* breaker.isolate
      yield* breaker.reset
      yield* breaker.reset
      assert.deepStrictEqual(moves(), [
        "Closed → Isolated",
        "Isolated → Closed",
        "Closed → Open",
        "Open → Isolated",
        "Isolated → Closed",
        "Closed → Open",
        "Open → HalfOpen",
        "HalfOpen → Isolated",
        "Isolated → Closed"
      ])
    }))

  test("E6: isolation before the first call applies", () =>
    Effect.gen(function*() {
      const { breaker } = yield* makeBreaker()
      yield* breaker.isolate
      const call = counted(Effect.void)
      yield* Effect.flip(breaker.policy(call.run))
      assert.strictEqual(call.count, 0)
    }))

  test("E8: a listener that throws does not break the circuit", () =>
    Effect.gen(function*() {
      const { begin, due, stateTag, succeed, fail } = yield* makeBreaker({
        onTransition: () => {
          throw new Error("bug")
        }
      })
      assert.instanceOf(yield* fail, Boom)
      assert.strictEqual(yield* stateTag, "Open")
      yield* adjust("1 second")
      yield* Fiber.interrupt((yield* begin).fiber)
      yield* succeed
      assert.strictEqual(yield* stateTag, "Closed")
      void due
    }))

  test("E9: a breaker of the same name in the same stores goes on where the other was", () =>
    Effect.gen(function*() {
      const first = yield* makeBreaker()
      yield* first.fail
      yield* adjust(400)
      const second = yield* makeBreaker()
      assert.deepStrictEqual(yield* second.breaker.state, {
        _tag: "Open",
        openings: 1,
        retryAfter: Duration.millis(600)
      })
      yield* adjust(600)
      yield* first.begin
      assert.instanceOf(yield* second.fail, CircuitOpen)
      assert.deepStrictEqual(second.moves(), [])
    }))

  test("E9 and C15: it goes on from a snapshot: closed, open with the time left, half-open due, isolated", () =>
    Effect.gen(function*() {
      const before = yield* makeBreaker({ name: "before", resetFactor: 2 })
      const kept: Record<string, CircuitBreaker.Snapshot> = {}
      const keep = (name: string) => Effect.map(before.breaker.snapshot, (snapshot) => void (kept[name] = snapshot))
      yield* before.fail
      yield* adjust(400)
      yield* keep("open")
      yield* adjust(600)
      yield* before.begin
      yield* keep("half-open")
      yield* before.breaker.isolate
      yield* keep("isolated")
      const after = Effect.fnUntraced(function*(name: string) {
        const json = yield* Schema.encodeEffect(CircuitBreaker.Snapshot)(kept[name]!)
        const restarted = yield* makeBreaker({ name: `after ${name}`, resetFactor: 2 })
        yield* restarted.breaker.restore(yield* Schema.decodeEffect(CircuitBreaker.Snapshot)(json))
        return restarted
      })
      const open = yield* after("open")
      assert.deepStrictEqual(yield* open.breaker.state, { _tag: "Open", openings: 1, retryAfter: Duration.millis(600) })
      assert.deepStrictEqual(open.moves(), ["Closed → Open"])
      const due = yield* after("half-open")
      assert.deepStrictEqual(yield* due.breaker.state, { _tag: "Open", openings: 1, retryAfter: Duration.zero })
      assert.instanceOf(yield* due.fail, Boom)
      assert.deepStrictEqual(yield* due.breaker.state, { _tag: "Open", openings: 2, retryAfter: Duration.seconds(2) })
      const isolated = yield* after("isolated")
      assert.deepStrictEqual(yield* isolated.fail, new CircuitOpen({ isolated: true, retryAfter: undefined }))
    }))

  test("E9: closed, it still remembers its openings until it has been closed for as long as it was open", () =>
    Effect.gen(function*() {
      const before = yield* makeBreaker({ name: "before", resetFactor: 2 })
      yield* before.due
      yield* before.succeed
      yield* adjust(600)
      const snapshot = yield* before.breaker.snapshot
      for (const [wait, openFor] of [[399, 2_000], [400, 1_000]] as const) {
        const after = yield* makeBreaker({ name: `after ${wait}`, resetFactor: 2 })
        yield* after.breaker.restore(snapshot)
        yield* adjust(wait)
        yield* after.fail
        const state = yield* after.breaker.state
        assert.deepStrictEqual(state._tag === "Open" && Duration.toMillis(state.retryAfter), openFor)
      }
    }))

  test("D5: after a restore the answers of calls from before are ignored", () =>
    Effect.gen(function*() {
      const { begin, breaker, stateTag } = yield* makeBreaker()
      const early = yield* begin
      yield* breaker.restore(yield* breaker.snapshot)
      yield* early.fail
      assert.strictEqual(yield* stateTag, "Closed")
    }))

  test("E11: the same name is the same circuit, another name is not", () =>
    Effect.gen(function*() {
      const [one, same, other] = [yield* makeBreaker(), yield* makeBreaker(), yield* makeBreaker({ name: "other" })]
      yield* one.fail
      assert.instanceOf(yield* same.fail, CircuitOpen)
      assert.strictEqual(yield* other.succeed, "ok")
    }))
})

describe("CircuitBreaker, changes", () => {
  test("every subscriber sees every transition of the circuit, whichever breaker caused it", () =>
    Effect.gen(function*() {
      const [one, same] = [yield* makeBreaker(), yield* makeBreaker()]
      const seen = yield* Effect.forkChild(
        one.breaker.changes.pipe(Stream.take(3), Stream.map(({ cause }) => cause), Stream.runCollect),
        { startImmediately: true }
      )
      yield* adjust(0)
      yield* same.due
      yield* same.succeed
      assert.deepStrictEqual(yield* Fiber.join(seen), ["ConsecutiveFailures", "ResetTimeoutElapsed", "ProbesSucceeded"])
    }))

  test("L4: a subscription that has ended leaves nothing behind", () =>
    Effect.gen(function*() {
      const { breaker } = yield* makeBreaker()
      const stores = yield* Stores.Stores
      const { ref } = yield* stores.state("circuit/test/listeners", () => new Set<unknown>())
      const seen = yield* Effect.forkChild(Stream.runDrain(breaker.changes), { startImmediately: true })
      yield* adjust(0)
      assert.strictEqual(ref.current.size, 1)
      yield* Fiber.interrupt(seen)
      assert.strictEqual(ref.current.size, 0)
    }))

  test("a slow subscriber loses the oldest transitions and holds up nobody", () =>
    Effect.gen(function*() {
      const { breaker } = yield* makeBreaker()
      const release = yield* Deferred.make<void>()
      const seen: Array<string> = []
      const reader = yield* Effect.forkChild(
        breaker.changes.pipe(
          Stream.rechunk(1),
          Stream.runForEach(({ cause }) => Effect.andThen(Deferred.await(release), Effect.sync(() => seen.push(cause))))
        ),
        { startImmediately: true }
      )
      yield* adjust(0)
      yield* Effect.replicateEffect(Effect.andThen(breaker.isolate, breaker.reset), 500)
      yield* breaker.isolate
      yield* Deferred.succeed(release, undefined)
      yield* adjust(0)
      assert.isBelow(seen.length, 300)
      assert.strictEqual(seen.at(-1), "Isolated")
      yield* Fiber.interrupt(reader)
    }))
})
