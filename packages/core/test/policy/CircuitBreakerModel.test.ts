import { assert } from "@effect/vitest"
import { Effect } from "effect"
import * as Outcome from "../../src/Outcome.ts"
import * as CircuitBreaker from "../../src/policy/CircuitBreaker.ts"
import { test } from "./fixtures.ts"

/** mulberry32: small, seeded, good enough to make schedules. */
const random = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296
}

interface Settings {
  readonly threshold: number | undefined
  readonly rate: { readonly threshold: number; readonly minimumCalls: number } | undefined
  readonly probes: number
  readonly needed: number
}
const window = 1_000
const resetTimeout = 300
const maxReset = 1_000
const probeTimeout = 200

/** The same rules told again in the plainest way: a list of events, everything recomputed from it. */
class Model {
  state: "Closed" | "Open" | "HalfOpen" | "Isolated" = "Closed"
  era = 0
  streak = 0
  events: Array<{ readonly at: number; readonly failed: boolean }> = []
  openings = 0
  openFor = 0
  until = 0
  closedAt = 0
  running: Array<{ readonly call: number; readonly until: number }> = []
  good = 0
  bad = 0
  readonly eras = new Map<number, number>()
  readonly settings: Settings
  constructor(settings: Settings) {
    this.settings = settings
  }

  admit(call: number, now: number): boolean {
    if (this.state === "Closed") {
      this.eras.set(call, this.era)
      return true
    }
    if (this.state === "Isolated" || (this.state === "Open" && now < this.until)) return false
    if (this.state === "Open") {
      this.state = "HalfOpen"
      this.running = []
      this.good = this.bad = 0
    }
    if (this.running.length + this.good + this.bad >= this.settings.probes) {
      const overdue = this.running.find(({ until }) => until <= now)
      if (overdue === undefined) return false
      this.running = this.running.filter((probe) => probe !== overdue)
    }
    this.running.push({ call, until: now + probeTimeout })
    return true
  }

  settle(call: number, outcome: Outcome.Outcome, now: number): void {
    if (this.state === "Closed" && this.eras.get(call) === this.era) this.record(outcome, now)
    if (this.state !== "HalfOpen" || !this.running.some((probe) => probe.call === call)) return
    this.running = this.running.filter((probe) => probe.call !== call)
    if (outcome._tag === "Neutral") return
    if (outcome._tag === "Success") this.good++
    else this.bad++
    if (this.good >= this.settings.needed) this.close(now)
    else if (this.bad > this.settings.probes - this.settings.needed) this.open(now, this.openings + 1)
  }

  private record(outcome: Outcome.Outcome, now: number): void {
    if (outcome._tag === "Neutral" || (outcome._tag === "Failure" && outcome.throttled)) return
    const failed = outcome._tag === "Failure"
    this.streak = failed ? this.streak + 1 : 0
    this.events.push({ at: now, failed })
    if (!failed) return
    const { rate, threshold } = this.settings
    // Every step of the schedules is a whole bucket, so that the buckets are exact here.
    const live = this.events.filter(({ at }) => now - at < window)
    const failures = live.filter((event) => event.failed).length
    const tripped = this.streak >= (threshold ?? Infinity) ||
      (rate !== undefined && live.length >= rate.minimumCalls && failures / live.length >= rate.threshold)
    if (tripped) this.open(now, (now - this.closedAt >= this.openFor ? 0 : this.openings) + 1)
  }

  private open(now: number, openings: number): void {
    this.state = "Open"
    this.openings = openings
    this.openFor = Math.min(maxReset, resetTimeout * 2 ** (openings - 1))
    this.until = now + this.openFor
    this.era++
  }

  private close(now: number): void {
    this.clear()
    this.closedAt = now
  }

  private clear(): void {
    this.state = "Closed"
    this.era++
    this.streak = 0
    this.events = []
  }

  reset(): void {
    this.clear()
    this.openings = this.openFor = this.closedAt = 0
  }

  isolate(): void {
    this.state = "Isolated"
    this.era++
  }
}

const outcomes = [
  Outcome.success,
  Outcome.success,
  Outcome.failure(),
  Outcome.failure(),
  Outcome.failure({ throttled: true }),
  Outcome.neutral
]

const schedule = (seed: number) =>
  Effect.gen(function*() {
    const next = random(seed)
    const pick = <A>(among: ReadonlyArray<A>): A => among[Math.floor(next() * among.length)]!
    const settings: Settings = {
      ...pick([
        { threshold: 3, rate: undefined },
        { threshold: undefined, rate: { threshold: 0.5, minimumCalls: 4 } },
        { threshold: 4, rate: { threshold: 0.6, minimumCalls: 3 } }
      ]),
      ...pick([{ probes: 1, needed: 1 }, { probes: 3, needed: 2 }, { probes: 2, needed: 2 }, { probes: 3, needed: 1 }])
    }
    const breaker = yield* CircuitBreaker.make({
      name: `seed ${seed}`,
      failureThreshold: settings.threshold ?? false,
      failureRate: settings.rate && { ...settings.rate, window },
      resetTimeout,
      maxResetTimeout: maxReset,
      halfOpenMaxCalls: settings.probes,
      successThreshold: settings.needed,
      halfOpenTimeout: probeTimeout
    })
    const model = new Model(settings)
    const running: Array<{ readonly call: number; readonly ticket: number }> = []
    const log: Array<string> = []
    let now = 0
    for (let step = 0; step < 120; step++) {
      const dice = next()
      if (dice < 0.35) {
        const admission = breaker.gate.admit(now)
        const admitted = typeof admission === "number"
        log.push(`${now}: call ${step} ${admitted ? "admitted" : "refused"}`)
        assert.strictEqual(admitted, model.admit(step, now), log.join("\n"))
        if (admitted) running.push({ call: step, ticket: admission })
      } else if (dice < 0.75 && running.length > 0) {
        const { call, ticket } = running.splice(Math.floor(next() * running.length), 1)[0]!
        const outcome = pick(outcomes)
        log.push(`${now}: call ${call} ends: ${JSON.stringify(outcome)}`)
        breaker.gate.settle(ticket, outcome, now)
        model.settle(call, outcome, now)
      } else if (dice < 0.98) {
        now += window / 10 * Math.floor(next() * 6)
      } else if (dice < 0.99) {
        yield* breaker.reset
        model.reset()
      } else {
        yield* breaker.isolate
        model.isolate()
        if (next() < 0.5) {
          yield* breaker.reset
          model.reset()
        }
      }
      assert.strictEqual((yield* breaker.state)._tag, model.state, `seed ${seed}\n${log.join("\n")}`)
    }
    return model.openings
  })

test("3,000 random schedules: the breaker does what a naive model does", () =>
  Effect.gen(function*() {
    let opened = 0
    for (let seed = 1; seed <= 3_000; seed++) opened += yield* schedule(seed)
    assert.isAbove(opened, 1_000, "the schedules are about something")
  }))
