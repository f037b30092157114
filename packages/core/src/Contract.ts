/**
 * Contracts of services that were not written with Effect: their errors as tagged classes, and the types that follow from
 * a contract.
 *
 * Third parties put no `_tag` on the wire, so an error is declared by its status, by the class it becomes, and by what it
 * looks like. What Effect has in one line is not repeated here: `HttpApiSchema.WithHeaders` and `encodeToWithHeaders` for
 * headers of a success, `HttpApiSchema.asNoContent` for an error without a body, `HttpApiSchema.asProblem` for
 * `application/problem+json`.
 *
 * @example
 * const CardError = Contract.error(402, CardDeclined, Schema.Struct({ error: Schema.Struct({ code: Schema.String }) }), {
 *   decode: ({ error }) => ({ code: error.code }),
 *   encode: ({ code }) => ({ error: { code } })
 * })
 * HttpApiEndpoint.post("create", "/v1/charges", { payload: Draft, success: Charge, error: CardError })
 */
import type * as Brand from "effect/Brand"
import type * as Effect from "effect/Effect"
import type * as Sse from "effect/encoding/Sse"
import type * as HttpApiClient from "effect/http-api/HttpApiClient"
import type * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import type * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import type * as HttpApiMiddleware from "effect/http-api/HttpApiMiddleware"
import * as HttpApiSchema from "effect/http-api/HttpApiSchema"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import * as SchemaParser from "effect/SchemaParser"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { Simplify } from "effect/Types"
import type { Fallback } from "./Fallback.ts"
import type { IntegrationError } from "./IntegrationError.ts"
import { writtenAs } from "./internal/contract/wire.ts"

/** An error of a third party: the class to us, the wire schema to them. */
export interface error<Class extends Schema.Top, Wire extends Schema.Top>
  extends Schema.decodeTo<Schema.toType<Class>, Wire>
{}

/**
 * A declared error for an endpoint's `error` list.
 *
 * `decode` makes the fields of the class from what came; `encode` is its inverse, for mocks and recorded answers. Several
 * errors of one status are tried in the order of the list, so the wire schema of the first should say what sets it apart
 * (`Schema.Literal`). Fields the class refuses make the answer an `InvalidResponse`.
 */
export const error = <Class extends Schema.Top, Wire extends Schema.Top, const Sent extends Wire["Type"]>(
  status: number,
  Class: Class,
  wire: Wire,
  map: {
    readonly decode: (wire: Wire["Type"]) => Class["~type.make.in"]
    readonly encode: (error: Class["Type"]) => Sent
  }
): error<Class, Wire> => {
  const make = SchemaParser.makeEffect(Class)
  return wire.pipe(
    Schema.decodeTo(Schema.toType(Class), {
      decode: SchemaGetter.transformEffect((wire: Wire["Type"]) => make(map.decode(wire))),
      encode: SchemaGetter.transform(map.encode)
    }),
    HttpApiSchema.status(status)
  ).annotate(writtenAs(wire))
}

/** An error of a third party that is told by body and headers together. */
export interface errorWithHeaders<
  Class extends Schema.Top,
  Body extends Schema.Top,
  Headers extends Schema.Struct.Fields
> extends HttpApiSchema.encodeToWithHeaders<Class, Body, Headers> {}

/**
 * As `error`, with response headers such as `Retry-After` or a request id among what the class is made of. Names are in
 * lower case, values strings on the wire. A status can have one such error, and beside it none of the same content type.
 */
export const errorWithHeaders = <
  Class extends Schema.Top,
  Body extends Schema.Top,
  const Headers extends Schema.Struct.Fields,
  const Sent extends Parts<Body, Headers>
>(
  status: number,
  Class: Class,
  wire: { readonly body: Body; readonly headers: Headers },
  map: {
    readonly decode: (wire: Parts<Body, Headers>) => Class["~type.make.in"]
    readonly encode: (error: Class["Type"]) => Sent
  }
): errorWithHeaders<Class, Body, Headers> => {
  const make = SchemaParser.makeOption(Class)
  return Class.pipe(
    HttpApiSchema.encodeToWithHeaders(
      { body: wire.body, headers: wire.headers },
      {
        // What the class refuses is handed on as it is, for the schema of the class to say what is wrong with it.
        decode: (parts) => Option.getOrElse(make(map.decode(parts)), () => map.decode(parts)),
        encode: map.encode
      }
    ),
    HttpApiSchema.status(status)
  )
}

type Parts<Body extends Schema.Top, Headers extends Schema.Struct.Fields> = Schema.Struct.Type<
  { readonly body: Body; readonly headers: Schema.Struct<Headers> }
>

/** An endpoint of whichever contract. */
export type Endpoint = HttpApiEndpoint.ConstraintRequest

/** The methods of a contract: one object per group, those of a top-level group directly. */
export type Client<Groups extends HttpApiGroup.Constraint> = Simplify<
  & { readonly [G in Exclude<Groups, TopLevel> as G["identifier"]]: Group<G> }
  & { readonly [E in TopLevelEndpoint<Groups> as E["identifier"]]: Method<E> }
>

/** Some of the methods of a contract, of any group. */
export type Handlers<Groups extends HttpApiGroup.Constraint> = Simplify<
  & { readonly [G in Exclude<Groups, TopLevel> as G["identifier"]]?: Partial<Group<G>> | undefined }
  & { readonly [E in TopLevelEndpoint<Groups> as E["identifier"]]?: Method<E> | undefined }
