/** The answers of one status: which alternative the content type names, and its value. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as HttpApiSchema from "effect/http-api/HttpApiSchema"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import type { Issue } from "effect/SchemaIssue"
import { InvalidResponse } from "../../IntegrationError.ts"
import * as Transport from "../../Transport.ts"
import * as Codec from "./codec.ts"
import * as ContentType from "./contentType.ts"
import { describe } from "./issue.ts"
import { read, Unreadable } from "./readBody.ts"
import * as Wire from "./wire.ts"

/** Everything that is declared for one content type. */
interface Alternative extends ContentType.Declared {
  readonly encoding: Wire.Encoding
  readonly parse: Codec.Parse<unknown, Message>
}

interface Message {
  readonly body: unknown
  readonly headers: Transport.Headers
}

/** Fails with `InvalidResponse`; that of an error status as well. */
export const compile = (
  status: number,
  schemas: ReadonlyArray<Schema.Top>,
  options: SchemaAST.ParseOptions | undefined,
  headersOptions: SchemaAST.ParseOptions | undefined
): (response: Transport.Response) => Effect.Effect<unknown, InvalidResponse> => {
  const grouped = new Map<string, Array<Schema.Top>>()
  for (const schema of schemas) {
    const key = isEmpty(schema) ? "" : Wire.essence(Wire.responseEncoding(schema).contentType)
    grouped.set(key, [...grouped.get(key) ?? [], schema])
  }
  const alternatives = Array.from(grouped, ([essence, schemas]): Alternative => ({
    essence,
    encoding: Wire.responseEncoding(schemas[0]!),
    parse: Codec.firstOf(schemas.map((schema) => variant(schema, options, headersOptions)))
  }))
  const mismatch = (issue: Issue) => new InvalidResponse({ status, issue: describe(issue) })
  const invalid = (issue: string) => Exit.fail(new InvalidResponse({ status, issue }))
  return (response) => {
    const contentType = Transport.header(response.headers, "content-type")
    const alternative = ContentType.select(alternatives, contentType, response.body.length === 0)
    if (alternative === undefined) return invalid(ContentType.mismatch(alternatives, contentType))
    const body = alternative.essence === "" ? undefined : read(response.body, alternative.encoding._tag, contentType)
    return body instanceof Unreadable
      ? invalid(body.issue)
      : Effect.mapErrorEager(alternative.parse({ body, headers: response.headers }), mismatch)
  }
}

/** One schema: of the body alone, or of body and headers. */
const variant = (
  schema: Schema.Top,
  options: SchemaAST.ParseOptions | undefined,
  headersOptions: SchemaAST.ParseOptions | undefined
): Codec.Parse<unknown, Message> => {
  const folded = Wire.folded(schema.ast)
  if (folded !== undefined) {
    const both = pair(folded.bodyCodec, folded.headersCodec, options, headersOptions)
    const check = Codec.decoder(Schema.toType(schema), options)
    const value = Codec.guarded((parts: HeadersAndBody) => check(folded.transformation.decode(parts)))
    return (message) => Effect.flatMapEager(both(message), value)
  }
  if (HttpApiSchema.isWithHeaders(schema)) {
    const both = pair(schema.schema, schema.headers, options, headersOptions)
    return (message) => Effect.mapEager(both(message), HttpApiSchema.withHeaders)
  }
  return bodyDecoder(schema, options)
}

interface HeadersAndBody {
  readonly body: unknown
  readonly headers: unknown
}

const pair = (
  body: Schema.Top,
  headers: Schema.Top,
  options: SchemaAST.ParseOptions | undefined,
  headersOptions: SchemaAST.ParseOptions | undefined
): Codec.Parse<HeadersAndBody, Message> => {
  const decodeBody = bodyDecoder(body, options)
  const decodeHeaders = Codec.decoder(headers, headersOptions)
  return (message) =>
    Effect.flatMapEager(
      decodeBody(message),
      (body) => Effect.mapEager(decodeHeaders(Transport.joined(message.headers)), (headers) => ({ body, headers }))
    )
}

/** An empty body is `null` to the JSON codecs of `void` and `null`. */
const bodyDecoder = (
  schema: Schema.Top,
  options: SchemaAST.ParseOptions | undefined
): Codec.Parse<unknown, Message> => {
  const decode = Codec.decoder(schema, options)
  return SchemaAST.isNull(SchemaAST.toEncoded(schema.ast))
    ? ({ body }) => decode(body === undefined ? null : body)
    : ({ body }) => decode(body)
}

const isEmpty = (schema: Schema.Top): boolean =>
  HttpApiSchema.isNoContent((Wire.folded(schema.ast)?.bodyCodec ?? Wire.bodyOf(schema)).ast)
