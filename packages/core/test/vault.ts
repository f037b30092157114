/** A third party with every kind of request that credentials are attached to, under any authentication scheme. */
import type * as Auth from "@switchboard/core/Auth"
import * as Contract from "@switchboard/core/Contract"
import * as Integration from "@switchboard/core/Integration"
import * as Stores from "@switchboard/core/Stores"
import * as TestTransport from "@switchboard/testing/TestTransport"
import * as Effect from "effect/Effect"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as HttpApiSchema from "effect/http-api/HttpApiSchema"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"

export const Item = Schema.Struct({ id: Schema.String })
export const item = { id: "i1" }

export class Refused extends Schema.TaggedError<Refused>()("Refused", { code: Schema.String }) {}
const refused = Contract.error(402, Refused, Schema.Struct({ code: Schema.String }), {
  decode: ({ code }) => ({ code }),
  encode: ({ code }) => ({ code })
})

class Items extends HttpApiGroup.make("items", { topLevel: true }).add(
  HttpApiEndpoint.get("get", "/items/:id", {
    params: { id: Schema.String },
    query: { q: Schema.optionalKey(Schema.String), api_key: Schema.optionalKey(Schema.String) },
    headers: { cookie: Schema.optionalKey(Schema.String), "x-api-key": Schema.optionalKey(Schema.String) },
    success: Item,
    error: refused
  }),
  HttpApiEndpoint.post("create", "/items", {
    payload: Schema.Struct({ name: Schema.String, apiKey: Schema.optionalKey(Schema.String) }),
    success: Item,
    error: refused
  }),
  HttpApiEndpoint.post("list", "/lists", { payload: Schema.Array(Schema.String), success: Item }),
  HttpApiEndpoint.post("touch", "/touch", { success: Item }),
  HttpApiEndpoint.post("submit", "/forms", {
    payload: Schema.Struct({ name: Schema.String, apiKey: Schema.optionalKey(Schema.String) })
      .pipe(HttpApiSchema.asFormUrlEncoded()),
    success: Item
  }),
  HttpApiEndpoint.get("download", "/files/:id", {
    params: { id: Schema.String },
    query: { q: Schema.optionalKey(Schema.String) },
    headers: { cookie: Schema.optionalKey(Schema.String) },
    success: HttpApiSchema.StreamUint8Array()
  }),
  HttpApiEndpoint.post("ask", "/ask", {
    payload: Schema.Struct({ prompt: Schema.String }),
    success: HttpApiSchema.StreamUint8Array(),
    error: refused
  })
) {}
export class VaultApi extends HttpApi.make("vault").add(Items) {}

export const baseUrl = "https://vault.example/v1"

/** A client under a scheme, over the remote in context. */
export const client = <const Fields extends Schema.Struct.Fields>(
  auth: Auth.Auth<Fields>,
  settings: Integration.Settings<NoInfer<Fields>>
) => Integration.make("test/Vault", { api: VaultApi, baseUrl, auth })(settings)

export const remote = (script: TestTransport.Script, options?: TestTransport.Options) =>
  Layer.merge(TestTransport.layer(script, options), Stores.layerMemory)

export const sent = Effect.flatMap(TestTransport.TestTransport, (wire) => wire.requests)
