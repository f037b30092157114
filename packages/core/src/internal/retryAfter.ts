/** What a `Retry-After` header asks for. */
import * as Duration from "effect/Duration"
import * as Headers from "effect/http/Headers"
import * as Result from "effect/Result"

/**
 * The wait in milliseconds from `wallNowMillis`, never negative: whole seconds, or the time to an HTTP date. Anything else
 * is `undefined`, as if there were no header.
 *
 * @see RFC 9110 section 10.2.3
 */
export const retryAfterMillis = (value: string | undefined, wallNowMillis: number): number | undefined => {
  if (value === undefined) return undefined
  const parsed = Headers.parseRetryAfter(value)
  return Result.isSuccess(parsed)
    ? Duration.toMillis(Headers.retryAfterDelay(parsed.success, wallNowMillis))
    : undefined
}
