import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scheduler } from "effect"
import { TestClock } from "effect/testing"
import { BulkheadFull } from "../src/IntegrationError.ts"
import * as Outcome from "../src/Outcome.ts"
import * as Policy from "../src/Policy.ts"

type Admission = Policy.Admission<BulkheadFull>
const full = new BulkheadFull({ limit: 1 })

/** A gate that answers as told and notes what it hears. */
const gateOf = (admission: Admission | (() => Admission)) => {
  const settled: Array<[ticket: number, outcome: Outcome.Outcome["_tag"], now: number]> = []
  const asked: Array<number> = []
  const gate: Policy.Gate<BulkheadFull> = {
    admit: (now) => {
      asked.push(now)
      return typeof admission === "function" ? admission() : admission
    },
    settle: (ticket, outcome, now) => void settled.push([ticket, outcome._tag, now])
  }
  return { asked, gate, policy: Policy.fromGate(gate), settled }
}
const refusal: Policy.Refusal<BulkheadFull> = { _tag: "Refusal", retryAfter: undefined, reason: () => full }
const wait = (millis: number): Policy.Wait => ({ _tag: "Wait", ticket: 7, millis })

const ask = (answer: number | Policy.Refusal<BulkheadFull> | Policy.Wait) =>
  gateOf({ _tag: "Ask", answer: Effect.delay(Effect.succeed(answer), 10) })

