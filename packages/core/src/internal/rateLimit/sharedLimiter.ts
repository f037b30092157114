/**
 * A limiter over a state that processes share. Every call asks for its ticket, first come first served within a process;
 * what the remote says is told to all. While the store cannot be reached, a process goes by a limiter of its own, or refuses.
 */
import * as Effect from "effect/Effect"
import { CurrentDeadline } from "../../Deadline.ts"
import type { RateLimited } from "../../IntegrationError.ts"
import type * as Outcome from "../../Outcome.ts"
import type * as Policy from "../../Policy.ts"
import * as monotonic from "../monotonic.ts"
import { type Answer, type Desk, firstTicket } from "./desk.ts"
import type { Hint } from "./hints.ts"
import type { Limiter, Seen } from "./limiter.ts"
import type { Settings } from "./options.ts"
import * as Pacing from "./pacing.ts"
import * as Queue from "./queue.ts"
import { refusal } from "./refusal.ts"

export class SharedLimiter implements Policy.Gate<RateLimited> {
  private readonly local: Limiter
  private readonly desk: Desk
  private readonly settings: Settings
  private readonly queued: Policy.Ask<RateLimited>

  constructor(local: Limiter, desk: Desk, settings: Settings) {
    this.local = local
    this.desk = desk
    this.settings = settings
    this.queued = { _tag: "Ask", answer: this.wait }
  }

  admit(now: number): Policy.Admission<RateLimited> {
    const { desk, local, settings } = this
    const down = desk.downFor(now)
    if (down > 0) return desk.whenUnavailable === "local" ? local.admit(now) : refusal(down)
    const { burst, limit } = desk.limits
    // Of those that ask, so many may be told to start.
    const starting = desk.idle ? 0 : Math.max(limit, burst ?? 0)
    const wait = desk.wait(now)
    return desk.size >= settings.maxQueue + starting || (desk.idle && wait > settings.maxWait + Pacing.tolerance)
      ? refusal(wait)
      : this.queued
  }

  settle(ticket: number, outcome: Outcome.Outcome, now: number, elapsed = 0): void {
    if (outcome._tag === "Success") return
    const { desk, local } = this
    const isShared = ticket >= firstTicket
    if (outcome._tag === "Neutral") {
      if (!isShared) local.settle(ticket, outcome, now)
      else if (outcome.retryable && desk.downFor(now) <= 0) desk.giveBack(ticket)
      return
    }
    if (!outcome.throttled) return
    local.settle(ticket, outcome, now, elapsed)
    const asked = outcome.retryAfter === undefined ? 0 : local.capped(outcome.retryAfter)
    this.tell(now, (pacing, at) => Pacing.heed(pacing, asked, at - elapsed, at))
  }

  hint(hint: Hint, now: number): void {
    const { remaining, resetMillis } = hint
    if (remaining === undefined || resetMillis === undefined) return
    this.local.hint(hint, now)
    this.tell(now, (pacing, at) => Pacing.allow(pacing, remaining, this.local.capped(resetMillis), at))
  }

  adapt(limits: Pacing.Limits, now: number): void {
    this.local.adapt(limits, now)
    this.desk.adapt(limits, now)
  }

  /** What the store holds, or this process where the store cannot be reached. */
  readonly seen: Effect.Effect<Seen> = Effect.suspend(() =>
    Effect.matchEffect(this.desk.look, {
      onFailure: () => this.local.seen,
      onSuccess: (seen) => Effect.succeed({ ...seen, waiting: this.desk.size })
    })
  )

  /** Of what has been said before, the store is not told again, as far as that is known here. */
  private tell(now: number, change: (pacing: Pacing.Pacing, at: number) => boolean): void {
    if (this.desk.downFor(now) <= 0 && this.desk.isNews(now, change)) {
      this.desk.note((pacing, at) => void change(pacing, at))
    }
  }

  private readonly wait: Effect.Effect<number | Policy.Refusal<RateLimited>> = Effect.withFiber((fiber) => {
    const { desk, local, settings } = this
    const now = monotonic.now(fiber)
    const latest = now + settings.maxWait + Pacing.tolerance
    return Effect.callback((resume) => {
      let answered: Answer | undefined
      const waiter = {
        latest,
        deadline: fiber.getRef(CurrentDeadline) ?? Infinity,
        maxQueue: settings.maxQueue,
        answer: (answer: Answer) => {
          answered = answer
          const next = answer === "local" ? alone(local, latest) : Effect.succeed(answer)
          // As a task of its own, because one that is woken may start, end and ask again before it returns.
          fiber.currentDispatcher.scheduleTask(() => resume(next), 0)
        }
      }
      desk.join(waiter, now)
      // Interrupted between the answer and its use: the ticket goes on.
      return Effect.sync(() => typeof answered === "number" ? desk.giveBack(answered) : desk.leave(waiter))
    })
  })
}

const alone = ({ cell, queue }: Limiter, latest: number) =>
  Effect.withFiber((fiber) => Queue.wait(queue, cell, Math.max(0, latest - monotonic.now(fiber))))
