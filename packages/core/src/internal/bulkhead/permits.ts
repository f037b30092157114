/** The permits of a bulkhead and those that wait for one, first come first served. */
import { BulkheadFull } from "../../IntegrationError.ts"
import type * as Outcome from "../../Outcome.ts"
import type * as Policy from "../../Policy.ts"
import { stackless } from "../stackless.ts"
import * as Gradient from "./gradient.ts"
import type { Settings } from "./options.ts"

export class Permits implements Policy.Gate<BulkheadFull>, Policy.Line {
  readonly _tag = "Line"
  readonly waiting = new Set<Policy.Waiter>()
  running = 0
  /** Permits there are now. What runs may be more, after the limit has shrunk and where something is held. */
  limit: number
  settings: Settings
  private gradient: Gradient.Gradient | undefined
  private readonly full: Policy.Refusal<BulkheadFull>

  constructor(settings: Settings) {
    this.settings = settings
    this.gradient = settings.adaptive && Gradient.make(settings.adaptive.initial)
    this.limit = settings.adaptive?.initial ?? settings.maxConcurrent
    this.full = {
      _tag: "Refusal",
      retryAfter: undefined,
      reason: () => stackless(() => new BulkheadFull({ limit: this.limit }))
    }
  }

  /** The ticket is how many were in flight then, this one included. */
  admit(): Policy.Admission<BulkheadFull> {
    if (this.running < this.limit) return ++this.running
    return this.waiting.size < this.settings.maxQueue ? this : this.full
  }

  join(waiter: Policy.Waiter): void {
    this.waiting.add(waiter)
    // A permit may have come free on the way.
    this.grant()
  }

  leave(waiter: Policy.Waiter): void {
    this.waiting.delete(waiter)
  }

  settle(ticket: number, outcome: Outcome.Outcome, now: number, elapsed?: number): void {
    if (this.gradient !== undefined) this.learn(this.gradient, ticket, outcome, now, elapsed)
    this.running--
    this.grant()
  }

  /** Goes on with other settings: nothing that runs or waits is turned away. */
  adapt(settings: Settings): void {
    const { adaptive } = settings
    this.settings = settings
    if (adaptive === undefined) this.gradient = undefined
    else if (this.gradient === undefined) this.gradient = Gradient.make(adaptive.initial)
    else Gradient.bounded(this.gradient, adaptive)
    this.measure()
  }

  resize(maxConcurrent: number): void {
    const { adaptive, maxQueue } = this.settings
    this.adapt({ maxConcurrent, maxQueue, adaptive: adaptive && { ...adaptive, max: maxConcurrent } })
  }

  /** To whoever waits longest, so that nobody overtakes. */
  private grant(): void {
    for (const next of this.waiting) {
      if (this.running >= this.limit) return
      this.waiting.delete(next)
      next.onTurn(++this.running)
    }
  }

  private measure(): void {
    this.limit = this.gradient === undefined ? this.settings.maxConcurrent : Math.floor(this.gradient.limit)
    this.grant()
  }

  // A failure that another attempt cannot mend says nothing about how much the remote can take.
  private learn(
    gradient: Gradient.Gradient,
    inFlight: number,
    outcome: Outcome.Outcome,
    now: number,
    elapsed: number | undefined
  ): void {
    if (elapsed === undefined) return
    const adaptive = this.settings.adaptive!
    if (outcome._tag === "Success") Gradient.succeeded(gradient, inFlight, elapsed, adaptive)
    else if (outcome._tag === "Failure" && (outcome.retryable || outcome.throttled)) {
      Gradient.dropped(gradient, now - elapsed, now, adaptive)
    } else return
    this.limit = Math.floor(gradient.limit)
  }
}
