/** A contract with one endpoint of each kind, for the tests of what is compiled from contracts. */
import { Schema } from "effect"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as HttpApiMiddleware from "effect/http-api/HttpApiMiddleware"
import * as HttpApiSchema from "effect/http-api/HttpApiSchema"
import * as HttpApiSecurity from "effect/http-api/HttpApiSecurity"

export class NotFound extends Schema.TaggedError<NotFound>("test/NotFound")("NotFound", {
  id: Schema.String
}, { httpApiStatus: 404 }) {}

export class Declined extends Schema.TaggedError<Declined>("test/Declined")("Declined", {
  code: Schema.String
}, { httpApiStatus: 402 }) {}

export class Expired extends Schema.TaggedError<Expired>("test/Expired")("Expired", {
  at: Schema.DateTimeUtcFromMillis
}, { httpApiStatus: 402 }) {}

export class Throttled extends Schema.TaggedError<Throttled>("test/Throttled")("Throttled", {
  seconds: Schema.Int,
  message: Schema.String
}) {}

export class Forbidden extends Schema.TaggedError<Forbidden>("test/Forbidden")("Forbidden", {
  scope: Schema.String
}, { httpApiStatus: 403 }) {}

const ThrottledByHeader = Throttled.pipe(
  HttpApiSchema.encodeToWithHeaders({
    body: Schema.Struct({ message: Schema.String }).pipe(HttpApiSchema.status(429)),
    headers: { "retry-after": Schema.FiniteFromString.check(Schema.isInt()) }
  }, {
    decode: ({ body, headers }) => new Throttled({ seconds: headers["retry-after"], message: body.message }),
    encode: (error) => ({ body: { message: error.message }, headers: { "retry-after": error.seconds } })
  })
)

export class Signed extends HttpApiMiddleware.Service<Signed>()("test/Signed", {
  requiredForClient: true,
  security: { bearer: HttpApiSecurity.bearer },
  error: Forbidden
}) {}

export const ItemId = Schema.String.pipe(Schema.brand("ItemId"))

export class Item extends Schema.Class<Item>("test/Item")({
  id: ItemId,
  amount: Schema.Int,
  created: Schema.DateTimeUtcFromMillis,
  tags: Schema.Array(Schema.String),
  note: Schema.optionalKey(Schema.String),
  parent: Schema.NullOr(Schema.String)
}) {}

const Draft = Schema.Struct({
  amount: Schema.Int,
  due: Schema.optionalKey(Schema.DateTimeUtcFromString),
  lines: Schema.Array(Schema.Struct({ sku: Schema.String, count: Schema.Int }))
})

export class ItemsGroup extends HttpApiGroup.make("items").add(
  HttpApiEndpoint.get("get", "/v1/items/:id", {
    params: { id: ItemId },
    success: Item,
    error: NotFound
  }),
  HttpApiEndpoint.get("version", "/v1/items/:id/versions/:version(\\d+)?", {
    params: { id: ItemId, version: Schema.optionalKey(Schema.Int) },
    success: Schema.String.pipe(HttpApiSchema.asText())
  }),
  HttpApiEndpoint.get("search", "/v1/items", {
    query: {
      limit: Schema.optionalKey(Schema.Int),
      archived: Schema.optional(Schema.Boolean),
      tag: Schema.optionalKey(Schema.Array(Schema.String)),
      created: Schema.optionalKey(
        Schema.Struct({ gte: Schema.DateTimeUtcFromString, lt: Schema.optionalKey(Schema.Int) })
      )
    },
    headers: { "x-tenant": Schema.optionalKey(Schema.String), "x-count": Schema.optionalKey(Schema.Int) },
    success: Schema.Struct({ data: Schema.Array(Item), more: Schema.Boolean })
  }),
  HttpApiEndpoint.post("create", "/v1/items", {
    headers: { "idempotency-key": Schema.optionalKey(Schema.String) },
    payload: Draft,
    success: [
      Item.pipe(HttpApiSchema.status(201)),
      Schema.Struct({ ticket: Schema.String }).pipe(HttpApiSchema.status(202)),
      HttpApiSchema.NoContent
    ],
    error: [Declined, Expired, ThrottledByHeader, Schema.String.pipe(HttpApiSchema.asText(), HttpApiSchema.status(409))]
  }),
  HttpApiEndpoint.put("replace", "/v1/items/:id", {
    params: { id: ItemId },
    query: { force: Schema.optionalKey(Schema.Boolean) },
    payload: Schema.Struct({
      amount: Schema.Int,
      metadata: Schema.optionalKey(Schema.Record(Schema.String, Schema.String)),
      lines: Schema.optionalKey(Schema.Array(Schema.Struct({ sku: Schema.String })))
    }).pipe(HttpApiSchema.asFormUrlEncoded()),
    success: HttpApiSchema.WithHeaders(Item, {
      "request-id": Schema.optionalKey(Schema.String),
      "x-left": Schema.optionalKey(Schema.Int)
    })
  }),
  HttpApiEndpoint.delete("remove", "/v1/items/:id", {
    params: { id: ItemId },
    success: HttpApiSchema.NoContent,
    error: NotFound
  }),
  HttpApiEndpoint.get("find", "/v1/find", {
    payload: { q: Schema.String, page: Schema.optionalKey(Schema.Int) },
    success: Schema.Array(Schema.String)
  }),
  HttpApiEndpoint.head("exists", "/v1/items/:id", { params: { id: ItemId }, success: HttpApiSchema.Empty(200) })
).middleware(Signed) {}

