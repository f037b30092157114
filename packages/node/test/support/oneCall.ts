/** A program that makes one call and has nothing else to do: `node oneCall.ts <origin>`. */
import * as Integration from "@switchboard/core/Integration"
import * as Effect from "effect/Effect"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Schema from "effect/Schema"
import * as NodeSwitchboard from "../../src/NodeSwitchboard.ts"

class Charges extends HttpApiGroup.make("charges").add(
  HttpApiEndpoint.get("get", "/charges/1", { success: Schema.Struct({ id: Schema.String }) })
) {}
class PaymentsApi extends HttpApi.make("payments").add(Charges) {}
class Payments extends Integration.Service<Payments>()("test/OneCall", { api: PaymentsApi }) {}

// Nobody disposes of the runtime: what a program forgets to close must not keep it alive.
const runtime = ManagedRuntime.make(
  Payments.layer({ baseUrl: process.argv[2] }).pipe(Layer.provide(NodeSwitchboard.layer))
)
await runtime.runPromise(Effect.flatMap(Payments, (payments) => payments.charges.get()))
process.disconnect()
