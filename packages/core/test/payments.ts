/** The third party of these tests: small, and with one of everything that the pipeline treats differently. */
import * as Auth from "@switchboard/core/Auth"
import * as Contract from "@switchboard/core/Contract"
import * as Integration from "@switchboard/core/Integration"
import * as Resilience from "@switchboard/core/Resilience"
import * as Stores from "@switchboard/core/Stores"
import * as TestTransport from "@switchboard/testing/TestTransport"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as HttpApiSchema from "effect/http-api/HttpApiSchema"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"

export class CardDeclined extends Schema.TaggedError<CardDeclined>()("CardDeclined", { code: Schema.String }) {}
export class Busy extends Schema.TaggedError<Busy>()("Busy", {}) {}

export const Charge = Schema.Struct({ id: Schema.String, amount: Schema.Int })

export class Charges extends HttpApiGroup.make("charges").add(
  HttpApiEndpoint.get("get", "/charges/:id", { params: { id: Schema.String }, success: Charge }),
  HttpApiEndpoint.post("create", "/charges", {
    headers: { "idempotency-key": Schema.optionalKey(Schema.String) },
    payload: Schema.Struct({ amount: Schema.Int }),
    success: Charge,
    error: Contract.error(402, CardDeclined, Schema.Struct({ error: Schema.Struct({ code: Schema.String }) }), {
      decode: ({ error }) => ({ code: error.code }),
      encode: ({ code }) => ({ error: { code } })
    })
  }),
  HttpApiEndpoint.post("capture", "/charges/:id/capture", { params: { id: Schema.String }, success: Charge })
    .annotate(Resilience.Settings, { idempotencyKey: true }),
  HttpApiEndpoint.get("quick", "/quick", { success: Charge, error: Busy.pipe(HttpApiSchema.status(503)) })
    .annotate(Resilience.Settings, { attemptTimeout: "1 second", totalTimeout: "2 seconds" })
) {}
export class Files extends HttpApiGroup.make("files").add(
  HttpApiEndpoint.get("download", "/files/:id", {
    params: { id: Schema.String },
    success: HttpApiSchema.StreamUint8Array()
  }),
  HttpApiEndpoint.put("upload", "/files/:id", {
    params: { id: Schema.String },
    payload: HttpApiSchema.StreamUint8Array(),
    success: HttpApiSchema.NoContent
  })
) {}
export class PaymentsApi extends HttpApi.make("payments").add(Charges).add(Files) {}

export class Payments extends Integration.Service<Payments>()("test/Payments", {
  api: PaymentsApi,
  baseUrl: "https://payments.example/v1",
  auth: Auth.bearer
}) {}

export const token = Redacted.make("sk_test_canary")
export const charge = { id: "ch_1", amount: 250 }

/** The real integration over a scripted remote. */
export const layer = (
  script: TestTransport.Script,
  settings: Omit<Parameters<typeof Payments.layer>[0], "token"> = {}
) =>
  Payments.layer({ token, ...settings }).pipe(
    Layer.provideMerge(TestTransport.layer(script)),
    Layer.provide(Stores.layerMemory)
  )
