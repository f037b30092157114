/** What the remote has seen, and what became of it. */
import type * as Redaction from "@switchboard/core/Redaction"
import * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { type Raw, Received, type State } from "../Received.ts"

/** A request that has arrived. */
export interface Arrival {
  readonly received: Received
  /** False where it turned out that nothing of it left. */
  wasSent: boolean
  /** Takes effect once. */
  readonly settle: (state: State) => void
}

export class Recorder {
  readonly requests: Array<Received> = []
  inFlight = 0
  cancelled = 0
  private readonly redaction: Redaction.Redaction
  private waiting: Array<{ readonly count: number; readonly deferred: Deferred.Deferred<void> }> = []

  constructor(redaction: Redaction.Redaction) {
    this.redaction = redaction
  }

  arrive(raw: Raw, clock: Clock.Clock): Arrival {
    const fate = { state: "in flight" as State, wasSent: true }
    const received = new Received(raw, {
      number: this.requests.length + 1,
      at: clock.currentTimeMillisUnsafe(),
      redaction: this.redaction,
      fate
    })
    this.requests.push(received)
    this.inFlight++
    this.waiting = this.waiting.filter(({ count, deferred }) => {
      if (count > this.requests.length) return true
      Deferred.doneUnsafe(deferred, Effect.void)
      return false
    })
    return {
      received,
      get wasSent() {
        return fate.wasSent
      },
      set wasSent(wasSent) {
        fate.wasSent = wasSent
      },
      settle: (state) => {
        if (fate.state !== "in flight") return
        fate.state = state
        this.inFlight--
        if (state === "cancelled") this.cancelled++
      }
    }
  }

  /** Waits until that many have arrived. */
  await(count: number): Effect.Effect<ReadonlyArray<Received>> {
    return Effect.suspend(() => {
      if (this.requests.length >= count) return Effect.succeed(this.requests.slice())
      const deferred = Deferred.makeUnsafe<void>()
      this.waiting.push({ count, deferred })
      // Who is woken must not run inside the `send` that woke it.
      const arrived = Effect.andThen(Deferred.await(deferred), Effect.yieldNow)
      return Effect.map(arrived, () => this.requests.slice())
    })
  }
}

/** What an exit means for a request. */
export const stateOf = (exit: Exit.Exit<unknown, unknown>): State =>
  Exit.isSuccess(exit) ? "answered" : Cause.hasInterruptsOnly(exit.cause) ? "cancelled" : "failed"
