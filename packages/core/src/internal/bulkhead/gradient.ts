/**
 * How many calls a remote takes at once before it slows down, learned from how long they take: the gradient of the latency
 * against its own long average, with the multiplicative decrease of TCP where a call is dropped.
 *
 * @see https://github.com/Netflix/concurrency-limits, Gradient2Limit
 * @see RFC 5681 section 3.1, for the one decrease for all that was under way
 */

export interface Settings {
  readonly min: number
  readonly max: number
  /** How many times its average a latency may be. */
  readonly tolerance: number
}

/** Plain data; times in milliseconds. Mutated in place. */
export interface Gradient {
  /** Not whole: what is in force is its floor. */
  limit: number
  /** The long average of the latency. */
  usual: number
  /** Latencies in it, as long as it warms up. */
  samples: number
  /** When a drop last shrank the limit. */
  shrunk: number
}

export const make = (limit: number): Gradient => ({ limit, usual: 0, samples: 0, shrunk: -Infinity })

/** Latencies that make up the average at first. */
const warmup = 10

/** Round trips that make it up later: not calls, or else a wide limit would soon take its own queue for usual. */
const memory = 600

/** How many may queue at the remote without harm: what the limit grows by as long as nothing slows down. */
const spare = 4

/** How much a single latency moves the limit. */
const smoothing = 0.2

/** What a drop leaves of the limit. */
const backoff = 0.9

/** A call came back after `elapsed`; `inFlight` were there when it began, itself included. */
export const succeeded = (gradient: Gradient, inFlight: number, elapsed: number, settings: Settings): void => {
  const { limit } = gradient
  const usual = learn(gradient, inFlight, elapsed)
  // Far from the limit, a latency does not tell what more calls would come to.
  if (inFlight < limit / 2) return
  const slope = elapsed > 0 ? Math.max(0.5, Math.min(1, settings.tolerance * usual / elapsed)) : 1
  gradient.limit = within(limit * (1 - smoothing) + (limit * slope + spare) * smoothing, settings)
}

/**
 * A call that was let through at `begun` was refused by the remote, or did not come back in time. Calls that were under way
 * together are dropped together, so that they shrink the limit once.
 */
export const dropped = (gradient: Gradient, begun: number, now: number, settings: Settings): void => {
  if (begun < gradient.shrunk) return
  gradient.shrunk = now
  gradient.limit = within(gradient.limit * backoff, settings)
}

/** Keeps the limit within other bounds. */
export const bounded = (gradient: Gradient, settings: Settings): void => {
  gradient.limit = within(gradient.limit, settings)
}

const learn = (gradient: Gradient, inFlight: number, elapsed: number): number => {
  const weight = gradient.samples < warmup ? 1 / ++gradient.samples : 2 / (memory + 1) / Math.max(1, inFlight)
  gradient.usual += (elapsed - gradient.usual) * weight
  // What was slow for long is forgotten sooner, so that the limit does not stay wide after a bad time.
  if (gradient.usual > elapsed * 2) gradient.usual *= 0.95
  return gradient.usual
}

const within = (limit: number, { max, min }: Settings): number => Math.max(min, Math.min(max, limit))
