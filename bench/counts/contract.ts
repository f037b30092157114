// What the scenarios call: one small answer, asked for or ordered with a payload of 1 KiB.
import * as Resilience from "@switchboard/core/Resilience"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as Schema from "effect/Schema"

export const Charge = Schema.Struct({
  id: Schema.String,
  amount: Schema.Int,
  currency: Schema.String,
  status: Schema.String
})

class Charges extends HttpApiGroup.make("charges").add(
  HttpApiEndpoint.get("get", "/charges/:id", { params: { id: Schema.String }, success: Charge }),
  HttpApiEndpoint.post("create", "/charges", {
    payload: Schema.Struct({ amount: Schema.Int, currency: Schema.String, note: Schema.String }),
    success: Charge
  }).annotate(Resilience.Settings, { idempotencyKey: true })
) {}
export class PaymentsApi extends HttpApi.make("payments").add(Charges) {}

export const charge = { id: "ch_1", amount: 450, currency: "USD", status: "succeeded" }
export const order = { amount: 450, currency: "USD", note: "x".repeat(1024 - 40) }
