/** Answers of an endpoint: a decoder per status, and what a status says that the contract does not declare. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Schema from "effect/Schema"
import { RateLimited, type Reason, Unauthenticated, UnexpectedStatus } from "../../IntegrationError.ts"
import type * as Transport from "../../Transport.ts"
import * as Body from "./decodeBody.ts"
import type * as Wire from "./wire.ts"

/** As `HttpApi.reflect` lists them. */
export type Declared = ReadonlyMap<number, ReadonlyArray<Schema.Top>>

export type Decode = (
  response: Transport.Response,
  retryAfter: number | undefined
) => Effect.Effect<unknown, unknown>

/** A status that is declared both as a success and as an error is a success. */
export const compile = (successes: Declared, errors: Declared, options: Wire.Options): Decode => {
  const statuses = new Map<number, (response: Transport.Response) => Effect.Effect<unknown, unknown>>()
  for (const [status, schemas] of errors) {
    const decode = Body.compile(status, schemas, options.error, options.headers)
    statuses.set(status, (response) => Effect.flatMapEager(decode(response), Exit.fail))
  }
  for (const [status, schemas] of successes) {
    statuses.set(status, Body.compile(status, schemas, options.success, options.headers))
  }
  return (response, retryAfter) => {
    const decode = statuses.get(response.status)
    return decode === undefined ? Exit.fail(undeclared(response, retryAfter)) : decode(response)
  }
}

/** How much of a body that nobody declared is kept, in characters. */
const kept = 2048

const undeclared = (response: Transport.Response, retryAfter: number | undefined): Reason => {
  const wait = retryAfter === undefined ? undefined : Duration.millis(retryAfter)
  switch (response.status) {
    case 401:
      return new Unauthenticated({ wasSent: true })
    case 429:
      return new RateLimited({ by: "remote", retryAfter: wait })
    default:
      // A character takes four bytes at most.
      return UnexpectedStatus.withBody(
        response.status,
        wait,
        lenient.decode(response.body.subarray(0, 4 * kept)).slice(0, kept)
      )
  }
}

const lenient = new TextDecoder()
