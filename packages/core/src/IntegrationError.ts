/**
 * The one error the toolkit raises, and its reasons.
 *
 * A method of an integration fails with what its contract declares, untouched, or with an `IntegrationError` whose
 * `reason` says what happened. Every reason answers the three questions a caller has: may the same call succeed if it is
 * made again (`isRetryable`), when (`retryAfter`), and can the remote have processed it (`wasSent`).
 *
 * A message never holds a header, a query or a body.
 *
 * @example
 * program.pipe(
 *   Effect.catchReason("IntegrationError", "CircuitOpen", (reason) => later(reason.retryAfter))
 * )
 */
import * as Duration from "effect/Duration"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { enableConstructors } from "./internal/compiled.ts"
import { wait } from "./internal/wording.ts"

/** What every reason answers. */
export interface Questions {
  /** The same call may succeed if it is made again. */
  readonly isRetryable: boolean
  /** The least time to wait before that, where it is known. */
  readonly retryAfter: Duration.Duration | undefined
  /** False only where it is proven that the request did not reach the remote, so that repeating it is safe. */
  readonly wasSent: boolean
}

const Millis = Schema.DurationFromMillis

/** The connection failed. `wasSent` is false when it failed before the request was written. */
export class Transport extends Schema.TaggedError<Transport>("switchboard/Transport")("Transport", {
  /** What broke: refused, reset, name resolution, connect timeout, TLS, a body cut short, closed by us, or another failure. */
  kind: Schema.Literals([
    "Refused",
    "Reset",
    "NameNotResolved",
    "ConnectTimeout",
    "Tls",
    "Truncated",
    "Closed",
    "Other"
  ]),
  /** The platform's error code, such as `ECONNRESET`; never its message. */
  code: Schema.optionalKey(Schema.String),
  wasSent: Schema.Boolean
}) implements Questions {
  get isRetryable(): boolean {
    return this.kind !== "Tls" && this.kind !== "Closed"
  }
  get retryAfter(): undefined {
    return undefined
  }
  override get message(): string {
    const code = this.code === undefined ? "" : ` (${this.code})`
    return `connection failed: ${this.kind}${code}`
  }
}

/** One attempt, connect to the last byte of the body, took longer than its timeout. */
export class AttemptTimeout extends Schema.TaggedError<AttemptTimeout>("switchboard/AttemptTimeout")("AttemptTimeout", {
  timeout: Millis,
  wasSent: Schema.Boolean
}) implements Questions {
  get isRetryable(): boolean {
    return true
  }
  get retryAfter(): undefined {
    return undefined
  }
  override get message(): string {
    return `no complete answer within ${Duration.format(this.timeout)}`
  }
}

/** The whole call, waits and retries included, may not take longer: its own total timeout or an inherited deadline. */
export class DeadlineExceeded extends Schema.TaggedError<DeadlineExceeded>("switchboard/DeadlineExceeded")(
  "DeadlineExceeded",
  { timeout: Millis, wasSent: Schema.Boolean }
) implements Questions {
  get isRetryable(): boolean {
    return true
  }
  get retryAfter(): undefined {
    return undefined
  }
  override get message(): string {
    return `deadline exceeded after ${Duration.format(Duration.millis(Math.round(Duration.toMillis(this.timeout))))}`
  }
}

/** The remote said 429, or the toolkit's own limiter refused before sending. */
export class RateLimited extends Schema.TaggedError<RateLimited>("switchboard/RateLimited")("RateLimited", {
  by: Schema.Literals(["remote", "local"]),
  retryAfter: Schema.UndefinedOr(Millis)
}) implements Questions {
  get isRetryable(): boolean {
    return true
  }
  get wasSent(): boolean {
    return this.by === "remote"
  }
  override get message(): string {
    return `rate limited by the ${this.by === "remote" ? "remote" : "local limiter"}${wait(this.retryAfter)}`
  }
}

/** The circuit is open (or an operator isolated it): nothing was sent. */
export class CircuitOpen extends Schema.TaggedError<CircuitOpen>("switchboard/CircuitOpen")("CircuitOpen", {
  isolated: Schema.Boolean,
  retryAfter: Schema.UndefinedOr(Millis)
}) implements Questions {
  get isRetryable(): boolean {
    return !this.isolated
  }
  get wasSent(): boolean {
    return false
  }
  override get message(): string {
    return this.isolated ? "circuit isolated by an operator" : `circuit open${wait(this.retryAfter)}`
  }
}

