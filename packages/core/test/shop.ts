/** A third party to read from: a menu that can be cached, orders that cannot, and a feed. */
import * as Contract from "@switchboard/core/Contract"
import * as Integration from "@switchboard/core/Integration"
import * as Stores from "@switchboard/core/Stores"
import * as TestTransport from "@switchboard/testing/TestTransport"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as HttpApiSchema from "effect/http-api/HttpApiSchema"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"

export class NotFound extends Schema.TaggedError<NotFound>()("NotFound", { id: Schema.String }) {}
export class Closed extends Schema.TaggedError<Closed>()("Closed", { until: Schema.String }) {}

export const Menu = Schema.Array(Schema.Struct({ name: Schema.String, price: Schema.Int }))

export class MenuGroup extends HttpApiGroup.make("menu").add(
  HttpApiEndpoint.get("list", "/menus/:shop", {
    params: { shop: Schema.String },
    query: { lang: Schema.optionalKey(Schema.String) },
    headers: { "accept-language": Schema.optionalKey(Schema.String) },
    success: Menu,
    error: [
      Contract.error(404, NotFound, Schema.Struct({ id: Schema.String }), { decode: (e) => e, encode: (e) => e }),
      Contract.error(503, Closed, Schema.Struct({ until: Schema.String }), { decode: (e) => e, encode: (e) => e })
    ]
  }),
  HttpApiEndpoint.get("feed", "/feed", { success: HttpApiSchema.StreamUint8Array() })
) {}
export class Orders extends HttpApiGroup.make("orders").add(
  HttpApiEndpoint.post("place", "/orders", {
    payload: Schema.Struct({ item: Schema.String }),
    success: Schema.Struct({ id: Schema.String })
  })
) {}
export class ShopApi extends HttpApi.make("shop").add(MenuGroup).add(Orders) {}

export const menu = [{ name: "flat white", price: 390 }]
export const later = [{ name: "espresso", price: 250 }]

type Groups = typeof MenuGroup | typeof Orders

/** The shop over a scripted remote, as its methods. */
export const shop = <F extends Contract.Fallbacks<Groups> = {}>(
  { fallback, id = "test/Shop", ...options }: Partial<Integration.Options<Groups, {}>> & {
    readonly id?: string
    readonly fallback?: F & Contract.OnlyKnown<F, Groups>
  } = {},
  settings: Integration.Settings<{}> = {}
) => {
  class Shop extends Integration.Service<Shop>()(id, { api: ShopApi, baseUrl: "https://shop.example", ...options })
    .withFallback<F>(fallback ?? {} as F & Contract.OnlyKnown<F, Groups>)
  {}
  return Effect.map(Layer.build(Shop.layer(settings)), Context.get(Shop))
}

export const remote = (script: TestTransport.Script) => Layer.merge(TestTransport.layer(script), Stores.layerMemory)

export const requests = Effect.flatMap(TestTransport.TestTransport, (wire) => wire.requests)
export const sent = Effect.map(requests, ({ length }) => length)
