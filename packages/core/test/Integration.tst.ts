// @effect-diagnostics floatingEffect:off missingEffectError:off
import * as Auth from "@switchboard/core/Auth"
import type * as Contract from "@switchboard/core/Contract"
import type * as Definition from "@switchboard/core/Definition"
import * as Fallback from "@switchboard/core/Fallback"
import * as Integration from "@switchboard/core/Integration"
import type { IntegrationError } from "@switchboard/core/IntegrationError"
import type { InvalidOptions } from "@switchboard/core/InvalidOptions"
import type { Stores } from "@switchboard/core/Stores"
import { type Config, Context, Effect, type Layer, Redacted, Schema } from "effect"
import type { HttpClient } from "effect/http"
import { expectTypeOf } from "vitest"
import { CardDeclined, charge, type Charges, Payments, PaymentsApi, token } from "./payments.ts"
import { VaultApi } from "./vault.ts"

declare const payments: typeof Payments.Service

export const get = payments.charges.get
export const create = payments.charges.create
export const quick = payments.charges.quick
export const download = payments.files.download
export const layer = Payments.layer
export const layerConfig = Payments.layerConfig
export const circuit = Payments.circuit

/** What needs nothing from outside is built from nothing. */
class Open extends Integration.Service<Open>()("test/Open", { api: PaymentsApi, baseUrl: "https://open.example" }) {}
class Basic extends Integration.Service<Basic>()("test/Basic", { api: PaymentsApi, auth: Auth.basic }) {}
/** The methods of a top-level group belong to the client itself. */
class Vault extends Integration.Service<Vault>()("test/Vault", { api: VaultApi, auth: Auth.none }) {}
declare const vault: typeof Vault.Service
export const vaultGet = vault.get
const make = Integration.make("test/Made", { api: VaultApi, auth: Auth.apiKey({ query: "key" }) })
expectTypeOf(make).parameter(0).toExtend<{ readonly apiKey: Redacted.Redacted }>()

export const open = Open.layer()
export const openWith = Open.layer({ totalTimeout: "1 second" })
Payments.layer({ token })
Payments.layer({ token, baseUrl: "https://other.example", retry: false, pool: { maxConnections: 2 } })
Basic.layer({ username: "u", password: Redacted.make("p") })
// @ts-expect-error the token is missing
Payments.layer()
// @ts-expect-error the token is missing
Payments.layer({})
// @ts-expect-error a secret is Redacted
Payments.layer({ token: "sk_1" })
// @ts-expect-error the password is missing
Basic.layer({ username: "u" })
// @ts-expect-error what the scheme does not need is no setting
Open.layer({ token })
// @ts-expect-error what is no option is refused
Payments.layer({ token, timeout: "1 second" })

const custom = { places: [], authenticator: () => ({}) } as const
Auth.custom({ ...custom, settings: { merchant: Schema.String } })
// @ts-expect-error it would hide an option of every integration
Auth.custom({ ...custom, settings: { merchant: Schema.String, retry: Schema.String } })
// @ts-expect-error it would hide an option of every integration
Auth.custom({ ...custom, settings: { baseUrl: Schema.String } })

expectTypeOf(Payments.layer({ token })).toEqualTypeOf<
  Layer.Layer<Payments, InvalidOptions, HttpClient.HttpClient | Stores>
>()
expectTypeOf(Payments.layerConfig).toEqualTypeOf<
  Layer.Layer<Payments, Config.ConfigError, HttpClient.HttpClient | Stores>
>()
expectTypeOf(payments.charges.get({ params: { id: "a" } })).toEqualTypeOf<
  Effect.Effect<{ readonly id: string; readonly amount: number }, IntegrationError>
>()
expectTypeOf(payments.charges.create({ payload: { amount: 1 } })).toEqualTypeOf<
  Effect.Effect<{ readonly id: string; readonly amount: number }, CardDeclined | IntegrationError>
>()

export const pay = Effect.gen(function*() {
  const payments = yield* Payments
  return yield* payments.charges.create({ payload: { amount: 250 } })
})

export const caught = pay.pipe(
  Effect.catchTag("CardDeclined", (error) => Effect.succeed(error.code)),
  Effect.catchReason(
    "IntegrationError",
    "CircuitOpen",
    (reason) => Effect.succeed(reason.retryAfter === undefined ? "later" : "soon")
  )
)
export const narrowed = pay.pipe(
  Effect.catchTag("IntegrationError", ({ reason }) =>
    reason._tag === "UnexpectedStatus"
      ? Effect.succeed(reason.status)
      : Effect.fail(reason._tag))
)
// @ts-expect-error a tag that no error has
Effect.catchTag(pay, "CardExpired", () => Effect.void)
// @ts-expect-error a reason there is not
Effect.catchReason(pay, "IntegrationError", "Tired", () => Effect.void)

