// @effect-diagnostics floatingEffect:off missingEffectError:off
import * as Contract from "@switchboard/core/Contract"
import { Effect, Schema, Stream } from "effect"
import type * as HttpApi from "effect/http-api/HttpApi"
import type * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import { Declined, Item, type ItemId, NotFound, type TestApi } from "./contract.ts"

type GroupsOf<Api> = Api extends HttpApi.HttpApi<infer _Id, infer Groups extends HttpApiGroup.Constraint> ? Groups
  : never
type Groups = GroupsOf<typeof TestApi>

declare const client: Contract.Client<Groups>

export const get = client.items.get
export const remove = client.items.remove
export const search = client.items.search
export const replace = client.items.replace
export const bytes = client.streams.bytes
export const events = client.streams.events
export const push = client.streams.push
export const upload = client.streams.upload
export const ping = client.ping

export const searched = client.items.search()
export const searchedSome = client.items.search({ query: { limit: 1 } })
export const got = (id: typeof ItemId.Type) => client.items.get({ params: { id } })
export const caught = (id: typeof ItemId.Type) =>
  got(id).pipe(
    Effect.catchTag("NotFound", (error) => Effect.succeed(error.id)),
    Effect.catchTag("Forbidden", (error) => Effect.succeed(error.scope)),
    Effect.catchReason("IntegrationError", "CircuitOpen", () => Effect.succeed("later"))
  )

// @ts-expect-error a required part cannot be left out
client.items.get()
// @ts-expect-error nor a required key
client.items.create({ payload: { amount: 1 } })
// @ts-expect-error and nothing is passed to what takes nothing
client.ping({})

const handlers = (handlers: Contract.Handlers<Groups>) => handlers

handlers({
  items: {
    get: ({ params }) => params.id === "a" ? Effect.fail(new NotFound({ id: params.id })) : Effect.never,
    search: (request) => Effect.succeed({ data: [], more: request?.query?.archived ?? false }),
    replace: ({ payload }) =>
      Effect.succeed({ body: Item.make({ amount: payload.amount } as Item), headers: { "x-left": 1 } })
  },
  streams: { events: () => Effect.succeed(Stream.make({ seq: 1 })) },
  ping: () => Effect.succeed({ ok: true })
})
handlers({})
// @ts-expect-error a handler fails only with what the contract declares
handlers({ items: { get: () => Effect.fail(new Declined({ code: "c" })) } })
// @ts-expect-error and answers only with that
handlers({ ping: () => Effect.succeed({ ok: 1 }) })
// @ts-expect-error and only for endpoints there are
handlers({ items: { missing: () => Effect.void } })

class Refused extends Schema.TaggedError<Refused>()("Refused", { code: Schema.String }) {}
const Body = Schema.Struct({ error: Schema.Struct({ code: Schema.String }) })

export const refused = Contract.error(402, Refused, Body, {
  decode: ({ error }) => ({ code: error.code }),
  encode: ({ code }) => ({ error: { code } })
})
export const limited = Contract.errorWithHeaders(429, Refused, { body: Body, headers: { "retry-after": Schema.Int } }, {
  decode: ({ headers }) => ({ code: String(headers["retry-after"]) }),
  encode: ({ code }) => ({ body: { error: { code } }, headers: { "retry-after": 1 } })
})
Contract.error(402, Refused, Schema.Struct({ kind: Schema.Literals(["card", "bank"]) }), {
  decode: ({ kind }) => ({ code: kind }),
  encode: ({ code }) => ({ kind: code === "card" ? "card" : "bank" })
})
Contract.error(402, Refused, Body, {
  // @ts-expect-error the fields of the class are checked
  decode: ({ error }) => ({ code: error }),
  encode: ({ code }) => ({ error: { code } })
})
