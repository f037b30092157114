/** The order flow: charge the customer, answer, and notify behind the answer. */
import type { IntegrationError } from "@switchboard/core/IntegrationError"
import { type BigDecimal, Context, Effect, Layer } from "effect"
import { Announcements } from "./Announcements.ts"
import { type PaymentDeclined, type PaymentMethod, Payments } from "./Payments.ts"

export interface Order {
  /** A UUID. */
  readonly id: string
  readonly total: BigDecimal.BigDecimal
  readonly paymentMethod: typeof PaymentMethod.Type
  readonly customerEmail: string
}

export interface Receipt {
  readonly orderId: string
  readonly paymentId: string
  readonly paid: BigDecimal.BigDecimal
}

export class Orders extends Context.Service<Orders, {
  /**
   * Takes the money for an order. The order's id is the key of the charge, so that an order whose answer was lost may be
   * placed again: it is charged once.
   */
  readonly place: (order: Order) => Effect.Effect<Receipt, PaymentDeclined | IntegrationError>
}>()("coffee/Orders") {
  static readonly layer = Layer.effect(
    Orders,
    Effect.gen(function*() {
      const payments = yield* Payments
      const announcements = yield* Announcements

      const place = Effect.fn("Orders.place")(function*(order: Order) {
        const payment = yield* payments.charge({
          headers: { "idempotency-key": order.id },
          payload: { orderId: order.id, amount: order.total, currency: "USD", paymentMethod: order.paymentMethod }
        })
        yield* announcements.announce({
          type: "order_status",
          orderId: order.id,
          status: "paid",
          customerEmail: order.customerEmail
        })
        return { orderId: order.id, paymentId: payment.paymentId, paid: payment.amount }
      })

      return { place }
    })
  )
}
