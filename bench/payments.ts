// The contract of the server, and the calls of what is made from it: of our integrations, and of Effect's HttpApiClient.
import * as Integration from "@switchboard/core/Integration"
import * as IntegrationError from "@switchboard/core/IntegrationError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as HttpApiSchema from "effect/http-api/HttpApiSchema"
import type * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { chunks, order } from "./bodies.ts"
import type { Contender } from "./contender.ts"
import { build } from "./effects.ts"

export const Charge = Schema.Struct({
  id: Schema.String,
  amount: Schema.Int,
  currency: Schema.String,
  status: Schema.String,
  description: Schema.String
})
export const Page = Schema.Struct({ object: Schema.String, has_more: Schema.Boolean, data: Schema.Array(Charge) })
export const Order = Schema.Struct({ amount: Schema.Int, currency: Schema.String, description: Schema.String })
export const Received = Schema.Struct({ received: Schema.Int })

const params = { id: Schema.String }
export const getCharge = HttpApiEndpoint.get("get", "/v1/charges/:id", { params, success: Charge })
export const createCharge = HttpApiEndpoint.post("create", "/v1/charges", { payload: Order, success: Charge })
export const listCharges = HttpApiEndpoint.get("list", "/v1/charges", { success: Page })
/** Of a server that is in trouble; no other operation is behind the same settings. */
export const getFlaky = HttpApiEndpoint.get("flaky", "/v1/flaky/:id", { params, success: Charge })

class Charges extends HttpApiGroup.make("charges").add(getCharge, createCharge, listCharges, getFlaky) {}
export class Files extends HttpApiGroup.make("files").add(
  HttpApiEndpoint.get("download", "/v1/export", { success: HttpApiSchema.StreamUint8Array() }),
  HttpApiEndpoint.post("upload", "/v1/import", { payload: HttpApiSchema.StreamUint8Array(), success: Received })
) {}
export class PaymentsApi extends HttpApi.make("payments").add(Charges).add(Files) {}

/** The standard pipeline: what every integration has that says nothing about it. */
export class Payments extends Integration.Service<Payments>()("bench/Payments", { api: PaymentsApi }) {}

type Client = Context.Service.Shape<typeof Payments>

/** Waiting is no work, so that retries hardly wait. */
export const settings = (baseUrl: string, maxConnections: number) => ({
  baseUrl,
  pool: { maxConnections },
  retry: { baseDelay: "1 millis", maxDelay: "2 millis" }
} as const)

/** More than can be done, so that nobody waits. */
export const rateLimit = { algorithm: "token-bucket", limit: 1_000_000, window: "1 second" } as const

export const count = Stream.runFold(() => 0, (bytes: number, chunk: Uint8Array) => bytes + chunk.byteLength)
export const upload: Stream.Stream<Uint8Array> = Stream.fromIterable(chunks)

/** All calls of an integration. */
export const contenderOf = async <Self, E>(
  service: Context.Key<Self, Client>,
  layer: Layer.Layer<Self, E>
): Promise<Contender> => {
  const { calls, context, refused, ...rest } = await build(layer)
  const { charges, files } = Context.get(context, service)
  const id = { params: { id: "ch_1" } }
  return {
    get: calls(() => charges.get(id)),
    post: calls(() => charges.create({ payload: order })),
    getPage: calls(() => charges.list()),
    getFlaky: calls(() => charges.flaky(id)),
    getRefused: refused(
      () => charges.flaky(id),
      (error) => IntegrationError.isIntegrationError(error) && error.reason._tag === "CircuitOpen"
    ),
    download: calls(() => Effect.flatMap(files.download(), count)),
    upload: calls(() => files.upload({ payload: upload })),
    ...rest
  }
}