/** All permits are taken and the queue is full: nothing was sent. */
export class BulkheadFull extends Schema.TaggedError<BulkheadFull>("switchboard/BulkheadFull")("BulkheadFull", {
  limit: Schema.Int
}) implements Questions {
  get isRetryable(): boolean {
    return true
  }
  get retryAfter(): undefined {
    return undefined
  }
  get wasSent(): boolean {
    return false
  }
  override get message(): string {
    return `bulkhead full: ${this.limit} calls are in flight`
  }
}

/** The remote refused the credentials, or there were none to send. */
export class Unauthenticated extends Schema.TaggedError<Unauthenticated>("switchboard/Unauthenticated")(
  "Unauthenticated",
  { wasSent: Schema.Boolean, detail: Schema.optionalKey(Schema.String) }
) implements Questions {
  get isRetryable(): boolean {
    return false
  }
  get retryAfter(): undefined {
    return undefined
  }
  override get message(): string {
    const detail = this.detail === undefined ? "" : `: ${this.detail}`
    return `${this.wasSent ? "credentials refused" : "no credentials to send"}${detail}; check the auth settings`
  }
}

/** A status the contract does not declare. */
export class UnexpectedStatus extends Schema.TaggedError<UnexpectedStatus>("switchboard/UnexpectedStatus")(
  "UnexpectedStatus",
  { status: Schema.Int, retryAfter: Schema.UndefinedOr(Millis) }
) implements Questions {
  #body: Redacted.Redacted | undefined
  /** With the first part of the body, kept in this process only. */
  static withBody(status: number, retryAfter: Duration.Duration | undefined, body: string): UnexpectedStatus {
    const self = new UnexpectedStatus({ status, retryAfter })
    self.#body = Redacted.make(body, { label: "body" })
    return self
  }
  /** The first part of the answer's body, at most 2,048 characters. It may hold anything, so it is never encoded or logged. */
  get body(): Redacted.Redacted | undefined {
    return this.#body
  }
  get isRetryable(): boolean {
    return isTransientStatus(this.status)
  }
  get wasSent(): boolean {
    return true
  }
  override get message(): string {
    return `unexpected status ${this.status}${wait(this.retryAfter)}`
  }
}

/** The answer does not match the contract: wrong shape, wrong content type, not UTF-8, not JSON. */
export class InvalidResponse extends Schema.TaggedError<InvalidResponse>("switchboard/InvalidResponse")(
  "InvalidResponse",
  { status: Schema.Int, issue: Schema.String }
) implements Questions {
  get isRetryable(): boolean {
    return isTransientStatus(this.status)
  }
  get retryAfter(): undefined {
    return undefined
  }
  get wasSent(): boolean {
    return true
  }
  override get message(): string {
    return `answer with status ${this.status} does not match the contract: ${this.issue}`
  }
}

/** What the caller passed does not match the contract, or cannot be sent. */
export class InvalidRequest extends Schema.TaggedError<InvalidRequest>("switchboard/InvalidRequest")("InvalidRequest", {
  issue: Schema.String,
  /** A body that is a stream failed on the way: some of it may have been sent. */
  partlySent: Schema.optionalKey(Schema.Boolean)
}) implements Questions {
  get isRetryable(): boolean {
    return false
  }
  get retryAfter(): undefined {
    return undefined
  }
  get wasSent(): boolean {
    return this.partlySent === true
  }
  override get message(): string {
    return `invalid request: ${this.issue}`
  }
}

/** The answer is larger than the limit; reading stopped there and the connection was closed. */
export class ResponseTooLarge extends Schema.TaggedError<ResponseTooLarge>("switchboard/ResponseTooLarge")(
  "ResponseTooLarge",
  { /** Bytes, after decompression. */ limit: Schema.Int }
) implements Questions {
  get isRetryable(): boolean {
    return false
  }
  get retryAfter(): undefined {
    return undefined
  }
  get wasSent(): boolean {
    return true
  }
  override get message(): string {
    return `answer larger than ${this.limit} bytes; raise maxResponseBytes if that is expected`
  }
}

