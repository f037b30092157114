/**
 * Recent latencies in a histogram of fixed size: buckets that grow by 9 %, for the present span of time and the one
 * before it, so that memory does not depend on the number of calls and what is old is forgotten.
 */

/** Plain data. Mutated in place. */
export interface Latencies {
  /** When the present span began, in milliseconds of the monotonic clock. */
  since: number
  present: Array<number>
  before: Array<number>
}

/** Buckets for each doubling. */
const steps = 8
/** From 1 millisecond up to 2^23, some two hours; what takes longer counts as that. */
const size = 23 * steps + 1

export const empty = (): Latencies => ({ since: 0, present: zeros(), before: zeros() })

const zeros = (): Array<number> => Array.from({ length: size }, () => 0)

/** Adds a latency. All in milliseconds; a latency is forgotten after one to two times `span`. */
export const record = (latencies: Latencies, latency: number, span: number, now: number): void => {
  advance(latencies, span, now)
  const bucket = Math.ceil(steps * Math.log2(Math.max(1, latency)))
  const slot = Math.min(size - 1, bucket)
  latencies.present[slot] = (latencies.present[slot] ?? 0) + 1
}

/**
 * What that share of the latencies did not exceed, in milliseconds: never less than the exact value or 1, at most 9 %
 * more. `undefined` while there are fewer than `minimum`.
 */
export const percentile = (
  latencies: Latencies,
  share: number,
  minimum: number,
  span: number,
  now: number
): number | undefined => {
  advance(latencies, span, now)
  const { before, present } = latencies
  let total = 0
  for (let i = 0; i < size; i++) total += (present[i] ?? 0) + (before[i] ?? 0)
  if (total < minimum || total === 0) return undefined
  let wanted = Math.ceil(total * share - 1e-9)
  for (let i = 0; i < size; i++) {
    wanted -= (present[i] ?? 0) + (before[i] ?? 0)
    if (wanted <= 0) return 2 ** (i / steps)
  }
  return undefined
}

const advance = (latencies: Latencies, span: number, now: number): void => {
  const elapsed = now - latencies.since
  if (elapsed < span) return
  latencies.before = elapsed < 2 * span ? latencies.present : zeros()
  latencies.present = zeros()
  latencies.since = now - elapsed % span
}
