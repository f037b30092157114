/** The policies of one integration, in the order of the pipeline. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { memoize } from "effect/Function"
import type * as Scope from "effect/Scope"
import type { Reason } from "../../IntegrationError.ts"
import type { InvalidOptions, Problem } from "../../InvalidOptions.ts"
import type * as Policy from "../../Policy.ts"
import * as Bulkhead from "../../policy/Bulkhead.ts"
import * as CircuitBreaker from "../../policy/CircuitBreaker.ts"
import * as Hedge from "../../policy/Hedge.ts"
import * as RateLimit from "../../policy/RateLimit.ts"
import * as Resilience from "../../Resilience.ts"
import { Stores } from "../../Stores.ts"
import { millis, problems, unless } from "../checks.ts"
import type { Operation } from "../contract/operation.ts"
import * as DeadlineLists from "../deadlineLists.ts"
import type { Plan } from "../pipeline/run.ts"
import * as RetryBudget from "../retry/budget.ts"
import { budgetOf } from "../retry/options.ts"
import * as Repeating from "../retry/repeating.ts"
import { hedgeOf } from "../settings/repeats.ts"
import { timeoutsOf } from "../settings/timeouts.ts"
import { isRepeatable, keyHeaderOf } from "./operationOptions.ts"

export interface Policies {
  readonly breaker: CircuitBreaker.CircuitBreaker | undefined
  readonly rateLimit: RateLimit.RateLimit | undefined
  readonly bulkhead: Bulkhead.Bulkhead | undefined
  /** What merged settings, which have been checked, amount to for one operation. */
  readonly plan: (options: Resilience.OperationOptions, operation: Operation) => Effect.Effect<Plan, InvalidOptions>
}

/** They have been checked. A bulkhead says how many it lets through. */
export type Settings = Resilience.Options & { readonly bulkhead: false | Bulkhead.Options }

/** Of the integration of that name. `onTransition` is told of the circuit. */
export const make = Effect.fnUntraced(function*(
  name: string,
  options: Settings,
  onTransition?: (transition: CircuitBreaker.Transition) => void
): Effect.fn.Return<Policies, InvalidOptions, Stores | Scope.Scope> {
  const breaker = options.breaker === false
    ? undefined
    : yield* CircuitBreaker.make({ ...options.breaker, name, onTransition })
  const rateLimit = options.rateLimit === false || options.rateLimit === undefined
    ? undefined
    // That limit and window are there has been checked.
    : yield* RateLimit.make({ ...options.rateLimit, name } as RateLimit.Options & { readonly name: string })
  const bulkhead = options.bulkhead === false ? undefined : yield* Bulkhead.make({ ...options.bulkhead, name })
  // Positions 7 to 10.
  const gates: ReadonlyArray<Policy.Gate<Reason>> = [breaker?.check, rateLimit?.gate, bulkhead?.gate, breaker?.gate]
    .filter((gate) => gate !== undefined)
  const stores = yield* Stores
  const budget = yield* RetryBudget.named(name, budgetOf(options.retry || {}))
  const deadlines = yield* DeadlineLists.make
  /** The same for all operations with these settings. */
  const common = memoize((own: Resilience.OperationOptions): Omit<Plan, "repeatable" | "hedge"> => {
    const { attempt, idle, total } = timeoutsOf(own)
    return {
      attemptTimeout: attempt,
      totalTimeout: total,
      idleTimeout: idle,
      streamTimeout: own.streamTimeout === undefined ? undefined : millis(own.streamTimeout),
      keyHeader: keyHeaderOf(own),
      classify: own.classify,
      maxRequestBytes: own.maxRequestBytes ?? Resilience.defaults.maxRequestBytes,
      maxResponseBytes: own.maxResponseBytes ?? Resilience.defaults.maxResponseBytes,
      retry: Repeating.make(own.retry === false ? { maxRetries: 0 } : own.retry ?? {}, budget),
      gates,
      // As long as a call is patient.
      deadlines: deadlines(attempt, total - Math.min(attempt, total) / 2)
    }
  })
  const plan: Policies["plan"] = (own, operation) => {
    const hedge = hedgeOf(own)
    const plan = { ...common(own), repeatable: isRepeatable(own, operation.method), hedge: undefined }
    return hedge === undefined
      ? Exit.succeed(plan)
      : Hedge.make({ ...hedge, name: `${name}/${operation.name}`, budget }).pipe(
        Effect.map((hedge) => ({ ...plan, hedge })),
        Effect.provideService(Stores, stores)
      )
  }
  return { breaker, rateLimit, bulkhead, plan }
})

/** A remote that is silent must be able to open the circuit: enough calls have to time out within the window to count. */
export const unreachable = ({ breaker, bulkhead, ...options }: Settings): ReadonlyArray<Problem> => {
  if (breaker === false || breaker?.failureRate === undefined || bulkhead === false) return []
  const { failureRate: { minimumCalls, window }, failureThreshold } = breaker
  const { attempt } = timeoutsOf(options)
  const most = bulkhead.maxConcurrent * Math.max(1, Math.floor(millis(window) / attempt))
  const problem =
    `is more than the ${most} calls that can time out within the window, ${bulkhead.maxConcurrent} at once; ` +
    "set failureThreshold as well"
  return problems(
    unless(
      most >= minimumCalls || (failureThreshold !== undefined && failureThreshold !== false),
      "breaker.failureRate.minimumCalls",
      problem
    )
  )
}
