// Ours: a typed method with the standard pipeline (retry, breaker, bulkhead, timeouts, metrics) and schema decoding.
import * as Integration from "@switchboard/core/Integration"
import * as NodeSwitchboard from "@switchboard/node/NodeSwitchboard"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import type { Open } from "../contender.ts"

const Charge = Schema.Struct({
  id: Schema.String,
  amount: Schema.Int,
  currency: Schema.String,
  status: Schema.String,
  description: Schema.String
})
class Charges extends HttpApiGroup.make("charges").add(HttpApiEndpoint.get("get", "/charge", { success: Charge })) {}
class PaymentsApi extends HttpApi.make("payments").add(Charges) {}
class Payments extends Integration.Service<Payments>()("bench/Payments", { api: PaymentsApi }) {}

export const open: Open = async (baseUrl, maxConnections) => {
  const scope = Scope.makeUnsafe()
  const layer = Payments.layer({ baseUrl, pool: { maxConnections } }).pipe(Layer.provide(NodeSwitchboard.layer))
  const context = await Effect.runPromise(Layer.buildWithScope(layer, scope))
  const { charges } = Context.get(context, Payments)
  const run = Effect.runForkWith(context)
  return {
    call: (done) => {
      run(charges.get()).addObserver((exit) => done(Exit.isSuccess(exit) ? exit.value : new Error(String(exit.cause))))
    },
    close: () => Effect.runPromise(Scope.close(scope, Exit.void))
  }
}
