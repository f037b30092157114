/** How the calls of an operation fail. */
import * as Exit from "effect/Exit"
import { IntegrationError, type Reason } from "../../IntegrationError.ts"
import { stackless } from "../stackless.ts"

/** `sentBefore`: an attempt before the last one may have reached the remote. */
export type Fail = (reason: Reason, attempts: number, sentBefore: boolean) => Exit.Exit<never, IntegrationError>

/** Calls that an open circuit refuses for the same reason fail with the same error. */
export const make = (integration: string, operation: string): Fail => {
  let refused: { readonly reason: Reason; readonly attempts: number; readonly exit: ReturnType<Fail> } | undefined
  return (reason, attempts, sentBefore) => {
    if (refused?.reason === reason && refused.attempts === attempts && !sentBefore) return refused.exit
    const sent = sentBefore ? { sentBefore } : undefined
    const exit = Exit.fail(stackless(() => new IntegrationError({ integration, operation, attempts, reason, ...sent })))
    if (reason._tag === "CircuitOpen" && !sentBefore) refused = { reason, attempts, exit }
    return exit
  }
}
