/** Everything that happened in the shop, as it happened: what the display shows and the report is made of. */
import type { IntegrationEvent } from "@switchboard/core/Events"
import * as Events from "@switchboard/core/Events"
import { Clock, Effect, type Layer } from "effect"
import type { Order } from "./Orders.ts"

/** What became of an order. `Unknown`: it failed, and the customer may have been charged. */
export type Outcome =
  | { readonly _tag: "Paid" }
  | { readonly _tag: "Declined"; readonly reason: string }
  | { readonly _tag: "Failed"; readonly reason: string }
  | { readonly _tag: "Unknown"; readonly reason: string }

export interface Entry {
  readonly order: Order
  readonly outcome: Outcome
  /** Placed a second time, because the outcome of the first was unknown. */
  readonly again: boolean
}

export interface PhaseBegan {
  readonly service: string
  readonly phase: string
  /** Milliseconds since 1970. */
  readonly at: number
}

export class Journal {
  readonly begun: number
  readonly events: Array<IntegrationEvent> = []
  readonly entries = new Map<string, Entry>()
  readonly phases: Array<PhaseBegan> = []
  private readonly now: () => number

  constructor(now: () => number) {
    this.begun = now()
    this.now = now
  }

  /** The listener that integrations report to. */
  get layer(): Layer.Layer<never> {
    return Events.layerListener((event) => void this.events.push(event))
  }

  /** Seconds since the shop opened. */
  get elapsed(): number {
    return (this.now() - this.begun) / 1000
  }

  phaseBegan(service: string, phase: string): void {
    this.phases.push({ service, phase, at: this.now() })
  }

  ended(order: Order, outcome: Outcome): void {
    this.entries.set(order.id, { order, outcome, again: this.entries.has(order.id) })
  }
}

export const make: Effect.Effect<Journal> = Effect.map(
  Clock.Clock,
  (clock) => new Journal(() => clock.currentTimeMillisUnsafe())
)
