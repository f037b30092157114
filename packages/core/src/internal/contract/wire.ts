/** What the schemas of an endpoint say about the wire. The one place that reads the annotations Effect keeps to itself. */
import * as Context from "effect/Context"
import * as HttpApi from "effect/http-api/HttpApi"
import type * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiSchema from "effect/http-api/HttpApiSchema"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"

/** How a body is written. */
export type Encoding = HttpApiSchema.ResponseEncoding

const encodingOf = SchemaAST.resolveAt<Encoding>("~httpApiEncoding")
const json: Encoding = { _tag: "Json", contentType: "application/json" }

/** How the body of a response is written; JSON unless the schema says otherwise. */
export const responseEncoding = (schema: Schema.Top): Encoding =>
  encodingOf(schema.ast) ?? (HttpApiSchema.isWithHeaders(schema) ? encodingOf(schema.schema.ast) : undefined) ?? json

/** An annotation for a schema that is made from another: its body is written as that one's is, JSON unless it says otherwise. */
export const writtenAs = (schema: Schema.Top): { readonly [key: string]: unknown } => {
  const encoding = encodingOf(schema.ast)
  return encoding === undefined ? {} : { "~httpApiEncoding": encoding }
}

/** A response whose value is made of body and headers. */
export interface Folded {
  readonly bodyCodec: Schema.Top
  readonly headersCodec: Schema.Top
  readonly transformation: { readonly decode: (pair: { readonly body: unknown; readonly headers: unknown }) => unknown }
}

/** What `HttpApiSchema.encodeToWithHeaders` left on a schema. */
export const folded: (ast: SchemaAST.AST) => Folded | undefined = SchemaAST.resolveAt("~httpApiWithHeaders")

/** A stream in one of the three formats. */
export const isStream = (schema: Schema.Top): schema is HttpApiSchema.StreamSchema =>
  Predicate.hasProperty(schema, "mode") && Predicate.hasProperty(schema, "contentTypes")

/** A connection that changes its protocol. */
export const isUpgrade = (schema: Schema.Top): schema is HttpApiSchema.Upgrade =>
  Predicate.hasProperty(schema, "protocol")

/** The body of a response, headers set aside. */
export const bodyOf = (schema: Schema.Top): Schema.Top => HttpApiSchema.isWithHeaders(schema) ? schema.schema : schema

/** The status of a success. */
export const successStatus = (schema: Schema.Top): number => statusOf(schema) ?? statusOf(bodyOf(schema)) ?? 200

const statusOf = (schema: Schema.Top): number | undefined =>
  Schema.resolveAnnotations(schema)?.httpApiStatus ?? Schema.resolveAnnotationsKey(schema)?.httpApiStatus

/** Whether an endpoint needs more than one whole request and one whole answer. */
export const isStreamed = (endpoint: HttpApiEndpoint.Top): boolean =>
  Array.from(endpoint.success).some((schema) => isStream(bodyOf(schema)) || isUpgrade(schema)) ||
  Array.from(endpoint.payload.values()).some(({ encoding }) =>
    encoding._tag === "Stream" || encoding._tag === "Multipart"
  )

/** Parse options per part, as the contract annotates them. */
export interface Options {
  readonly params: SchemaAST.ParseOptions | undefined
  readonly query: SchemaAST.ParseOptions | undefined
  readonly headers: SchemaAST.ParseOptions | undefined
  readonly payload: SchemaAST.ParseOptions | undefined
  readonly success: SchemaAST.ParseOptions | undefined
  readonly error: SchemaAST.ParseOptions | undefined
}

/** The more specific annotation wins. */
export const options = (annotations: Context.Context<never>): Options => {
  const all = Context.getOrUndefined(annotations, HttpApi.ParseOptions)
  return {
    params: Context.getOrUndefined(annotations, HttpApi.ParamsParseOptions) ?? all,
    query: Context.getOrUndefined(annotations, HttpApi.QueryParseOptions) ?? all,
    headers: Context.getOrUndefined(annotations, HttpApi.HeadersParseOptions) ?? all,
    payload: Context.getOrUndefined(annotations, HttpApi.PayloadParseOptions) ?? all,
    success: Context.getOrUndefined(annotations, HttpApi.SuccessParseOptions) ?? all,
    error: Context.getOrUndefined(annotations, HttpApi.ErrorParseOptions) ?? all
  }
}

/** The essence of a media type: lower case, without parameters. */
export const essence = (contentType: string): string => {
  const semicolon = contentType.indexOf(";")
  return (semicolon === -1 ? contentType : contentType.slice(0, semicolon)).trim().toLowerCase()
}
