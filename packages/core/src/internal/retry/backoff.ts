/** Waits that grow and are spread at random. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import type { Backoff } from "../../policy/Retry.ts"
import { millis } from "../checks.ts"

export const exponential = (options: Backoff = {}): Schedule.Schedule<Duration.Duration> => {
  const base = millis(options.baseDelay ?? 200)
  const factor = options.factor ?? 2
  const cap = maxDelayOf(options)
  // How much of a wait is left to chance.
  const chance = options.jitter === "none" ? 0 : options.jitter === "equal" ? 0.5 : 1
  return Schedule.fromStepWithMetadata(Effect.succeed(({ attempt }: { readonly attempt: number }) => {
    const full = base === 0 ? 0 : Math.min(cap, base * factor ** (attempt - 1))
    if (chance === 0 || full === 0) return Effect.succeed(step(full))
    return Effect.map(Random.next, (random) => step(full * (1 - chance * random)))
  }))
}

/** The longest wait, in milliseconds. */
export const maxDelayOf = ({ baseDelay, maxDelay }: Backoff): number =>
  maxDelay === undefined ? Math.max(10_000, millis(baseDelay ?? 0)) : millis(maxDelay)

const step = (delay: number): [Duration.Duration, Duration.Duration] => {
  const duration = Duration.millis(delay)
  return [duration, duration]
}