export class BlobsGroup extends HttpApiGroup.make("blobs").add(
  HttpApiEndpoint.post("text", "/blobs/text", {
    payload: Schema.String.pipe(HttpApiSchema.asText()),
    success: Schema.String.pipe(HttpApiSchema.asText({ contentType: "text/markdown" }))
  }),
  HttpApiEndpoint.post("bytes", "/blobs/bytes", {
    payload: Schema.Uint8Array.pipe(HttpApiSchema.asUint8Array({ contentType: "image/png" })),
    success: Schema.Uint8Array.pipe(HttpApiSchema.asUint8Array({ contentType: "application/pdf" }))
  }),
  HttpApiEndpoint.post("form", "/blobs/form", {
    payload: Schema.Struct({ a: Schema.String, b: Schema.Int }),
    success: Schema.Struct({ a: Schema.String, b: Schema.FiniteFromString }).pipe(HttpApiSchema.asFormUrlEncoded())
  }),
  HttpApiEndpoint.patch("either", "/blobs/either", {
    payload: [
      Schema.Struct({ json: Schema.Int }),
      Schema.Struct({ form: Schema.String }).pipe(HttpApiSchema.asFormUrlEncoded()),
      Schema.Struct({ kind: Schema.Literal("special") }).pipe(
        HttpApiSchema.asJson({ contentType: "application/vnd.special+json" })
      ),
      Schema.String.pipe(HttpApiSchema.asText())
    ],
    success: [
      Schema.Struct({ json: Schema.Int }),
      Schema.Struct({ other: Schema.String }),
      Schema.String.pipe(HttpApiSchema.asText()),
      Schema.Uint8Array.pipe(HttpApiSchema.asUint8Array())
    ]
  }),
  HttpApiEndpoint.get("maybe", "/blobs/maybe", {
    success: [Schema.Struct({ ready: Schema.Boolean }), HttpApiSchema.Empty(200)]
  }),
  HttpApiEndpoint.get("nothing", "/blobs/nothing", { success: Schema.Void })
) {}

export class StreamsGroup extends HttpApiGroup.make("streams").add(
  HttpApiEndpoint.get("bytes", "/streams/:id", {
    params: { id: Schema.String },
    success: HttpApiSchema.StreamUint8Array(),
    error: NotFound
  }),
  HttpApiEndpoint.get("events", "/streams/events", {
    query: { since: Schema.optionalKey(Schema.Int) },
    success: HttpApiSchema.StreamSse({ data: Schema.Struct({ seq: Schema.Int }) })
  }),
  HttpApiEndpoint.get("lines", "/streams/lines", {
    success: HttpApiSchema.StreamNdjson({ schema: Schema.Struct({ n: Schema.Int }) })
  }),
  HttpApiEndpoint.post("push", "/streams/push", {
    payload: HttpApiSchema.StreamUint8Array(),
    success: Schema.Struct({ size: Schema.Int })
  }),
  HttpApiEndpoint.post("upload", "/streams/upload", {
    payload: Schema.Struct({ title: Schema.String }).pipe(HttpApiSchema.asMultipart()),
    success: HttpApiSchema.NoContent
  })
) {}

export class RootGroup extends HttpApiGroup.make("root", { topLevel: true }).add(
  HttpApiEndpoint.get("ping", "/ping", { success: Schema.Struct({ ok: Schema.Boolean }) })
) {}

export class TestApi extends HttpApi.make("test").add(ItemsGroup).add(BlobsGroup).add(StreamsGroup).add(RootGroup) {}
