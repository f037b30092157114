/**
 * The types that follow from a contract: what a client of it looks like, and what stands in for one in a test.
 *
 * Methods are not generic and every part of them is resolved, so that handlers are typed by their place and an editor
 * shows `(request: { … }) => Effect<Charge, CardDeclined | IntegrationError>`.
 */
import type * as Brand from "effect/Brand"
import type * as Effect from "effect/Effect"
import type * as Sse from "effect/encoding/Sse"
import type * as HttpApiClient from "effect/http-api/HttpApiClient"
import type * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import type * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import type * as HttpApiMiddleware from "effect/http-api/HttpApiMiddleware"
import type * as HttpApiSchema from "effect/http-api/HttpApiSchema"
import type * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import type { Simplify } from "effect/Types"
import type { IntegrationError } from "./IntegrationError.ts"

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
