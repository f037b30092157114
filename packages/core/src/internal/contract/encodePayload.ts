/** Payloads: JSON, forms, text and bytes in the body; a query where the method has no body. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as UrlParams from "effect/http/UrlParams"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type * as SchemaAST from "effect/SchemaAST"
import * as SchemaIssue from "effect/SchemaIssue"
import * as Codec from "./codec.ts"
import type { Encoding } from "./wire.ts"

/** A payload on its way. */
export interface Encoded {
  readonly contentType: string | undefined
  readonly body: string | Uint8Array | undefined
  readonly query: string
}

export const none: Encoded = { contentType: undefined, body: undefined, query: "" }

/** One schema a payload may have, and how it is written. */
export interface Alternative {
  readonly schema: Schema.Top
  readonly encoding: Encoding
}

/** In the order of the contract, less those that are streamed. */
export const alternatives = (payload: HttpApiEndpoint.PayloadMap): ReadonlyArray<Alternative> =>
  Array.from(payload.values()).flatMap(({ encoding, schemas }) => {
    if (encoding._tag === "Stream" || encoding._tag === "Multipart") return []
    const { _tag, contentType } = encoding
    return schemas.map((schema) => ({ schema, encoding: { _tag, contentType } }))
  })

/** The first alternative that accepts the payload writes it. */
export const body = (
  alternatives: ReadonlyArray<Alternative>,
  options: SchemaAST.ParseOptions | undefined
): Codec.Parse<Encoded> =>
  Codec.firstOf(alternatives.map(({ encoding, schema }) => {
    const encode = Codec.encoder(schema, options)
    const written = (payload: unknown) => write(payload, encoding)
    return (payload) => Effect.flatMapEager(encode(payload), written)
  }))

/** For methods without a body. */
export const query = (
  alternatives: ReadonlyArray<Alternative>,
  options: SchemaAST.ParseOptions | undefined
): Codec.Parse<Encoded> =>
  Codec.firstOf(alternatives.map(({ schema }) => {
    const encode = Codec.encoder(schema, options)
    return (payload) => Effect.mapEager(encode(payload), (encoded): Encoded => ({ ...none, query: form(encoded) }))
  }))

/** What stands for a payload that was left out: nothing where that is allowed, else one without keys. */
export const absent = (alternatives: ReadonlyArray<Alternative>): {} | undefined =>
  !alternatives.some(({ schema }) => Schema.is(schema)(undefined)) &&
    alternatives.some(({ schema }) => Schema.is(schema)({}))
    ? {}
    : undefined

const write = (payload: unknown, encoding: Encoding): Effect.Effect<Encoded, SchemaIssue.Issue> => {
  switch (encoding._tag) {
    case "Json":
      try {
        return written(JSON.stringify(payload) ?? "", encoding)
      } catch {
        return unwritable("a value that JSON can hold")
      }
    case "FormUrlEncoded":
      return Predicate.isObject(payload) ? written(form(payload), encoding) : unwritable("a record")
    case "Text":
      return typeof payload === "string" ? written(payload, encoding) : unwritable("a string")
    case "Uint8Array":
      return payload instanceof Uint8Array ? written(payload, encoding) : unwritable("bytes")
  }
}

const written = (body: string | Uint8Array, { contentType }: Encoding): Exit.Exit<Encoded> =>
  Exit.succeed({ contentType, body, query: "" })

const unwritable = (expected: string): Exit.Exit<never, SchemaIssue.Issue> =>
  Exit.fail(new SchemaIssue.InvalidValue({ expected }))

/** The cast: a codec to a tree of strings has made it. */
const form = (tree: unknown): string => UrlParams.toString(tree as UrlParams.Input)
