/** The rules of a circuit told again in the plainest way: a list of what happened, everything recomputed from it. */
import type * as Outcome from "../../src/Outcome.ts"
import type * as CircuitBreaker from "../../src/policy/CircuitBreaker.ts"

export interface Rules {
  readonly mode: "enforce" | "metrics-only" | "disabled"
  readonly threshold: number | undefined
  readonly rate: { readonly threshold: number; readonly minimumCalls: number; readonly window: number } | undefined
  readonly slow:
    | {
      readonly threshold: number
      readonly minimumCalls: number
      readonly window: number
      readonly duration: number
    }
    | undefined
  readonly probes: number
  readonly needed: number
  readonly resetTimeout: number
  readonly maxReset: number
  readonly probeTimeout: number
}

export type Tag = CircuitBreaker.State["_tag"]

const starts = { "enforce": "Closed", "metrics-only": "MetricsOnly", "disabled": "Disabled" } as const

interface Ended {
  readonly at: number
  readonly failed: boolean
  readonly slow: boolean
}

export class Model {
  state: Tag
  openings = 0
  wouldOpen = 0
  until = 0
  running: Array<{ readonly call: number; readonly until: number }> = []
  /** The era that a call began in. Answers to calls of another era change nothing. */
  private readonly eras = new Map<number, number>()
  private era = 0
  private streak = 0
  private ended: Array<Ended> = []
  private openFor = 0
  /** Since when it counts. */
  private since = 0
  private good = 0
  private bad = 0
  private readonly rules: Rules

  constructor(rules: Rules) {
    this.rules = rules
    this.state = starts[rules.mode]
  }

  admit(call: number, now: number): boolean {
    if (this.state === "Disabled") return true
    if (this.state === "Closed" || this.state === "MetricsOnly") {
      if (now >= this.since) this.eras.set(call, this.era)
      return true
    }
    if (this.state === "Isolated" || (this.state === "Open" && now < this.until)) return false
    if (this.state === "Open") {
      this.state = "HalfOpen"
      this.running = []
      this.good = this.bad = 0
    }
    if (this.running.length + this.good + this.bad >= this.rules.probes) {
      const overdue = this.running.find(({ until }) => until <= now)
      if (overdue === undefined) return false
      this.running = this.running.filter((probe) => probe !== overdue)
    }
    this.running.push({ call, until: now + this.rules.probeTimeout })
    return true
  }

  settle(call: number, outcome: Outcome.Outcome, now: number, elapsed: number): void {
    const { rules } = this
    const slow = rules.slow !== undefined && elapsed > rules.slow.duration
    const failed = outcome._tag === "Failure"
    if (this.state === "Closed" || this.state === "MetricsOnly") {
      if (this.eras.get(call) !== this.era || outcome._tag === "Neutral" || (failed && outcome.throttled)) return
      this.count({ at: now, failed, slow })
    } else if (this.state === "HalfOpen" && this.running.some((probe) => probe.call === call)) {
      this.running = this.running.filter((probe) => probe.call !== call)
      if (outcome._tag === "Neutral") return
      if (failed || slow) this.bad++
      else this.good++
      if (this.good >= rules.needed) this.close(now)
      else if (this.bad > rules.probes - rules.needed) this.open(now, this.openings + 1)
    }
  }

  private count(call: Ended): void {
    const { rate, slow, threshold } = this.rules
    this.streak = call.failed ? this.streak + 1 : 0
    this.ended.push(call)
    // Every step of the schedules is a whole number of buckets, so that the buckets are exact here.
    const share = (of: "failed" | "slow", rule: typeof rate) => {
      if (rule === undefined || !call[of]) return false
      const live = this.ended.filter(({ at }) => call.at - at < rule.window)
      return live.length >= rule.minimumCalls && live.filter((one) => one[of]).length / live.length >= rule.threshold
    }
    if ((call.failed && this.streak >= (threshold ?? Infinity)) || share("failed", rate) || share("slow", slow)) {
      this.open(call.at, (call.at - this.since >= this.openFor ? 0 : this.openings) + 1)
    }
  }

  private open(now: number, openings: number): void {
    this.openings = openings
    this.openFor = Math.min(this.rules.maxReset, this.rules.resetTimeout * 2 ** (openings - 1))
    this.until = now + this.openFor
    if (this.state === "MetricsOnly") {
      this.wouldOpen++
      this.forget(this.until)
    } else this.enter("Open")
  }

  private close(now: number): void {
    this.enter("Closed")
    this.forget(now)
  }

  private enter(state: Tag): void {
    this.state = state
    this.era++
  }

  private forget(since: number): void {
    this.era++
    this.since = since
    this.streak = 0
    this.ended = []
  }

  reset(): void {
    this.enter(starts[this.rules.mode])
    this.forget(0)
    this.openings = this.openFor = this.wouldOpen = 0
  }

  isolate(): void {
    this.enter("Isolated")
  }

  disable(): void {
    this.enter("Disabled")
  }

  observe(now: number): void {
    if (this.state === "MetricsOnly") return
    this.enter("MetricsOnly")
    this.forget(now)
    this.wouldOpen = 0
  }

  /** A restart: what counted is forgotten, and half-open is open and due. */
  restart(now: number): void {
    if (this.state === "HalfOpen") this.until = now
    if (this.state === "Open") this.until = Math.max(this.until, now)
    if (this.state === "HalfOpen") this.enter("Open")
    if (this.state === "Closed") this.forget(this.since)
    if (this.state === "MetricsOnly") {
      this.forget(now)
      this.wouldOpen = 0
    }
    this.era++
  }
}
