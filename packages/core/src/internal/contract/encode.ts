/** Requests of an endpoint, from values to what goes over the wire. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpMethod from "effect/http/HttpMethod"
import * as UrlParams from "effect/http/UrlParams"
import type { Issue } from "effect/SchemaIssue"
import { InvalidRequest } from "../../IntegrationError.ts"
import { settled } from "../settled.ts"
import * as Codec from "./codec.ts"
import * as Headers from "./encodeHeaders.ts"
import * as Payload from "./encodePayload.ts"
import { describe } from "./issue.ts"
import type { Encoded } from "./operation.ts"
import type * as Path from "./path.ts"
import type * as Wire from "./wire.ts"

/** A request under construction. Every step sets fields of its own, so that repeating one changes nothing. */
interface Draft {
  path: string
  payload: Payload.Encoded
  query: string
  headers: Readonly<Record<string, string>>
}

/** What an endpoint says about its requests. */
export type Endpoint = Pick<HttpApiEndpoint.Top, "method" | "params" | "query" | "headers" | "payload">

type Parts = { readonly [_ in "params" | "query" | "headers" | "payload"]?: unknown }
/** The effect is an `Exit` in the common case, and `Exit.void` where all is well. */
type Step = (parts: Parts, draft: Draft) => Effect.Effect<void, InvalidRequest>

/** In the order params, payload, headers, query; the first part that does not match the contract is the one reported. */
export const compile = (
  endpoint: Endpoint,
  path: Path.Path,
  options: Wire.Options
): (request: unknown) => Effect.Effect<Encoded, InvalidRequest> => {
  const steps: Array<Step> = []
  if (endpoint.params !== undefined) {
    steps.push(part("params", Codec.encoder(endpoint.params, options.params), (params, draft) => {
      const built = path.build(params)
      if (typeof built !== "string") return built
      draft.path = built
      return undefined
    }))
  }
  const payload = payloadStep(endpoint, options)
  if (payload !== undefined) steps.push(payload)
  if (endpoint.headers !== undefined) {
    steps.push(part("headers", Codec.encoder(endpoint.headers, options.headers), (headers, draft) => {
      draft.headers = headers
      return Headers.check(headers)
    }))
  }
  if (endpoint.query !== undefined) {
    steps.push(part("query", Codec.encoder(endpoint.query, options.query), (query, draft) => {
      draft.query = UrlParams.toString(query)
      return undefined
    }))
  }
  const finish = (draft: Draft): Encoded => ({
    path: withQuery(draft.path, path.hasQuery, draft.payload.query, draft.query),
    headers: Headers.flatten(draft.payload.contentType, draft.headers),
    body: draft.payload.body
  })
  const from = (index: number, parts: Parts, draft: Draft): Effect.Effect<Encoded, InvalidRequest> => {
    for (let i = index; i < steps.length; i++) {
      const done = steps[i]!(parts, draft)
      if (done !== Exit.void) return Effect.flatMapEager(done, () => from(i + 1, parts, draft))
    }
    return Exit.succeed(finish(draft))
  }
  // Without parameters the template is the path.
  const draft = (): Draft => ({ path: path.template, payload: Payload.none, query: "", headers: noHeaders })
  if (steps.length === 0) {
    const fixed = Exit.succeed(finish(draft()))
    return () => fixed
  }
  return (request) => from(0, request ?? noParts, draft())
}

const payloadStep = (endpoint: Endpoint, options: Wire.Options): Step | undefined => {
  const alternatives = Payload.alternatives(endpoint.payload)
  if (alternatives.length === 0) return undefined
  const encode = HttpMethod.hasBody(endpoint.method)
    ? Payload.body(alternatives, options.payload)
    : Payload.query(alternatives, options.payload)
  const encodeAbsent = Codec.guarded(() => encode(Payload.absent(alternatives)))
  return step(
    ({ payload }) => payload === undefined ? encodeAbsent(undefined) : encode(payload),
    (issue) => new InvalidRequest({ issue: describe(issue, "payload") }),
    (encoded, draft) => {
      draft.payload = encoded
      return Exit.void
    }
  )
}

/** A part left out is one without keys. The cast: properties encode to strings, or to trees of them. */
const part = (
  name: "params" | "query" | "headers",
  encode: Codec.Parse,
  put: (encoded: Record<string, string>, draft: Draft) => InvalidRequest | undefined
): Step =>
  step(
    (parts) => encode(parts[name] === undefined ? noParts : parts[name]),
    (issue) => new InvalidRequest({ issue: describe(issue, name) }),
    (encoded, draft) => {
      const refused = put(encoded as Record<string, string>, draft)
      return refused === undefined ? Exit.void : Exit.fail(refused)
    }
  )

/** Most parts are encoded at once. */
const step = <A>(
  encode: (parts: Parts) => Effect.Effect<A, Issue>,
  invalid: (issue: Issue) => InvalidRequest,
  set: (encoded: A, draft: Draft) => Exit.Exit<void, InvalidRequest>
): Step =>
(parts, draft) => {
  const encoded = encode(parts)
  const exit = settled(encoded)
  return exit !== undefined && Exit.isSuccess(exit)
    ? set(exit.value, draft)
    : Effect.flatMapEager(Effect.mapErrorEager(encoded, invalid), (encoded) => set(encoded, draft))
}

const withQuery = (path: string, hasQuery: boolean, first: string, second: string): string => {
  const query = first === "" ? second : second === "" ? first : `${first}&${second}`
  return query === "" ? path : `${path}${hasQuery ? "&" : "?"}${query}`
}

const noParts: Parts = {}
const noHeaders: Readonly<Record<string, string>> = {}
