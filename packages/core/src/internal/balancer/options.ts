/** The options of a load balancer: checked, completed with defaults, and turned into numbers. */
import type { Problem } from "../../InvalidOptions.ts"
import type { EjectionOptions, Endpoint, Options } from "../../LoadBalancer.ts"
import { atLeast, between, millis, positive, problems, unless } from "../checks.ts"
import type { Ejection } from "./node.ts"
import type { Strategy } from "./pickers.ts"

export const validate = (options: Partial<Options>): ReadonlyArray<Problem> => {
  const { ejection, strategy } = options
  const own = ejection === false ? {} : ejection ?? {}
  const { baseTime, maxTime } = withDefaults(own)
  return [
    ...problems(
      unless(
        strategy === undefined || strategies.includes(strategy),
        "strategy",
        `must be ${strategies.join(" or ")}, got ${strategy}`
      ),
      atLeast(1, "ejection.consecutiveFailures", own.consecutiveFailures),
      positive("ejection.baseTime", own.baseTime),
      positive("ejection.maxTime", own.maxTime),
      unless(
        !(maxTime < baseTime),
        "ejection.maxTime",
        "must be at least baseTime"
      ),
      between(0, 100, "ejection.maxPercent", own.maxPercent)
    ),
    ...validateEndpoints(options.endpoints ?? [])
  ]
}

const strategies: ReadonlyArray<Strategy> = ["round-robin", "weighted-random", "least-in-flight", "consistent-hash"]

/** What is wrong with a list of endpoints. */
export const validateEndpoints = (endpoints: ReadonlyArray<Endpoint>): ReadonlyArray<Problem> => {
  const seen = new Set<string>()
  return endpoints.flatMap(({ id, weight }, i) => {
    const again = seen.has(id)
    seen.add(id)
    return problems(
      unless(id !== "", `endpoints[${i}].id`, "must not be empty"),
      unless(!again, `endpoints[${i}].id`, "is there twice"),
      unless(
        weight === undefined || (weight > 0 && weight < Infinity),
        `endpoints[${i}].weight`,
        "must be positive and finite"
      )
    )
  })
}

/** Times in milliseconds. */
const withDefaults = (options: EjectionOptions) => {
  const baseTime = millis(options.baseTime ?? "30 seconds")
  return {
    consecutiveFailures: options.consecutiveFailures ?? 5,
    baseTime,
    maxTime: options.maxTime === undefined ? Math.max(usualMaxTime, baseTime) : millis(options.maxTime),
    maxPercent: options.maxPercent ?? 50
  }
}
const usualMaxTime = 5 * 60_000

export const ejectionOf = (options: EjectionOptions): Ejection => {
  const { baseTime, consecutiveFailures, maxPercent, maxTime } = withDefaults(options)
  return { consecutiveFailures, baseTime, maxTime, maxShare: maxPercent / 100 }
}