/** No endpoint is known or healthy. */
export class NoEndpoint extends Schema.TaggedError<NoEndpoint>("switchboard/NoEndpoint")("NoEndpoint", {
  service: Schema.String
}) implements Questions {
  get isRetryable(): boolean {
    return true
  }
  get retryAfter(): undefined {
    return undefined
  }
  get wasSent(): boolean {
    return false
  }
  override get message(): string {
    return `no healthy endpoint for ${this.service}`
  }
}

/** A message was to be sent over a session that is not open. */
export class NotConnected extends Schema.TaggedError<NotConnected>("switchboard/NotConnected")(
  "NotConnected",
  {}
) implements Questions {
  get isRetryable(): boolean {
    return true
  }
  get retryAfter(): undefined {
    return undefined
  }
  get wasSent(): boolean {
    return false
  }
  override get message(): string {
    return "not connected"
  }
}

/** A second attempt was due, but the body was a stream that can be read only once. */
export class NotReplayable extends Schema.TaggedError<NotReplayable>("switchboard/NotReplayable")(
  "NotReplayable",
  { cause: Schema.String }
) implements Questions {
  get isRetryable(): boolean {
    return false
  }
  get retryAfter(): undefined {
    return undefined
  }
  get wasSent(): boolean {
    return true
  }
  override get message(): string {
    return `not repeated, because the body is a stream that was already read; the attempt failed with ${this.cause}`
  }
}

/** Every reason, as a Schema. */
export const Reason = Schema.Union([
  Transport,
  AttemptTimeout,
  DeadlineExceeded,
  RateLimited,
  CircuitOpen,
  BulkheadFull,
  Unauthenticated,
  UnexpectedStatus,
  InvalidResponse,
  InvalidRequest,
  ResponseTooLarge,
  NoEndpoint,
  NotConnected,
  NotReplayable
])
/** Why a call failed. */
export type Reason = typeof Reason.Type

/** Whether a value is one of the reasons. */
export const isReason: (u: unknown) => u is Reason = Schema.is(Reason)

/** A call to a third party failed for a reason the contract does not declare. */
export class IntegrationError extends Schema.TaggedError<IntegrationError>("switchboard/IntegrationError")(
  "IntegrationError",
  {
    /** The id of the integration, such as `coffee/Payments`. */
    integration: Schema.String,
    /** `group.endpoint`. */
    operation: Schema.String,
    /** Attempts begun, those refused before sending included. */
    attempts: Schema.Int,
    /** What the last attempt failed with. */
    reason: Reason,
    /** An attempt before the last one may have reached the remote. */
    sentBefore: Schema.optionalKey(Schema.Boolean)
  }
) implements Questions {
  get isRetryable(): boolean {
    return this.reason.isRetryable
  }
  get retryAfter(): Duration.Duration | undefined {
    return this.reason.retryAfter
  }
  /** False only where it is proven that no attempt of the call has reached the remote. */
  get wasSent(): boolean {
    return this.reason.wasSent || this.sentBefore === true
  }
  override get message(): string {
    const attempts = this.attempts === 1 ? "1 attempt" : `${this.attempts} attempts`
    return `${this.integration} ${this.operation}: ${this.reason.message} (${attempts}${
      this.wasSent ? "" : ", nothing was sent"
    })`
  }
}

// What a storm of refusals is made of.
enableConstructors(CircuitOpen, RateLimited, BulkheadFull, IntegrationError)

/**
 * An error as a test double raises it: for a reason, with an integration, an operation and attempts that matter to nobody.
 *
 * @example
 * Payments.layerTest({ charges: { create: () => Effect.fail(IntegrationError.fromReason(new CircuitOpen(…))) } })
 */
export const fromReason = (
  reason: Reason,
  about: { readonly integration?: string; readonly operation?: string; readonly attempts?: number } = {}
): IntegrationError => new IntegrationError({ integration: "test", operation: "test", attempts: 1, reason, ...about })

/** Whether a value is an `IntegrationError`, from whichever copy of this package. */
export const isIntegrationError = (u: unknown): u is IntegrationError => Predicate.isTagged(u, "IntegrationError")

/**
 * Statuses after which the same request may succeed: 408, 425, 429, 500, 502, 503, 504.
 *
 * @see RFC 9110 section 15, RFC 8470 section 5.2, RFC 6585 section 4
 */
export const isTransientStatus = (status: number): boolean =>
  status === 408 || status === 425 || status === 429 || status === 500 || (status >= 502 && status <= 504)
