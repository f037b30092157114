/** What the operations of one integration share. */
import type * as Scope from "effect/Scope"
import type * as Auth from "../../Auth.ts"
import type * as Events from "../../Events.ts"
import type { Fallback } from "../../Fallback.ts"
import type * as Redaction from "../../Redaction.ts"
import type * as Resilience from "../../Resilience.ts"
import type * as Transport from "../../Transport.ts"
import type { Operation } from "../contract/operation.ts"
import type * as Exchange from "../pipeline/exchange.ts"
import type { InFlight } from "../pipeline/inFlight.ts"
import type { Audience } from "./audience.ts"
import type { Policies } from "./policies.ts"

export interface Shared {
  readonly id: string
  readonly channel: Transport.Channel
  readonly origin: string
  readonly prefix: string
  /** Names and values in turn, for every request. */
  readonly headers: ReadonlyArray<string>
  readonly authenticator: Auth.Authenticator
  readonly redaction: Redaction.Redaction
  readonly policies: Policies
  /** The merged settings of an operation. */
  readonly optionsOf: (operation: Operation) => Resilience.OperationOptions
  /** The fallbacks of an operation, by its name. */
  readonly fallbacks: ReadonlyMap<string, ReadonlyArray<Fallback<unknown, unknown, unknown, never>>>
  /** Whose answers are kept, by the remote's address and the credentials. */
  readonly audience: Audience
  /** Whose they are within that, by the call; absent where all calls have the same credentials. */
  readonly audienceOfCall: Auth.Audience | undefined
  /** The operations of which an answer may serve more than one call, by name. */
  readonly answering: ReadonlySet<string>
  readonly propagateTrace: boolean
  readonly deadlineHeader: string | undefined
  readonly listener: Events.Listener | undefined
  readonly onHeaders: Exchange.Wire["onHeaders"]
  readonly nextId: () => string
  readonly inFlight: InFlight
  /** Closes when these settings are no longer needed. */
  readonly scope: Scope.Scope
}
