import { assert, it } from "@effect/vitest"
import { Clock, Duration, Effect } from "effect"
import * as Outcome from "../../src/Outcome.ts"
import * as CircuitBreaker from "../../src/policy/CircuitBreaker.ts"
import * as Stores from "../../src/Stores.ts"
import { Model, type Rules } from "./circuitModel.ts"
import { among, random } from "./schedules.ts"

/** Every time is a multiple of this, in milliseconds. */
const tick = 100

const trips: ReadonlyArray<Pick<Rules, "rate" | "slow" | "threshold">> = [
  { threshold: 2, rate: undefined, slow: undefined },
  { threshold: undefined, rate: { threshold: 0.5, minimumCalls: 3, window: 1_000 }, slow: undefined },
  {
    threshold: 3,
    rate: { threshold: 0.6, minimumCalls: 3, window: 1_000 },
    slow: { threshold: 0.5, minimumCalls: 2, window: 500, duration: 2 * tick }
  },
  {
    threshold: undefined,
    rate: undefined,
    slow: { threshold: 0.7, minimumCalls: 3, window: 1_000, duration: 3 * tick }
  }
]
const probing = [{ probes: 1, needed: 1 }, { probes: 3, needed: 2 }, { probes: 2, needed: 2 }, { probes: 3, needed: 1 }]
const modes = ["enforce", "enforce", "metrics-only", "disabled"] as const
const all: ReadonlyArray<Rules> = trips.flatMap((trip) =>
  probing.flatMap((probes) =>
    modes.map((mode) => ({ mode, ...trip, ...probes, resetTimeout: 300, maxReset: 1_000, probeTimeout: 200 }))
  )
)

const outcomes = [
  Outcome.success,
  Outcome.success,
  Outcome.failure(),
  Outcome.failure(),
  Outcome.failure({ throttled: true }),
  Outcome.neutral
]
const hands = ["isolate", "observe", "disable", "reset", "reset"] as const

/** A breaker with these rules, on a clock that is set by hand, and the state that it says it is in. */
const make = Effect.fnUntraced(function*(rules: Rules, index: number) {
  const time = { now: 0, wall: 0 }
  const real = yield* Clock.Clock
  const clock: Clock.Clock = {
    ...real,
    currentTimeMillisUnsafe: () => time.wall,
    currentTimeMillis: Effect.sync(() => time.wall),
    monotonicTimeNanosUnsafe: () => BigInt(time.now) * 1_000_000n,
    sleep: (duration) => real.sleep(duration)
  }
  const shown = { state: "Closed" as CircuitBreaker.State["_tag"] }
  const breaker = yield* CircuitBreaker.make({
    name: `rules ${index}`,
    mode: rules.mode,
    failureThreshold: rules.threshold ?? false,
    failureRate: rules.rate,
    slowCalls: rules.slow,
    resetTimeout: rules.resetTimeout,
    maxResetTimeout: rules.maxReset,
    halfOpenMaxCalls: rules.probes,
    successThreshold: rules.needed,
    halfOpenTimeout: rules.probeTimeout,
    onTransition: ({ to }) => void (shown.state = to)
  })
  shown.state = (yield* breaker.state)._tag
  const run = <A>(effect: Effect.Effect<A>): A => Effect.runSync(Effect.provideService(effect, Clock.Clock, clock))
  return { rules, breaker, time, shown, run }
})
type Made = Effect.Success<ReturnType<typeof make>>

/** Runs one schedule; where the breaker and the model differ, says where. */
const schedule = (seed: number, made: ReadonlyArray<Made>, log: (line: () => string) => void) => {
  const next = random(seed)
  const pick = among(next)
  const { breaker, rules, run, shown, time } = pick(made)
  const model = new Model(rules)
  const running: Array<{ readonly call: number; readonly ticket: number; readonly begun: number }> = []
  const differs = () => shown.state === model.state ? undefined : `the breaker is ${shown.state}, not ${model.state}`
  time.now = 0
  run(breaker.reset)
  log(() => JSON.stringify(rules))
  let opened = 0
  for (let step = 0; step < 60; step++) {
    const dice = next()
    const { now } = time
    if (dice < 0.4) {
      const checked = breaker.check.admit(now)
      const admission = breaker.gate.admit(now)
      const admitted = typeof admission === "number"
      log(() => `${now}: call ${step} ${admitted ? "admitted" : "refused"}`)
      if (admitted !== (typeof checked === "number")) return { problem: "the check says something else", opened }
      if (admitted !== model.admit(step, now)) return { problem: "the model does not", opened }
      if (admitted) running.push({ call: step, ticket: admission, begun: now })
    } else if (dice < 0.8 && running.length > 0) {
      const { begun, call, ticket } = running.splice(Math.floor(next() * running.length), 1)[0]!
      const outcome = pick(outcomes)
      log(() => `${now}: call ${call} ends after ${now - begun}: ${JSON.stringify(outcome)}`)
      breaker.gate.settle(ticket, outcome, now, now - begun)
      model.settle(call, outcome, now, now - begun)
    } else if (dice < 0.96) {
      time.now += tick * Math.floor(next() * 5)
      // Back or forth by up to a day: nothing may depend on it.
      if (next() < 0.1) time.wall += Math.floor((next() - 0.5) * 172_800_000)
    } else if (dice < 0.985) {
      const hand = pick(hands)
      log(() => `${now}: ${hand}`)
      run(breaker[hand])
      model[hand](now)
    } else {
      log(() => `${now}: restart`)
      run(breaker.restore(run(breaker.snapshot)))
      model.restart(now)
    }
    const problem = differs()
    if (problem !== undefined) return { problem, opened }
    if (model.state === "Open") opened++
  }
  const state = run(breaker.state)
  const same = state.openings === model.openings &&
    (state._tag !== "Open" || Duration.toMillis(state.retryAfter) === Math.max(0, model.until - time.now)) &&
    (state._tag !== "HalfOpen" || state.probing === model.running.length) &&
    (state._tag !== "MetricsOnly" || state.wouldOpen === model.wouldOpen)
  return { problem: same ? undefined : `${JSON.stringify(state)} is not what the model has`, opened }
}

const schedules = process.env["CI"] === "true" ? 100_000 : 10_000

it.effect(
  `${
    schedules.toLocaleString("en")
  } random schedules, with a wall clock that jumps: the breaker does what a naive model does`,
  () =>
    Effect.gen(function*() {
      const made = yield* Effect.forEach(all, make)
      let opened = 0
      for (let seed = 1; seed <= schedules; seed++) {
        const result = schedule(seed, made, () => {})
        opened += result.opened
        if (result.problem === undefined) continue
        const lines: Array<string> = []
        schedule(seed, made, (line) => lines.push(line()))
        assert.fail(`seed ${seed}: ${result.problem}\n${lines.join("\n")}`)
      }
      assert.isAbove(opened, schedules, "the schedules are about something")
    }).pipe(Effect.provide(Stores.layerMemory)),
  60_000
)
