/** Requests, encoded and ready to be sent as often as need be. */
import * as Effect from "effect/Effect"
import * as Base64 from "effect/encoding/Base64"
import * as Exit from "effect/Exit"
import type { Reason } from "../../IntegrationError.ts"
import type { Answered } from "../cache/answered.ts"
import { isLarger } from "../contract/bodySize.ts"
import type { Buffered, Encoded, Operation } from "../contract/operation.ts"
import { isValue } from "../headerSyntax.ts"
import type * as Attempt from "../pipeline/attempt.ts"
import * as Credentials from "../pipeline/credentials.ts"
import * as Exchange from "../pipeline/exchange.ts"
import { inTurn } from "../pipeline/inTurn.ts"
import type * as Run from "../pipeline/run.ts"
import * as StreamedClient from "../pipeline/streamedClient.ts"
import { settled } from "../settled.ts"
import { defaultKeyHeader } from "./operationOptions.ts"
import type { Shared } from "./shared.ts"

/** A request that can be sent. */
export interface Prepared extends Run.Work {
  /** It has an idempotency key in a header that the contract declares: that stays as it is. */
  readonly keyed: boolean
  /** The same for an answer that is kept. */
  readonly kept: (known: Answered | undefined) => Run.Work
  /** Equal for requests of one audience that are sent alike. */
  readonly identity: () => string
}

export type Prepare = (request: unknown, plan: Run.Plan) => Effect.Effect<Prepared, Reason>

export const buffered = (operation: Buffered, shared: Shared): Prepare => {
  const wire: Exchange.Wire = { ...shared, ...sending(operation, shared), operation }
  const prepared = (encoded: Encoded, plan: Run.Plan, audience: string): Exit.Exit<Prepared, Reason> =>
    isLarger(encoded.body, plan.maxRequestBytes)
      ? Exit.fail(StreamedClient.tooLarge(plan.maxRequestBytes))
      : Exit.succeed(new Request(wire, plan, encoded, audience))
  if (shared.audienceOfCall !== undefined && shared.answering.has(operation.name)) {
    // As what auth does in the attempt, it sees nothing of what was asked for at the call site.
    const audience = Effect.updateContext(shared.audienceOfCall, inTurn<never>)
    return (request, plan) =>
      Effect.flatMap(
        operation.encode(request),
        (encoded) => Effect.flatMap(audience, (audience) => prepared(encoded, plan, audience))
      )
  }
  return (request, plan) => {
    const encoded = operation.encode(request)
    const exit = settled(encoded)
    return exit !== undefined && Exit.isSuccess(exit)
      ? prepared(exit.value, plan, "")
      : Effect.flatMap(encoded, (encoded) => prepared(encoded, plan, ""))
  }
}

class Request implements Prepared {
  readonly oneShot = false
  private readonly wire: Exchange.Wire
  private readonly plan: Run.Plan
  private readonly encoded: Encoded
  private readonly audience: string

  constructor(wire: Exchange.Wire, plan: Run.Plan, encoded: Encoded, audience: string) {
    this.wire = wire
    this.plan = plan
    this.encoded = encoded
    this.audience = audience
  }

  get keyed(): boolean {
    return isKeyed(this.encoded, this.plan)
  }

  start(attempt: Attempt.Attempt, sink: Attempt.Sink): Attempt.Running {
    return Exchange.start(this.wire, this.plan, this.encoded, attempt, sink)
  }

  kept(known: Answered | undefined): Run.Work {
    const { encoded, oneShot, plan, wire } = this
    return { oneShot, start: (attempt, sink) => Exchange.startKept(wire, plan, encoded, known, attempt, sink) }
  }

  identity(): string {
    const { audience, encoded: { body, headers, path } } = this
    return JSON.stringify([audience, path, headers, typeof body, typeof body === "object" ? Base64.encode(body) : body])
  }
}

/** What an operation adds to what all share. */
export const sending = ({ secretUrl, template }: Operation, { authenticator }: Shared) => ({
  secretTemplate: secretUrl ? template : undefined,
  authorize: typeof authenticator === "function" ? authenticator : Credentials.prepare(authenticator)
})

export const isKeyed = ({ headers }: Encoded, { keyHeader = defaultKeyHeader }: Run.Plan): boolean => {
  for (let i = 0; i < headers.length; i += 2) if (headers[i] === keyHeader) return isKey(headers[i + 1]!)
  return false
}

/** A header loses the space around its value, so that one without anything else would be empty. */
export const isKey = (key: string): boolean => typeof key === "string" && key.trim() !== "" && isValue(key)
