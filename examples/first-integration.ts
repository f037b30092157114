/** A third party, declared once and called; its address and its token come from the environment. */
import { NodeRuntime } from "@effect/platform-node"
import * as Auth from "@switchboard/core/Auth"
import * as Integration from "@switchboard/core/Integration"
import * as NodeSwitchboard from "@switchboard/node/NodeSwitchboard"
import { Console, Effect, Layer, Schema } from "effect"
import { HttpApi, HttpApiEndpoint, HttpApiGroup, HttpApiSchema } from "effect/http-api"
import * as PaymentsServer from "./stand-ins/PaymentsServer.ts"

const Charge = Schema.Struct({ id: Schema.String, amount: Schema.Int })

class PaymentsApi extends HttpApi.make("payments").add(
  HttpApiGroup.make("charges").add(
    HttpApiEndpoint.post("create", "/charges", {
      payload: Schema.Struct({ amount: Schema.Int }),
      success: Charge.pipe(HttpApiSchema.status(201))
    })
  )
) {}

class Payments extends Integration.Service<Payments>()("coffee/Payments", { api: PaymentsApi, auth: Auth.bearer }) {}

const program = Effect.gen(function*() {
  const payments = yield* Payments
  const charge = yield* payments.charges.create({ payload: { amount: 450 } })
  yield* Console.log(`charged ${charge.amount} cents: ${charge.id}`)
})

program.pipe(
  Effect.provide(Payments.layerConfig.pipe(Layer.provide([NodeSwitchboard.layer, PaymentsServer.layer]))),
  NodeRuntime.runMain
)