>

/** Fallbacks of some operations of a contract, of any group: each one fallback, or a chain of them. */
export type Fallbacks<Groups extends HttpApiGroup.Constraint> = Simplify<
  & {
    readonly [G in Exclude<Groups, TopLevel> as G["identifier"]]?:
      | { readonly [K in keyof G["endpoints"]]?: Chain<Extract<G["endpoints"][K], Endpoint>> | undefined }
      | undefined
  }
  & { readonly [E in TopLevelEndpoint<Groups> as E["identifier"]]?: Chain<E> | undefined }
>

// Inferred first, so that an error shows the fallback of a request and an answer rather than that of an endpoint.
type Chain<E extends Endpoint> = [Request<E>, Success<E>, Failure<E> | IntegrationError] extends
  [infer In, infer A, infer Failed] ? OneOrMore<Fallback<In, A, Failed, unknown>> : never
type OneOrMore<A> = A | ReadonlyArray<A>

/** Nothing but fallbacks of operations that there are: a group or an operation besides them is one too many. */
export type OnlyKnown<F, Groups extends HttpApiGroup.Constraint> = Known<F, Fallbacks<Groups>>
type Known<F, Shape> = {
  readonly [K in keyof F]: K extends keyof Shape
    ? NonNullable<F[K]> extends AnyFallback | ReadonlyArray<AnyFallback> ? unknown : Known<F[K], NonNullable<Shape[K]>>
    : never
}
type AnyFallback = Fallback<never, unknown, unknown, unknown>

/** What fallbacks need to answer. Each has a scope of its own. */
export type FallbackServices<F> = F extends Fallback<any, any, any, infer R> ? Exclude<R, Scope.Scope>
  : F extends ReadonlyArray<infer Element> ? FallbackServices<Element>
  : F extends object ? FallbackServices<F[keyof F]>
  : never

/** The methods of one group. */
export type Group<G extends HttpApiGroup.Constraint> = {
  readonly [K in keyof G["endpoints"]]: Method<Extract<G["endpoints"][K], Endpoint>>
}

/** One endpoint as a function. The request may be left out where the endpoint has none, or only optional parts. */
export type Method<E extends Endpoint> = [Request<E>, Success<E>, Failure<E>, HttpApiEndpoint.ClientServices<E>] extends
  [infer In, infer A, infer Declared, infer R] ?
  keyof In extends never ? () => Effect.Effect<A, Declared | IntegrationError, R>
  : {} extends In ? (request?: In | undefined) => Effect.Effect<A, Declared | IntegrationError, R>
  : (request: In) => Effect.Effect<A, Declared | IntegrationError, R>
  : never

/** What an endpoint takes. A part whose keys are all optional may be left out. */
export type Request<E extends Endpoint> = Simplify<
  & Part<"params", E["~Params"]["Type"]>
  & Part<"query", E["~Query"]["Type"]>
  & Part<"headers", E["~Headers"]["Type"]>
  & Part<"payload", Payload<E["~Payload"]>>
>

/** What an endpoint answers with. */
export type Success<E extends Endpoint> = Answer<E["~Success"]>

/** What an endpoint fails with as far as the contract declares it, errors of its middleware included. */
export type Failure<E extends Endpoint> = [E["~Error"]["Type"] | HttpApiMiddleware.Error<E["~Middleware"]>] extends
  [infer Declared] ? Declared : never

type TopLevel = HttpApiGroup.Constraint & { readonly topLevel: true }

type TopLevelEndpoint<Groups extends HttpApiGroup.Constraint> = Extract<
  HttpApiGroup.Endpoints<Extract<Groups, { readonly topLevel: true }>>,
  Endpoint
>

type Part<K extends string, T> = [T] extends [never] ? {}
  : unknown extends T ? { readonly [P in K]: T }
  : {} extends T ? { readonly [P in K]?: T | undefined }
  : { readonly [P in K]: T }

type Payload<S extends Schema.Constraint> = S extends HttpApiSchema.StreamUint8Array
  ? Stream.Stream<Uint8Array, unknown>
  : S extends HttpApiSchema.StreamNdjson<infer Element> ? Stream.Stream<Element["Type"], unknown>
  : S["Type"] extends infer T ?
    T extends Brand.Brand<HttpApiSchema.MultipartTypeId> | Brand.Brand<HttpApiSchema.MultipartStreamTypeId> ? FormData
    : T
  : never

type Answer<S> = S extends HttpApiSchema.WithHeaders<infer Body, infer Headers>
  ? { readonly body: Answer<Body>; readonly headers: Headers["Type"] }
  : S extends HttpApiSchema.StreamSse<infer _Events, infer Declared, infer Event>
    ? Stream.Stream<Event, Declared["Type"] | Sse.Retry | IntegrationError>
  : S extends HttpApiSchema.StreamUint8Array ? Stream.Stream<Uint8Array, IntegrationError>
  : S extends HttpApiSchema.StreamNdjson<infer Element> ? Stream.Stream<Element["Type"], IntegrationError>
  : S extends HttpApiSchema.Upgrade<infer Headers>
    ? [Headers] extends [never] ? HttpApiClient.Upgraded : HttpApiClient.Upgraded<Headers["Type"]>
  : S extends Schema.Constraint ? S["Type"]
  : never
