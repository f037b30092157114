/** Two counts over a sliding span of time, in a fixed number of buckets: memory does not depend on the number of events. */

/** Plain data. Mutated in place. */
export interface SlidingCounts {
  /** The span of one bucket, in milliseconds. */
  readonly width: number
  /** The start of bucket 0. */
  origin: number
  /** The number of the newest bucket, counted from the origin. */
  newest: number
  readonly first: Array<number>
  readonly second: Array<number>
  firstTotal: number
  secondTotal: number
}

/** How many buckets a span has: a count leaves when the span has passed, at most a tenth of it early. */
export const buckets = 10

/** `span` in milliseconds. */
export const make = (span: number): SlidingCounts => ({
  width: span / buckets,
  origin: 0,
  newest: 0,
  first: zeros(),
  second: zeros(),
  firstTotal: 0,
  secondTotal: 0
})

const zeros = (): Array<number> => Array.from({ length: buckets }, () => 0)

/** Forgets what has become too old. An empty span begins with the next event, so that its end is exact. */
export const advance = (counts: SlidingCounts, now: number): void => {
  if (counts.firstTotal === 0 && counts.secondTotal === 0) {
    counts.origin = now
    counts.newest = 0
    return
  }
  const current = Math.floor((now - counts.origin) / counts.width)
  if (current <= counts.newest) return
  if (current - counts.newest >= buckets) {
    clear(counts)
    return advance(counts, now)
  }
  while (counts.newest < current) {
    const slot = ++counts.newest % buckets
    counts.firstTotal -= counts.first[slot] ?? 0
    counts.secondTotal -= counts.second[slot] ?? 0
    counts.first[slot] = counts.second[slot] = 0
  }
  if (counts.firstTotal === 0 && counts.secondTotal === 0) advance(counts, now)
}

/** Adds to both counts, now; or at a time before, where that is told late. What is too old is not counted. */
export const add = (counts: SlidingCounts, first: number, second: number, now: number): void => {
  advance(counts, now)
  const bucket = Math.min(counts.newest, Math.floor((now - counts.origin) / counts.width))
  if (counts.newest - bucket >= buckets) return
  const slot = slotOf(bucket)
  counts.first[slot] = (counts.first[slot] ?? 0) + first
  counts.second[slot] = (counts.second[slot] ?? 0) + second
  counts.firstTotal += first
  counts.secondTotal += second
}

/** Forgets everything. */
export const clear = (counts: SlidingCounts): void => {
  counts.first.fill(0)
  counts.second.fill(0)
  counts.firstTotal = counts.secondTotal = 0
}

/** Takes one off the second count, the newest first; false where it is zero. */
export const takeSecond = (counts: SlidingCounts): boolean => {
  if (counts.secondTotal === 0) return false
  let bucket = counts.newest
  while (counts.second[slotOf(bucket)] === 0) bucket--
  counts.second[slotOf(bucket)] = (counts.second[slotOf(bucket)] ?? 0) - 1
  counts.secondTotal--
  return true
}

const slotOf = (bucket: number): number => ((bucket % buckets) + buckets) % buckets
