/** What happens to calls, as it happens: integration events in the envelope that observability platforms take. */
import { NodeRuntime } from "@effect/platform-node"
import * as Events from "@switchboard/core/Events"
import * as Integration from "@switchboard/core/Integration"
import * as NodeSwitchboard from "@switchboard/node/NodeSwitchboard"
import { Effect, Layer, Schema } from "effect"
import { HttpApi, HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
import { randomUUID } from "node:crypto"
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

// The first answer is a 503, so there is something to tell: an attempt, a retry, an attempt, an answer.
const program = Effect.flatMap(Payments, ({ charges }) => charges.get({ params: { id: "ch_flaky" } }))

const log = Events.layerListener((event) => {
  console.log(JSON.stringify(Events.toEnvelope(event, randomUUID())))
})

const live = Payments.layerConfig.pipe(Layer.provide([NodeSwitchboard.layer, PaymentsServer.layer, log]))
program.pipe(Effect.provide(live), NodeRuntime.runMain)
