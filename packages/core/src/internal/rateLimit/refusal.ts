/** How a limiter refuses. */
import * as Duration from "effect/Duration"
import { RateLimited } from "../../IntegrationError.ts"
import type { Refusal } from "../../Policy.ts"
import { stackless } from "../stackless.ts"

/** `millis`: how long the wait would have been. */
export const refusal = (millis: number): Refusal<RateLimited> => {
  const retryAfter = Math.max(0, millis)
  return {
    _tag: "Refusal",
    retryAfter,
    reason: () => stackless(() => new RateLimited({ by: "local", retryAfter: Duration.millis(retryAfter) }))
  }
}
