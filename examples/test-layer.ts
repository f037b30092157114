/** The code under test stays as it is; in place of the network, a layer of handlers. */
import { NodeRuntime } from "@effect/platform-node"
import * as Integration from "@switchboard/core/Integration"
import { Console, Effect, Schema } from "effect"
import { HttpApi, HttpApiEndpoint, HttpApiGroup, HttpApiSchema } from "effect/http-api"

class CardDeclined extends Schema.TaggedError<CardDeclined>()("CardDeclined", { code: Schema.String }) {}

class PaymentsApi extends HttpApi.make("payments").add(
  HttpApiGroup.make("charges").add(
    HttpApiEndpoint.post("create", "/charges", {
      payload: Schema.Struct({ amount: Schema.Int }),
      success: Schema.Struct({ id: Schema.String }),
      error: CardDeclined.pipe(HttpApiSchema.status(402))
    })
  )
) {}

class Payments extends Integration.Service<Payments>()("coffee/Payments", { api: PaymentsApi }) {}

const pay = Effect.fn("pay")(function*(amount: number) {
  const payments = yield* Payments
  return yield* payments.charges.create({ payload: { amount } }).pipe(
    Effect.map(({ id }) => `paid: ${id}`),
    Effect.catchTag("CardDeclined", ({ code }) => Effect.succeed(`declined: ${code}`))
  )
})

const declinesLargeAmounts = Payments.layerTest({
  charges: {
    create: ({ payload: { amount } }) =>
      amount > 1000 ? Effect.fail(new CardDeclined({ code: "limit" })) : Effect.succeed({ id: "ch_test" })
  }
})

const program = Effect.forEach([450, 4500], pay).pipe(Effect.tap((answers) => Console.log(answers.join(", "))))
program.pipe(Effect.provide(declinesLargeAmounts), NodeRuntime.runMain)
