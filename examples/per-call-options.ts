/** Settings for one call: they win over those of the integration, the contract and the configuration. */
import { NodeRuntime } from "@effect/platform-node"
import * as Integration from "@switchboard/core/Integration"
import * as Resilience from "@switchboard/core/Resilience"
import * as NodeSwitchboard from "@switchboard/node/NodeSwitchboard"
import { Console, Effect, Layer, Schema } from "effect"
import { HttpApi, HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
import * as PaymentsServer from "./stand-ins/PaymentsServer.ts"

class PaymentsApi extends HttpApi.make("payments").add(
  HttpApiGroup.make("charges").add(
    HttpApiEndpoint.get("get", "/charges/:id", {
      params: { id: Schema.String },
      success: Schema.Struct({ id: Schema.String })
    })
  )
) {}

class Payments extends Integration.Service<Payments>()("coffee/Payments", { api: PaymentsApi }) {}

const program = Effect.gen(function*() {
  const { charges } = yield* Payments

  // Nobody waits for this one longer than a moment.
  yield* charges.get({ params: { id: "ch_slow" } }).pipe(
    Resilience.withOptions({ totalTimeout: "100 millis" }),
    Effect.catchTag("IntegrationError", (error) => Console.log(error.message))
  )
  // And this one is not worth a second attempt.
  yield* charges.get({ params: { id: "ch_flaky" } }).pipe(
    Resilience.withOptions({ retry: false }),
    Effect.catchReason("IntegrationError", "UnexpectedStatus", ({ status }) => Console.log(`gave up at ${status}`))
  )
})

const live = Payments.layerConfig.pipe(Layer.provide([NodeSwitchboard.layer, PaymentsServer.layer]))
program.pipe(Effect.provide(live), NodeRuntime.runMain)
