/** The options of a limiter: checked, completed with defaults, and turned into numbers. */
import type { Problem } from "../../InvalidOptions.ts"
import type { Limit, Options } from "../../policy/RateLimit.ts"
import { atLeast, type Check, millis, notNegative, positive, problems, unless } from "../checks.ts"
import { isToken } from "../headerSyntax.ts"
import type { Names } from "./hints.ts"
import type { Limits } from "./pacing.ts"
import { maxLimit as maxSharedLimit } from "./pacingText.ts"
import { maxLimit } from "./slidingWindow.ts"

/** Times in milliseconds. */
export interface Settings {
  readonly maxWait: number
  readonly maxQueue: number
  readonly maxHintDelay: number
  readonly names: Names
}

export const validate = (options: Partial<Options>): ReadonlyArray<Problem> => {
  const { burst, hintHeaders, limit } = options
  const algorithm = algorithmOf(options)
  return problems(
    unless(
      algorithms.includes(algorithm),
      "algorithm",
      `must be ${algorithms.join(" or ")}, got ${algorithm}`
    ),
    unless(limit !== undefined, "limit", "must be given"),
    atLeast(1, "limit", limit),
    unless(
      algorithm !== "sliding-window" || !(limit !== undefined && limit > maxLimit),
      "limit",
      `must be at most ${maxLimit} for a sliding window, which remembers each call; use the token bucket`
    ),
    unless(options.window !== undefined, "window", "must be given"),
    positive("window", options.window),
    atLeast(1, "burst", burst),
    unless(burst === undefined || algorithm === "token-bucket", "burst", `is for the token bucket, not a ${algorithm}`),
    unless(typeof (options.adaptive ?? false) === "boolean", "adaptive", "must be true or false"),
    notNegative("maxWait", options.maxWait),
    atLeast(0, "maxQueue", options.maxQueue),
    notNegative("maxHintDelay", options.maxHintDelay),
    header("hintHeaders.limit", hintHeaders?.limit),
    header("hintHeaders.remaining", hintHeaders?.remaining),
    header("hintHeaders.reset", hintHeaders?.reset),
    unless(
      ["seconds", "millis"].includes(hintHeaders?.resetUnit ?? "seconds"),
      "hintHeaders.resetUnit",
      `must be seconds or millis, got ${hintHeaders?.resetUnit}`
    )
  )
}

/** What is wrong with limits besides, where processes share them. */
export const validateShared = ({ algorithm, limit }: Limits): ReadonlyArray<Problem> =>
  problems(
    unless(
      algorithm !== "sliding-window" || limit <= maxSharedLimit,
      "limit",
      `must be at most ${maxSharedLimit} for a sliding window in a shared store, which remembers each call; use the token bucket`
    )
  )

const algorithms: ReadonlyArray<Limits["algorithm"]> = ["token-bucket", "fixed-window", "sliding-window"]

export const limitsOf = (options: Limit & Pick<Options, "adaptive" | "algorithm">): Limits => ({
  algorithm: algorithmOf(options),
  limit: options.limit,
  window: millis(options.window),
  burst: options.burst,
  adaptive: options.adaptive ?? false
})

export const settingsOf = (options: Options): Settings => ({
  maxWait: millis(options.maxWait ?? "30 seconds"),
  maxQueue: options.maxQueue ?? 1000,
  maxHintDelay: millis(options.maxHintDelay ?? "1 minute"),
  names: {
    limit: options.hintHeaders?.limit?.toLowerCase(),
    remaining: options.hintHeaders?.remaining?.toLowerCase(),
    reset: options.hintHeaders?.reset?.toLowerCase(),
    resetUnit: options.hintHeaders?.resetUnit
  }
})

const algorithmOf = ({ algorithm, burst }: Partial<Options>): Limits["algorithm"] =>
  algorithm ?? (burst === undefined ? "sliding-window" : "token-bucket")

const header = (option: string, name: string | undefined): Check =>
  unless(name === undefined || isToken(name), option, "must be a header name")
