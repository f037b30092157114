/**
 * A bucket of tokens that refills steadily, kept as one number: the time at which it would be full again (the generic cell
 * rate algorithm). Whoever takes from a bucket that was left alone finds it full, however long that was.
 *
 * @see ITU-T I.371 annex A, the virtual scheduling algorithm
 */

/** Plain data; times in milliseconds. Mutated in place. */
export interface TokenBucket {
  readonly _tag: "token-bucket"
  /** Between two tokens. */
  interval: number
  /** Tokens it holds at most. */
  burst: number
  /** When it is full again. */
  full: number
}

export const make = (limit: number, window: number, burst: number): TokenBucket => ({
  _tag: "token-bucket",
  interval: window / limit,
  burst,
  full: -Infinity
})

/** When the next call may start, from `from` on, after as many others as are ahead of it. */
export const turn = (bucket: TokenBucket, from: number, ahead: number): number => {
  const full = bucket.full > from ? bucket.full : from
  const turn = full + (ahead + 1 - bucket.burst) * bucket.interval
  return turn > from ? turn : from
}

/** A call starts. */
export const take = (bucket: TokenBucket, at: number): void => {
  bucket.full = (bucket.full > at ? bucket.full : at) + bucket.interval
}

/** The last call did not start after all. */
export const giveBack = (bucket: TokenBucket): void => {
  bucket.full -= bucket.interval
}

/** Another rate: what was taken stays taken. */
export const adapt = (bucket: TokenBucket, limit: number, window: number, burst: number, now: number): void => {
  const taken = Math.max(0, bucket.full - now) / bucket.interval
  bucket.interval = window / limit
  bucket.burst = burst
  bucket.full = now + taken * bucket.interval
}
