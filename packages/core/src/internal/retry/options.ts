/** The options of a retry: checked, completed with defaults, and turned into numbers. */
import type { Problem } from "../../InvalidOptions.ts"
import type { Options } from "../../policy/Retry.ts"
import { atLeast, between, millis, notNegative, positive, problems, unless } from "../checks.ts"
import { exponential, maxDelayOf } from "./backoff.ts"
import type * as RetryBudget from "./budget.ts"
import type { Settings } from "./decider.ts"

export const validate = (options: Options): ReadonlyArray<Problem> => {
  const { baseDelay, maxDelay } = options
  const budget = options.budget === false ? undefined : options.budget
  const ttl = budget?.ttl === undefined ? undefined : millis(budget.ttl)
  return problems(
    atLeast(0, "maxRetries", options.maxRetries),
    notNegative("baseDelay", baseDelay),
    between(1, Number.MAX_VALUE, "factor", options.factor),
    positive("maxDelay", maxDelay),
    unless(
      baseDelay === undefined || maxDelay === undefined || !(millis(baseDelay) > millis(maxDelay)),
      "baseDelay",
      "must not be longer than maxDelay"
    ),
    positive("maxRetryAfter", options.maxRetryAfter),
    between(0, 10, "budget.ratio", budget?.ratio),
    between(0, 1_000_000, "budget.minPerSecond", budget?.minPerSecond),
    unless(
      ttl === undefined || (ttl >= 1000 && ttl <= 60_000),
      "budget.ttl",
      "must be from 1 second to 1 minute"
    )
  )
}

export const settingsOf = (options: Options): Settings => ({
  maxRetries: options.maxRetries ?? 3,
  schedule: options.schedule ?? exponential(options),
  maxDelay: maxDelayOf(options),
  retryAfter: options.retryAfter ?? true,
  maxRetryAfter: millis(options.maxRetryAfter ?? "1 minute"),
  retryOn: options.retryOn,
  abortOn: options.abortOn,
  onRetry: options.onRetry
})

export const budgetOf = ({ budget }: Options): RetryBudget.Settings | undefined =>
  budget === false ? undefined : {
    ratio: budget?.ratio ?? 0.2,
    minPerSecond: budget?.minPerSecond ?? 10,
    ttl: millis(budget?.ttl ?? "10 seconds")
  }
