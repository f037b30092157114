/** A shift behind the counter: orders come in, evenly spread; those whose payment is unknown are cleared up at its end. */
import type { IntegrationError } from "@switchboard/core/IntegrationError"
import { Duration, Effect, Schedule } from "effect"
import type { Journal, Outcome } from "./Journal.ts"
import { type Order, Orders } from "./Orders.ts"
import type { PaymentDeclined } from "./Payments.ts"

export interface Options {
  readonly orders: ReadonlyArray<Order>
  readonly journal: Journal
  /** From the first order to the last. */
  readonly duration: Duration.Input
}

export const run = Effect.fn("Shift.run")(function*({ duration, journal, orders }: Options) {
  const { place } = yield* Orders
  const pace = Duration.toMillis(duration) / orders.length

  const serve = (order: Order) =>
    Effect.match(place(order), {
      onSuccess: () => journal.ended(order, { _tag: "Paid" }),
      onFailure: (error) => journal.ended(order, outcomeOf(error))
    })
  yield* Effect.forEach(orders, (order, i) => Effect.delay(serve(order), pace * i), {
    concurrency: "unbounded",
    discard: true
  })

  // The same order, so the same key: whoever was charged already is not charged again.
  const clearUp = ({ order }: { readonly order: Order }) =>
    place(order).pipe(
      Effect.retry({ while: isUnknown, schedule: Schedule.spaced("500 millis"), times: 5 }),
      Effect.match({
        onSuccess: () => journal.ended(order, { _tag: "Paid" }),
        onFailure: (error) => journal.ended(order, isUnknown(error) ? unknown(error) : outcomeOf(error))
      })
    )
  const unclear = [...journal.entries.values()].filter(({ outcome }) => outcome._tag === "Unknown")
  yield* Effect.forEach(unclear, clearUp, { concurrency: 8, discard: true }).pipe(Effect.timeoutOption("4 seconds"))
})

type Failure = PaymentDeclined | IntegrationError

const outcomeOf = (error: Failure): Outcome => {
  if (error._tag === "PaymentDeclined") return { _tag: "Declined", reason: error.code }
  // Sent, and without an answer: the customer may have been charged.
  return error.wasSent ? unknown(error) : { _tag: "Failed", reason: error.reason._tag }
}

const unknown = (error: IntegrationError): Outcome => ({ _tag: "Unknown", reason: error.reason._tag })

const isUnknown = (error: Failure): error is IntegrationError => error._tag === "IntegrationError"
