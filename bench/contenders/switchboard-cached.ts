// Ours with cache and coalescing, each request unlike all others: what it costs where nothing can be shared.
import * as Integration from "@switchboard/core/Integration"
import * as NodeSwitchboard from "@switchboard/node/NodeSwitchboard"
import * as Context from "effect/Context"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type { Open } from "../contender.ts"
import { build } from "../effects.ts"
import { Charge, settings } from "../payments.ts"

class Charges extends HttpApiGroup.make("charges").add(
  HttpApiEndpoint.get("get", "/v1/charges/:id", {
    params: { id: Schema.String },
    query: { version: Schema.Int },
    success: Charge
  })
) {}
class PaymentsApi extends HttpApi.make("payments").add(Charges) {}
class Payments extends Integration.Service<Payments>()("bench/Cached", {
  api: PaymentsApi,
  resilience: { cache: { ttl: "1 minute" }, coalesce: true }
}) {}

export const open: Open = async (origin, connections) => {
  const { calls, close, context } = await build(
    Payments.layer(settings(origin, connections)).pipe(Layer.provide(NodeSwitchboard.layer))
  )
  const { charges } = Context.get(context, Payments)
  let version = 0
  return { get: calls(() => charges.get({ params: { id: "ch_1" }, query: { version: ++version } })), close }
}
