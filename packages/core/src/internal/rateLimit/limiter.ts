/** A limiter over the state of this process. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { RateLimited } from "../../IntegrationError.ts"
import type * as Outcome from "../../Outcome.ts"
import type * as Policy from "../../Policy.ts"
import type { State } from "../../policy/RateLimit.ts"
import * as monotonic from "../monotonic.ts"
import type { Hint } from "./hints.ts"
import type { Settings } from "./options.ts"
import * as Pacing from "./pacing.ts"
import * as Queue from "./queue.ts"
import { refusal } from "./refusal.ts"

/** The state of a limiter at a time, and how many wait. */
export interface Seen {
  readonly pacing: Pacing.Pacing
  readonly now: number
  readonly waiting: number
}

export class Limiter implements Policy.Gate<RateLimited> {
  readonly cell: { readonly current: Pacing.Pacing }
  readonly queue: Queue.Queue
  private readonly settings: Settings
  private readonly queued: Policy.Ask<RateLimited>

  constructor(cell: { readonly current: Pacing.Pacing }, queue: Queue.Queue, settings: Settings) {
    this.cell = cell
    this.queue = queue
    this.settings = settings
    this.queued = { _tag: "Ask", answer: Queue.wait(queue, cell, settings.maxWait) }
  }

  admit(now: number): Policy.Admission<RateLimited> {
    // Nobody overtakes one that waits.
    const ticket = this.queue.waiting.size === 0 ? Pacing.take(this.cell.current, now) : 0
    return ticket === 0 ? this.later(now) : ticket
  }

  private later(now: number): Policy.Admission<RateLimited> {
    const { maxQueue, maxWait } = this.settings
    const wait = Pacing.turn(this.cell.current, now, this.queue.waiting.size) - now
    return wait > maxWait + Pacing.tolerance || this.queue.waiting.size >= maxQueue ? refusal(wait) : this.queued
  }

  settle(ticket: number, outcome: Outcome.Outcome, now: number, elapsed = 0): void {
    if (outcome._tag === "Success") return
    const pacing = this.cell.current
    if (outcome._tag === "Failure") {
      const { retryAfter, throttled } = outcome
      const asked = retryAfter === undefined ? 0 : this.capped(retryAfter)
      if (throttled && Pacing.heed(pacing, asked, now - elapsed, now)) Queue.reconsider(this.queue, this.cell, now)
    } else if (outcome.retryable) Queue.giveBack(this.queue, this.cell, ticket, now)
  }

  hint({ remaining, resetMillis }: Hint, now: number): void {
    if (remaining === undefined || resetMillis === undefined) return
    const pacing = this.cell.current
    const changed = Pacing.allow(pacing, remaining, this.capped(resetMillis), now)
    if (changed) Queue.reconsider(this.queue, this.cell, now)
  }

  adapt(limits: Pacing.Limits, now: number): void {
    const pacing = this.cell.current
    if (Pacing.adapt(pacing, limits, now)) Queue.reconsider(this.queue, this.cell, now)
  }

  readonly seen: Effect.Effect<Seen> = Effect.withFiber((fiber) =>
    Effect.succeed({ pacing: this.cell.current, now: monotonic.now(fiber), waiting: this.queue.waiting.size })
  )

  /** How long the remote's word counts. */
  capped(millis: number): number {
    return Math.min(millis, this.settings.maxHintDelay)
  }
}

/** What a limiter would do now. */
export const shown = ({ now, pacing, waiting }: Seen): State => ({
  limit: pacing.limits.limit,
  window: Duration.millis(pacing.limits.window),
  available: waiting === 0 ? Pacing.available(pacing, now) : 0,
  waiting,
  retryAfter: Duration.millis(Pacing.turn(pacing, now, waiting) - now)
})
