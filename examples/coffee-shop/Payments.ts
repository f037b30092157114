/** The payment service: its contract as it documents it, and how the shop deals with it. */
import * as Auth from "@switchboard/core/Auth"
import * as Contract from "@switchboard/core/Contract"
import * as Integration from "@switchboard/core/Integration"
import { Schema } from "effect"
import { HttpApi, HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
import { MoneyFromNumber } from "./Money.ts"

export const PaymentMethod = Schema.Literals(["credit_card", "debit_card", "gift_card"])

export const PaymentRequest = Schema.Struct({
  orderId: Schema.String.check(Schema.isUUID()),
  amount: MoneyFromNumber,
  currency: Schema.Literal("USD"),
  paymentMethod: PaymentMethod
})

export const Payment = Schema.Struct({
  paymentId: Schema.String,
  orderId: Schema.String,
  amount: MoneyFromNumber
})

/** The bank said no. That is an answer to the order, and no failure of the payment service. */
export class PaymentDeclined extends Schema.TaggedError<PaymentDeclined>()("PaymentDeclined", {
  code: Schema.String
}) {}

const Declined = Contract.error(
  402,
  PaymentDeclined,
  Schema.Struct({ error: Schema.Struct({ code: Schema.String }) }),
  {
    decode: ({ error }) => ({ code: error.code }),
    encode: ({ code }) => ({ error: { code } })
  }
)

class PaymentsApi extends HttpApi.make("payments").add(
  HttpApiGroup.make("payments", { topLevel: true }).add(
    HttpApiEndpoint.post("charge", "/payment", {
      // Whoever sends a key may send again: the service charges once per key.
      headers: { "idempotency-key": Schema.String },
      payload: PaymentRequest,
      success: Payment,
      error: Declined
    })
  )
) {}

/** Settings: `PAYMENTS_BASE_URL`, `PAYMENTS_TOKEN`, and any other that is to differ from what stands here. */
export class Payments extends Integration.Service<Payments>()("coffee/Payments", {
  api: PaymentsApi,
  auth: Auth.bearer,
  resilience: {
    attemptTimeout: "10 seconds",
    totalTimeout: "15 seconds",
    retry: { maxRetries: 3 },
    breaker: { failureThreshold: 3, resetTimeout: "30 seconds", maxResetTimeout: "2 minutes" }
  }
}) {}
