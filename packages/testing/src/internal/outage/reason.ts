/** What a failed call is counted under, whichever library it failed in. */
import { isIntegrationError } from "@switchboard/core/IntegrationError"
import * as Cause from "effect/Cause"
import * as HttpClientError from "effect/http/HttpClientError"
import * as Predicate from "effect/Predicate"

/** The tag of the error, of its reason where it has one, and the status where that is the reason. */
export const reasonOf = (cause: Cause.Cause<unknown>): string => {
  const error = Cause.findErrorOption(cause)
  return error._tag === "Some" ? named(error.value) : Cause.hasInterruptsOnly(cause) ? "Interrupted" : "Defect"
}

const named = (error: unknown): string => {
  if (isIntegrationError(error)) return named(error.reason)
  if (HttpClientError.isHttpClientError(error)) {
    return error.reason._tag === "StatusCodeError" ? String(error.reason.response.status) : error.reason._tag
  }
  if (Predicate.isTagged(error, "UnexpectedStatus") && "status" in error) return String(error.status)
  if (Predicate.hasProperty(error, "reason") && Predicate.hasProperty(error.reason, "_tag")) {
    return String(error.reason._tag)
  }
  return Predicate.hasProperty(error, "_tag") ? String(error._tag) : "Error"
}
