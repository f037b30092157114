/** The options of a bulkhead: checked, completed with defaults. */
import type { Problem } from "../../InvalidOptions.ts"
import type { Options } from "../../policy/Bulkhead.ts"
import { atLeast, between, problems, unless } from "../checks.ts"
import type * as Gradient from "./gradient.ts"

export interface Settings {
  readonly maxConcurrent: number
  readonly maxQueue: number
  readonly adaptive: Adaptive | undefined
}

export interface Adaptive extends Gradient.Settings {
  readonly initial: number
}

export const validate = ({ adaptive, maxConcurrent, maxQueue }: Partial<Options>): ReadonlyArray<Problem> => {
  const { initial, minConcurrent, tolerance } = adaptive ?? {}
  const inBounds = (option: string, value: number | undefined) =>
    unless(
      !(value !== undefined && maxConcurrent !== undefined && value > maxConcurrent),
      option,
      `must be at most maxConcurrent, which is ${maxConcurrent}`
    )
  return problems(
    unless(adaptive === undefined || isOptions(adaptive), "adaptive", "must be options by name"),
    atLeast(1, "maxConcurrent", maxConcurrent),
    atLeast(0, "maxQueue", maxQueue),
    atLeast(1, "adaptive.minConcurrent", minConcurrent),
    inBounds("adaptive.minConcurrent", minConcurrent),
    atLeast(1, "adaptive.initial", initial),
    inBounds("adaptive.initial", initial),
    unless(
      !(initial !== undefined && minConcurrent !== undefined && initial < minConcurrent),
      "adaptive.initial",
      `must be at least minConcurrent, which is ${minConcurrent}`
    ),
    between(1, 10, "adaptive.tolerance", tolerance)
  )
}

/** The same, where nobody else says how many. */
export const validateAll = (options: Partial<Options>): ReadonlyArray<Problem> => [
  ...problems(unless(options.maxConcurrent !== undefined, "maxConcurrent", "must be given")),
  ...validate(options)
]

const isOptions = (value: unknown): boolean => typeof value === "object" && value !== null && !Array.isArray(value)

export const settingsOf = ({ adaptive, maxConcurrent, maxQueue = 1000 }: Options): Settings => ({
  maxConcurrent,
  maxQueue,
  adaptive: adaptive && adaptiveOf(adaptive, maxConcurrent)
})

const adaptiveOf = (
  { initial, minConcurrent: min = 1, tolerance = 1.5 }: NonNullable<Options["adaptive"]>,
  max: number
): Adaptive => ({ min, max, tolerance, initial: initial ?? Math.max(min, Math.min(20, max)) })