describe("Policy.fromGate", () => {
  it.effect("A16, L1: a call is settled once, however it ends", () =>
    Effect.gen(function*() {
      const { policy, settled } = gateOf(7)
      const ends = [
        Effect.succeed("ok"),
        Effect.fail("no"),
        Effect.die("bug"),
        Effect.interrupt,
        Effect.sync(() => {
          throw new Error("bug")
        })
      ]
      for (const end of ends) yield* Effect.exit(policy<unknown, unknown, never>(end))
      assert.deepStrictEqual(settled.map(([, outcome]) => outcome), [
        "Success",
        "Failure",
        "Failure",
        "Neutral",
        "Failure"
      ])
    }))

  it.effect("the exit passes through unchanged", () =>
    Effect.gen(function*() {
      const { policy } = gateOf(7)
      assert.deepStrictEqual(yield* Effect.exit(policy(Effect.succeed(1))), Exit.succeed(1))
      assert.deepStrictEqual(yield* Effect.exit(policy(Effect.fail("no"))), Exit.fail("no"))
      assert.deepStrictEqual(yield* Effect.exit(policy(Effect.die("bug"))), Exit.die("bug"))
    }))

  it.effect("B1: a refused call is not started, fails with the reason, and is not settled", () =>
    Effect.gen(function*() {
      const { policy, settled } = gateOf(refusal)
      let started = false
      const error = yield* Effect.flip(policy(Effect.sync(() => void (started = true))))
      assert.strictEqual(error, full)
      assert.isFalse(started)
      assert.deepStrictEqual(settled, [])
    }))

  it.effect("the reason of a refusal is built only for the caller", () =>
    Effect.gen(function*() {
      let built = 0
      const { gate } = gateOf({ ...refusal, reason: () => (built++, full) })
      gate.admit(0)
      assert.strictEqual(built, 0)
      yield* Effect.flip(Policy.fromGate(gate)(Effect.void))
      assert.strictEqual(built, 1)
    }))

  it.effect("a wait comes before the call; it is settled when the call ends", () =>
    Effect.gen(function*() {
      const { asked, policy, settled } = gateOf(wait(100))
      const call = yield* Effect.forkChild(policy(Effect.sleep(50)), { startImmediately: true })
      yield* TestClock.adjust(149)
      assert.deepStrictEqual(settled, [])
      yield* TestClock.adjust(1)
      yield* Fiber.join(call)
      assert.deepStrictEqual(asked, [0])
      assert.deepStrictEqual(settled, [[7, "Success", 150]])
    }))

  it.effect("K10, L2: a call that is interrupted while it waits never starts, and gives its ticket back", () =>
    Effect.gen(function*() {
      const { gate, settled } = gateOf(wait(100))
      let started = false
      const policy = Policy.fromGate(gate, { classify: () => Outcome.failure() })
      const call = yield* Effect.forkChild(policy(Effect.sync(() => void (started = true))), { startImmediately: true })
      yield* TestClock.adjust(99)
      yield* Fiber.interrupt(call)
      yield* TestClock.adjust("1 minute")
      assert.isFalse(started)
      assert.deepStrictEqual(settled, [[7, "Neutral", 99]])
    }))

  it.effect("L1: a call that is interrupted while it runs is settled after its own finalizers", () =>
    Effect.gen(function*() {
      const { policy, settled } = gateOf(7)
      const order: Array<string> = []
      const body = Effect.onInterrupt(
        Effect.never,
        () => Effect.sync(() => order.push(`released, ${settled.length} settled`))
      )
      const call = yield* Effect.forkChild(policy(body), { startImmediately: true })
      yield* Fiber.interrupt(call)
      assert.deepStrictEqual(order, ["released, 0 settled"])
      assert.deepStrictEqual(settled, [[7, "Neutral", 0]])
    }))

  it.effect("L1: interruption at any moment leaves no ticket behind", () =>
    Effect.gen(function*() {
      for (const [admission, name] of [[7, "go"], [wait(3), "wait"]] as const) {
        for (let after = 0; after < 12; after++) {
          let admitted = 0
          const { policy, settled } = gateOf(() => (admitted++, admission))
          const body = Effect.replicateEffect(Effect.yieldNow, 3).pipe(Effect.andThen(Effect.sleep(2)))
          const call = yield* Effect.forkChild(policy(body))
          if (after < 6) yield* Effect.replicateEffect(Effect.yieldNow, after)
          else yield* TestClock.adjust(after - 6)
          yield* Fiber.interrupt(call)
          assert.strictEqual(settled.length, admitted, `${name} ${after}`)
        }
      }
    }))

  it.effect("L1: not even if the fiber yields between any two of its steps", () =>
    Effect.gen(function*() {
      for (const admission of [7, wait(0), { _tag: "Ask", answer: Effect.succeed(7) }] as const) {
        const seen = new Set<number>()
        for (let after = 0; after < 60; after++) {
          let admitted = 0
          const { policy, settled } = gateOf(() => (admitted++, admission))
          const call = yield* policy(Effect.replicateEffect(Effect.yieldNow, 2)).pipe(
            Effect.provideService(Scheduler.MaxOpsBeforeYield, 3),
            Effect.forkChild
          )
          yield* Effect.replicateEffect(Effect.yieldNow, after)
          yield* Fiber.interrupt(call)
          if (admitted > 0 && typeof admission === "object" && admission._tag === "Ask") {
            assert.isAtMost(settled.length, admitted)
          } else {
            assert.strictEqual(settled.length, admitted, `after ${after}`)
          }
          seen.add(admitted)
        }
        assert.deepStrictEqual([...seen], [0, 1])
      }
    }))

  it.effect("an answer that comes from elsewhere can admit, refuse or make wait", () =>
    Effect.gen(function*() {
      const [admits, refuses, delays] = [ask(3), ask(refusal), ask(wait(5))]
      const calls = yield* Effect.forkChild(
        Effect.all([admits, refuses, delays].map(({ policy }) => Effect.exit(policy(Effect.succeed("ok")))), {
          concurrency: "unbounded"
        }),
        { startImmediately: true }
      )
      yield* TestClock.adjust(15)
      assert.deepStrictEqual(yield* Fiber.join(calls), [Exit.succeed("ok"), Exit.fail(full), Exit.succeed("ok")])
      assert.deepStrictEqual([admits, refuses, delays].map(({ settled }) => settled), [
        [[3, "Success", 10]],
        [],
        [[7, "Success", 15]]
      ])
    }))

  it.effect("L2: a question that gets no answer can be interrupted", () =>
    Effect.gen(function*() {
      const { policy, settled } = gateOf({ _tag: "Ask", answer: Effect.never })
      const call = yield* Effect.forkChild(policy(Effect.void), { startImmediately: true })
      yield* Fiber.interrupt(call)
      assert.deepStrictEqual(settled, [])
    }))

  it.effect("a classifier decides what it knows and leaves the rest; one that throws does not keep the ticket", () =>
    Effect.gen(function*() {
      const { gate, settled } = gateOf(7)
      const knows = Policy.fromGate(gate, {
        classify: (exit) => Exit.isSuccess(exit) && exit.value === 404 ? Outcome.failure() : undefined
      })
      yield* knows(Effect.succeed(404))
      yield* knows(Effect.succeed(200))
      const throws = Policy.fromGate(gate, {
        classify: () => {
          throw new Error("bug")
        }
      })
      const exit = yield* Effect.exit(throws(Effect.void))
      assert.isTrue(Exit.hasDies(exit))
      assert.deepStrictEqual(settled.map(([, outcome]) => outcome), ["Failure", "Success", "Neutral"])
    }))

  it.effect("an uninterruptible caller stays uninterruptible inside", () =>
    Effect.gen(function*() {
      const { policy, settled } = gateOf(wait(10))
      const call = yield* Effect.forkChild(Effect.uninterruptible(policy(Effect.sleep(10))), { startImmediately: true })
      const interrupting = yield* Effect.forkChild(Fiber.interrupt(call), { startImmediately: true })
      yield* TestClock.adjust(20)
      yield* Fiber.join(interrupting)
      assert.deepStrictEqual(settled, [[7, "Success", 20]])
    }))

  it.effect("no fiber is added", () =>
    Effect.gen(function*() {
      const { policy } = gateOf(7)
      const [outside, inside] = yield* Effect.all([Effect.fiberId, policy(Effect.fiberId)])
      assert.strictEqual(outside, inside)
    }))
})

