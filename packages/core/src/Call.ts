/**
 * Who calls what: known to every layer below a call through `CurrentCall`, and to every event above it.
 */
import * as Context from "effect/Context"

/** One attempt of one logical call. */
export interface Call {
  /** The id of the integration, such as `coffee/Payments`. */
  readonly integration: string
  /** `group.endpoint`. */
  readonly operation: string
  /** Sent as `X-Request-ID`: the same on every attempt of a call, unique between calls. */
  readonly requestId: string
  /** From 1. */
  readonly attempt: number
  /** The value of `Idempotency-Key` where one is sent: the same on every attempt of a call. */
  readonly idempotencyKey: string | undefined
}

/** The call that the running effect is part of, if it is part of one. */
export const CurrentCall: Context.Reference<Call | undefined> = Context.Reference<Call | undefined>(
  "switchboard/Call/CurrentCall",
  { defaultValue: () => undefined }
)
