/** A buffered exchange whose answer is an effect, run in the context of the caller. */
import { Transport as TransportFailure } from "@switchboard/core/IntegrationError"
import type * as Transport from "@switchboard/core/Transport"
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"

type Failure = Transport.Failure

/** Those under way in one pool. */
export type Live = Set<Exchange>

/** The effect begins inside `send`, so that its timers stand when `send` returns; it is reported only afterwards. */
export class Exchange implements Transport.Exchange {
  private readonly sent: () => boolean
  private readonly receiver: Transport.Receiver
  private readonly live: Live
  private readonly fiber: Fiber.Fiber<Transport.Response, Failure>

  constructor(
    answer: Effect.Effect<Transport.Response, Failure>,
    to: { readonly receiver: Transport.Receiver; readonly context: Context.Context<never> },
    live: Live,
    sent: () => boolean
  ) {
    this.sent = sent
    this.receiver = to.receiver
    this.live = live
    live.add(this)
    let returned = false
    const afterSend = Effect.suspend(() => (returned ? Effect.void : Effect.yieldNow))
    this.fiber = Effect.runForkWith(to.context)(Effect.onExit(answer, () => afterSend))
    returned = true
    this.fiber.addObserver((exit) => this.report(exit))
  }

  get wasSent(): boolean {
    return this.sent()
  }

  cancel(): void {
    if (this.live.delete(this)) this.fiber.interruptUnsafe()
  }

  /** Ends it with a failure, unless it has ended. */
  fail(reason: TransportFailure): void {
    if (!this.live.has(this)) return
    this.cancel()
    this.receiver.onFailure(reason)
  }

  private report(exit: Exit.Exit<Transport.Response, Failure>): void {
    if (!this.live.delete(this)) return
    if (Exit.isSuccess(exit)) return this.receiver.onResponse(exit.value)
    const failure = Cause.findErrorOption(exit.cause)
    this.receiver.onFailure(
      failure._tag === "Some" ? failure.value : new TransportFailure({ kind: "Other", wasSent: this.sent() })
    )
  }
}

/** What happens to exchanges whose pool is closed. */
export const failAll = (live: Live): void => {
  for (const exchange of live) {
    exchange.fail(new TransportFailure({ kind: "Closed", code: "POOL_CLOSED", wasSent: exchange.wasSent }))
  }
}