export const layerTest = Payments.layerTest({
  charges: {
    create: ({ payload }) =>
      payload.amount > 100 ? Effect.fail(new CardDeclined({ code: "no" })) : Effect.succeed(charge),
    get: ({ params }) => Effect.succeed({ id: params.id, amount: 1 })
  }
})
expectTypeOf(layerTest).toEqualTypeOf<Layer.Layer<Payments>>()
Payments.layerTest({})
Vault.layerTest({ get: ({ params }) => Effect.succeed({ id: params.id }) })
// @ts-expect-error an answer that the contract does not declare
Payments.layerTest({ charges: { get: () => Effect.succeed({ id: 1, amount: 1 }) } })
// @ts-expect-error an error that the contract does not declare
Payments.layerTest({ charges: { get: () => Effect.fail(new CardDeclined({ code: "no" })) } })
// @ts-expect-error an endpoint there is not
Payments.layerTest({ charges: { refund: () => Effect.succeed(charge) } })
// @ts-expect-error a group there is not
Payments.layerTest({ refunds: {} })

/** What a fallback needs is what the layers need. */
export class Backup
  extends Context.Service<Backup, { readonly charge: Effect.Effect<typeof charge> }>()("test/Backup")
{}
export class Guarded extends Integration.Service<Guarded>()("test/Guarded", {
  api: PaymentsApi,
  baseUrl: "https://payments.example"
}).withFallback({
  charges: {
    get: [
      Fallback.cache({ maxAge: "1 hour" }),
      Fallback.alternative((request) => {
        expectTypeOf(request).toEqualTypeOf<{ readonly params: { readonly id: string } }>()
        return Effect.flatMap(Backup, ({ charge }) => charge)
      })
    ],
    create: Fallback.value(charge)
  }
}) {}
export const guardedLayer = Guarded.layer
expectTypeOf(Guarded.layer()).toEqualTypeOf<
  Layer.Layer<Guarded, InvalidOptions, HttpClient.HttpClient | Stores | Backup>
>()
/** Given again, the layers need what either needs; the scope of a fallback is its own. */
class Twice extends Integration.Service<Twice>()("test/Twice", { api: PaymentsApi, baseUrl: "https://twice.example" })
  .withFallback({
    charges: {
      get: Fallback.alternative(() => Effect.flatMap(Backup, ({ charge }) => Effect.andThen(Effect.scope, charge)))
    }
  })
  .withFallback({
    charges: {
      create: Fallback.queue({
        offer: (request) => {
          expectTypeOf(request.payload).toEqualTypeOf<{ readonly amount: number }>()
          return Effect.void
        },
        answer: ({ payload }) => ({ id: "queued", amount: payload.amount })
      }),
      quick: [Fallback.degrade((request) => {
        expectTypeOf(request).toEqualTypeOf<{}>()
        return charge
      })]
    }
  })
{}
expectTypeOf(Twice.layer()).toEqualTypeOf<
  Layer.Layer<Twice, InvalidOptions, HttpClient.HttpClient | Stores | Backup>
>()
/** Of the methods of a top-level group, a chain by endpoint. */
Vault.withFallback({ get: [Fallback.cache({ maxAge: "1 hour" }), Fallback.value({ id: "v" })] })
// @ts-expect-error an endpoint there is not, beside one there is
Vault.withFallback({ get: Fallback.value({ id: "v" }), put: Fallback.value({ id: "v" }) })
// @ts-expect-error an endpoint there is not, beside one there is
Payments.withFallback({ charges: { get: Fallback.value(charge), gte: Fallback.value(charge) } })
// @ts-expect-error a group there is not, beside one there is
Payments.withFallback({ charges: { get: Fallback.value(charge) }, chrages: { get: Fallback.value(charge) } })
/** Of what a chain typed by hand needs nothing is known, and that is seen. */
declare const byHand: Contract.Fallbacks<typeof Charges>
const Handmade = Payments.withFallback(byHand)
expectTypeOf(Handmade.layer({ token })).toEqualTypeOf<Layer.Layer<Payments, InvalidOptions, unknown>>()
// @ts-expect-error an answer that the contract does not declare
Payments.withFallback({ charges: { get: Fallback.value({ id: 1 }) } })
// @ts-expect-error an error that the contract does not declare
Payments.withFallback({ charges: { get: Fallback.alternative(() => Effect.fail(new CardDeclined({ code: "no" }))) } })
expectTypeOf(Payments.reload({ token: Redacted.make("t") })).toEqualTypeOf<
  Effect.Effect<void, InvalidOptions, Payments>
>()
// @ts-expect-error what auth needs
Payments.reload({})
declare const definition: Definition.Definition
expectTypeOf(Payments.reloadDefinition(definition, { awaitInFlight: true })).toEqualTypeOf<
  Effect.Effect<void, InvalidOptions, Payments>
>()
