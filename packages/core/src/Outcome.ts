/**
 * What an attempt came to, decided once and read by retry, breaker, hedge, balancer and metrics alike.
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Exit from "effect/Exit"
import * as Predicate from "effect/Predicate"
import { isIntegrationError, isReason, isTransientStatus, type Reason } from "./IntegrationError.ts"
import { failOf } from "./internal/failure.ts"

/** An attempt's outcome: the remote is well, the remote is not, or it says nothing about the remote. */
export type Outcome = Success | Failure | Neutral

/** The remote answered as a working service does. A declared 4xx is one of these: the caller was wrong, not the remote. */
export interface Success {
  readonly _tag: "Success"
}

/** Says nothing about the remote: interrupted, refused by our own policies, or a request that could not be built. */
export interface Neutral {
  readonly _tag: "Neutral"
  /** Another attempt may be admitted: a circuit may close, a permit may come free. */
  readonly retryable: boolean
  /** How long that takes at least, in milliseconds, where it is known. */
  readonly retryAfter: number | undefined
}

/** The remote failed. */
export interface Failure {
  readonly _tag: "Failure"
  /** Another attempt may succeed. */
  readonly retryable: boolean
  /** The remote may have processed the request; false only where the opposite is proven. */
  readonly sent: boolean
  /** The remote asked for a slower pace (429). It paces, but does not count towards opening a circuit. */
  readonly throttled: boolean
  /** The remote's own wish, in milliseconds. */
  readonly retryAfter: number | undefined
}

/** Decides the outcome of an exit; `undefined` leaves the decision to the default. */
export type Classifier = (exit: Exit.Exit<unknown, unknown>) => Outcome | undefined

export const success: Success = { _tag: "Success" }
export const neutral: Neutral = { _tag: "Neutral", retryable: false, retryAfter: undefined }
/** Refused by one of our own policies before anything was sent. `retryAfter` in milliseconds. */
export const refused = (retryAfter: number | undefined): Neutral => ({ _tag: "Neutral", retryable: true, retryAfter })
/** A failure; by default retryable, sent, not throttled and without a wish. */
export const failure = (options: Partial<Omit<Failure, "_tag">> = {}): Failure => ({
  _tag: "Failure",
  retryable: options.retryable ?? true,
  sent: options.sent ?? true,
  throttled: options.throttled ?? false,
  retryAfter: options.retryAfter
})

/** From an HTTP status, whether the contract declares it or not. `retryAfter` in milliseconds. */
export const fromStatus = (status: number, retryAfter: number | undefined): Outcome => {
  if (status === 429) return failure({ throttled: true, retryAfter })
  if (status === 408 || (status >= 500 && status !== 501)) {
    return failure({ retryable: isTransientStatus(status), retryAfter: status === 503 ? retryAfter : undefined })
  }
  return status === 425 ? failure({ throttled: true }) : success
}

/** From a reason raised by one attempt. */
export const fromReason = (reason: Reason): Outcome => {
  switch (reason._tag) {
    case "Transport":
      // Our own end of the connection was closed with its layer.
      return reason.kind === "Closed" ? neutral : failure({ retryable: reason.isRetryable, sent: reason.wasSent })
    case "AttemptTimeout":
    case "DeadlineExceeded":
      return failure({ retryable: reason.isRetryable, sent: reason.wasSent })
    case "UnexpectedStatus":
      return fromStatus(reason.status, millis(reason.retryAfter))
    case "InvalidResponse":
      // A page in place of a declared 503 is a 503. The remote that sends what we do not understand is there, at least.
      return fromStatus(reason.status, undefined)
    case "Unauthenticated":
    case "ResponseTooLarge":
      return reason.wasSent ? success : neutral
    case "RateLimited":
      return reason.by === "remote"
        ? fromStatus(429, millis(reason.retryAfter))
        : refused(millis(reason.retryAfter))
    case "CircuitOpen":
    case "BulkheadFull":
    case "NoEndpoint":
      return reason.isRetryable ? refused(millis(reason.retryAfter)) : neutral
    default:
      return neutral
  }
}

/** From what came of an answer with this status: a reason speaks for itself, a declared error is what its status is. */
export const fromAnswer = (
  exit: Exit.Exit<unknown, unknown>,
  status: number | undefined,
  retryAfter: number | undefined
): Outcome => {
  if (Exit.isFailure(exit)) {
    const fail = failOf(exit.cause)
    if (fail === undefined) return neutral
    const { error } = fail
    if (isReason(error)) {
      return error._tag === "InvalidResponse" ? fromStatus(error.status, retryAfter) : fromReason(error)
    }
  }
  return status === undefined ? classify(exit) : fromStatus(status, retryAfter)
}

/**
 * The default classifier for any effect: a success is a success, interruption is neutral, a reason of this toolkit speaks
 * for itself, a failure that is marked with `isRetryable: false` is not retryable, every other failure and every defect is
 * a failure. An `IntegrationError` is not retryable, because the pipeline it comes from has already done what could be
 * done; so nested retries do not multiply.
 */
export const classify: (exit: Exit.Exit<unknown, unknown>) => Outcome = (exit) => {
  if (Exit.isSuccess(exit)) return success
  const fail = failOf(exit.cause)
  if (fail === undefined) return Cause.hasInterruptsOnly(exit.cause) ? neutral : failure({ retryable: false })
  const { error } = fail
  if (isReason(error)) return fromReason(error)
  if (isIntegrationError(error)) {
    const outcome = fromReason(error.reason)
    return outcome._tag === "Success" ? outcome : { ...outcome, retryable: false }
  }
  return Predicate.hasProperty(error, "isRetryable") && error.isRetryable === false
    ? failure({ retryable: false })
    : failure()
}

/** A classifier that asks `first` and falls back to the default. Interruption is neutral whatever `first` says. */
export const classifyWith = (first: Classifier | undefined): (exit: Exit.Exit<unknown, unknown>) => Outcome =>
  first === undefined
    ? classify
    : (exit) => Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause) ? neutral : first(exit) ?? classify(exit)

/** The reason that something failed with, its own or that of an `IntegrationError`. */
export const reasonOf = (exit: Exit.Exit<unknown, unknown>): Reason | undefined => {
  const error = Exit.isFailure(exit) ? failOf(exit.cause)?.error : undefined
  const reason = isIntegrationError(error) ? error.reason : error
  return isReason(reason) ? reason : undefined
}

/**
 * The remote failed, was not asked, or was not given the time: what a stale value or a fallback may answer in its place. An
 * outcome alone does not say so, because a caller in a hurry says nothing about the remote.
 */
export const isUnavailable = (exit: Exit.Exit<unknown, unknown>, outcome: Outcome): boolean =>
  outcome._tag === "Failure" || notAsked.has(reasonOf(exit)?._tag)

const notAsked = new Set<Reason["_tag"] | undefined>([
  "BulkheadFull",
  "CircuitOpen",
  "DeadlineExceeded",
  "NoEndpoint",
  "NotConnected",
  "RateLimited"
])

const millis = (duration: Duration.Duration | undefined): number | undefined =>
  duration === undefined ? undefined : Duration.toMillis(duration)
