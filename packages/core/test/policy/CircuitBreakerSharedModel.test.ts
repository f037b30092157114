import { assert } from "@effect/vitest"
import { type Clock, Effect } from "effect"
import * as Outcome from "../../src/Outcome.ts"
import * as Policy from "../../src/Policy.ts"
import * as CircuitBreaker from "../../src/policy/CircuitBreaker.ts"
import { adjust, test } from "./fixtures.ts"
import { among, random } from "./schedules.ts"
import { makeProcess, makeStore } from "./sharedCircuits.ts"

const policies = [
  { failureThreshold: 3 },
  { failureThreshold: 4, failureRate: { threshold: 0.5, window: "1 second", minimumCalls: 4 } },
  {
    failureThreshold: false,
    failureRate: { threshold: 0.6, window: "1 second", minimumCalls: 3 },
    slowCalls: { duration: 150, threshold: 0.5, window: "2 seconds", minimumCalls: 3 }
  }
] as const

const outcomes = [
  Outcome.success,
  Outcome.failure(),
  Outcome.failure(),
  Outcome.failure({ throttled: true }),
  Outcome.neutral
]

const hands = ["isolate", "observe", "disable", "reset", "reset", "reset"] as const

/**
 * A breaker of one process alone, and processes that share one: each looks at it before and after what it does. Where
 * failures in a row count, all calls are of one process, because each counts its own.
 */
const schedule = (seed: number) =>
  Effect.gen(function*() {
    const next = random(seed)
    const pick = among(next)
    const policy = pick(policies)
    const options = {
      ...policy,
      ...pick([{ halfOpenMaxCalls: 1 }, { halfOpenMaxCalls: 3, successThreshold: 2 }]),
      resetTimeout: 300,
      resetFactor: 2,
      maxResetTimeout: "1 second",
      halfOpenTimeout: 200
    } as const
    const alone = yield* CircuitBreaker.make({ name: `seed ${seed}`, ...options })
    const { shared } = yield* makeStore()
    const processes = yield* Effect.forEach([0, 86_400_000, 33], (ahead) => makeProcess(shared, { ...options, ahead }))
    const now = Effect.clockWith((clock: Clock.Clock) =>
      Effect.sync(() => Number(clock.monotonicTimeNanosUnsafe()) / 1e6)
    )
    const running: Array<{
      readonly process: number
      readonly begun: number
      readonly tickets: readonly [number, number]
    }> = []
    const log: Array<string> = []
    for (let step = 0; step < 50; step++) {
      const dice = next()
      const callers = policy.failureThreshold === false || dice >= 0.4 ? processes.length : 1
      const index = Math.floor(next() * callers)
      const process = processes[index]!
      yield* process.state
      const at = yield* now
      const here = yield* process.here(now)
      if (dice < 0.4) {
        const expected = alone.gate.admit(at)
        const admission = yield* process.here(Policy.admitted(process.breaker.gate, process.breaker.gate.admit(here)))
        const [one, other] = [typeof expected === "number", typeof admission === "number"]
        log.push(`${at}: process ${index} ${other ? "admitted" : "refused"}`)
        assert.strictEqual(other, one, log.join("\n"))
        if (typeof expected === "number" && typeof admission === "number") {
          running.push({ process: index, begun: at, tickets: [expected, admission] })
        }
      } else if (dice < 0.8 && running.length > 0) {
        const { begun, process: whose, tickets } = running.splice(Math.floor(next() * running.length), 1)[0]!
        const outcome = pick(outcomes)
        const owner = processes[whose]!
        yield* owner.state
        log.push(`${at}: call of process ${whose} ends: ${JSON.stringify(outcome)}`)
        alone.gate.settle(tickets[0], outcome, at, at - begun)
        owner.breaker.gate.settle(tickets[1], outcome, yield* owner.here(now), at - begun)
        yield* owner.state
      } else if (dice < 0.97) {
        yield* adjust(100 * Math.floor(next() * 6))
      } else {
        const hand = pick(hands)
        log.push(`${at}: process ${index} ${hand}`)
        yield* alone[hand]
        yield* process.here(process.breaker[hand])
      }
      assert.deepStrictEqual(yield* process.state, yield* alone.state, `seed ${seed}\n${log.join("\n")}`)
    }
    return (yield* alone.state).openings
  })

test("R12: 200 random schedules: processes that share a circuit do together what one does alone", () =>
  Effect.gen(function*() {
    let opened = 0
    for (let seed = 1; seed <= 200; seed++) opened += yield* schedule(seed)
    assert.isAbove(opened, 100, "the schedules are about something")
  }))
