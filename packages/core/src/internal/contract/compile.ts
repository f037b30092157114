/** Contracts, compiled: an operation per endpoint. */
import { memoize } from "effect/Function"
import * as HttpApi from "effect/http-api/HttpApi"
import type * as Types from "effect/Types"
import * as Decode from "./decode.ts"
import * as Encode from "./encode.ts"
import type { Buffered, Common, Operation } from "./operation.ts"
import * as Path from "./path.ts"
import { hasSecretUrl } from "./secrets.ts"
import * as Streamed from "./streamed.ts"
import * as Wire from "./wire.ts"

/** An operation and where it stands in the contract. */
export interface Compiled {
  readonly group: string
  /** The methods of the group belong to the client itself. */
  readonly topLevel: boolean
  readonly endpoint: string
  readonly operation: Operation
}

/**
 * In the order of the contract. All integrations of a contract have the same operations, and so the same code of its
 * schemas, which is soon as fast as it gets. The cast: which contract it is matters to nothing here.
 */
export const compile = memoize((contract: HttpApi.Constraint): ReadonlyArray<Compiled> => {
  const api = contract as HttpApi.Top
  const compiled: Array<Compiled> = []
  HttpApi.reflect(api, {
    onGroup: () => {},
    onEndpoint: ({ endpoint, errors, group, mergedAnnotations, successes }) => {
      const options = Wire.options(mergedAnnotations)
      const path = Path.compile(endpoint.path, endpoint.params)
      const common: Common = {
        name: group.topLevel ? endpoint.identifier : `${group.identifier}.${endpoint.identifier}`,
        method: endpoint.method,
        template: path.template,
        secretUrl: hasSecretUrl(endpoint),
        annotations: [api.annotations, group.annotations, endpoint.annotations]
      }
      compiled.push({
        group: group.identifier,
        topLevel: group.topLevel,
        endpoint: endpoint.identifier,
        operation: Wire.isStreamed(endpoint)
          ? {
            _tag: "Streamed",
            ...common,
            ...Streamed.compile(api, { endpoint, errors, group: group.identifier, successes }, path, options)
          }
          : buffered(
            common,
            () => Encode.compile(endpoint, path, options),
            () => Decode.compile(successes, errors, options)
          )
      })
    }
  })
  return compiled
})

/** Each half is compiled when it is used first: of a large contract most processes call a few operations. */
const buffered = (common: Common, encode: () => Buffered["encode"], decode: () => Buffered["decode"]): Buffered => {
  const operation: Types.Mutable<Buffered> = {
    _tag: "Buffered",
    ...common,
    encode: (request) => (operation.encode = encode())(request),
    decode: (response, retryAfter) => (operation.decode = decode())(response, retryAfter)
  }
  return operation
}