describe("Policy.admitted", () => {
  it.effect("L1: in a fiber of its own, a wait that is interrupted gives the ticket back", () =>
    Effect.gen(function*() {
      const { gate, settled } = gateOf(7)
      const fiber = yield* Effect.forkChild(Policy.admitted(gate, wait(10)), {
        startImmediately: true,
        uninterruptible: true
      })
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(settled, [[7, "Neutral", 0]])
      assert.strictEqual(yield* Policy.admitted(gate, 3), 3)
      assert.strictEqual(yield* Policy.admitted(gate, refusal), refusal)
    }))
})

const noting = (log: Array<string>, name: string): Policy.Policy =>
  Policy.named(name, undefined, (self) =>
    Effect.suspend(() => {
      log.push(`${name} in`)
      return Effect.ensuring(self, Effect.sync(() => void log.push(`${name} out`)))
    }))

const fails = <E>(error: E): Policy.Policy<E> => (self) => Effect.andThen(Effect.fail(error), self)

describe("Policy.all", () => {
  it.effect("the first is the outermost", () =>
    Effect.gen(function*() {
      const log: Array<string> = []
      yield* Policy.all(noting(log, "a"), noting(log, "b"), noting(log, "c"))(Effect.sync(() => void log.push("call")))
      assert.deepStrictEqual(log, ["a in", "b in", "c in", "call", "c out", "b out", "a out"])
    }))

  it.effect("O7: none at all is identity, also for an interrupted caller", () =>
    Effect.gen(function*() {
      const self = Effect.succeed(1)
      assert.strictEqual(Policy.all()(self), self)
      assert.strictEqual(Policy.identity(self), self)
      const call = yield* Effect.forkChild(Policy.all()(Effect.never), { startImmediately: true })
      yield* Fiber.interrupt(call)
      assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(call)))
    }))

  it.effect("errors of all policies are in the type", () =>
    Effect.gen(function*() {
      class A {
        readonly _tag = "A"
      }
      class B {
        readonly _tag = "B"
      }
      const error: Effect.Effect<A | B | "own"> = Effect.flip(
        Policy.all(fails(new A()), fails(new B()))(Effect.andThen(Effect.fail("own" as const), Effect.never))
      )
      assert.instanceOf(yield* error, A)
    }))
})

const part = (name: string) => Policy.named(name, { name }, Policy.identity)

const custom: Policy.Policy = (self) => self

describe("Policy.describe", () => {
  it("names the parts in order with their options, whatever the nesting", () => {
    const policy = Policy.all(
      part("Retry"),
      Policy.all(part("CircuitBreaker"), Policy.identity),
      custom,
      part("Timeout")
    )
    assert.deepStrictEqual(Policy.describe(policy), [
      { name: "Retry", options: { name: "Retry" } },
      { name: "CircuitBreaker", options: { name: "CircuitBreaker" } },
      { name: "custom" },
      { name: "Timeout", options: { name: "Timeout" } }
    ])
    assert.deepStrictEqual(Policy.describe(Policy.identity), [])
  })
})
