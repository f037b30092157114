/**
 * So many calls in any window, exactly: a ring of the times of the last calls, as many as are allowed in one. A call may
 * start when the oldest of them has left the window, which is one comparison.
 */

/** Plain data; times in milliseconds. Mutated in place. */
export interface SlidingWindow {
  readonly _tag: "sliding-window"
  window: number
  /** The last calls, as many as the limit. */
  times: Float64Array
  /** Where the oldest of them is. */
  oldest: number
}

/** The highest limit: 8 bytes for each call of a window. */
export const maxLimit = 100_000

export const make = (limit: number, window: number): SlidingWindow => ({
  _tag: "sliding-window",
  window,
  times: new Float64Array(limit).fill(-Infinity),
  oldest: 0
})

/** When the next call may start, from `from` on, after as many others as are ahead of it. */
export const turn = ({ oldest, times, window }: SlidingWindow, from: number, ahead: number): number => {
  const limit = times.length
  const turn = times[(oldest + ahead) % limit]! + window
  return (turn > from ? turn : from) + Math.floor(ahead / limit) * window
}

/** A call starts. */
export const take = (sliding: SlidingWindow, at: number): void => {
  sliding.times[sliding.oldest] = at
  sliding.oldest = (sliding.oldest + 1) % sliding.times.length
}

/** The last call did not start after all. What it took the place of had left the window. */
export const giveBack = (sliding: SlidingWindow): void => {
  const limit = sliding.times.length
  sliding.oldest = (sliding.oldest + limit - 1) % limit
  sliding.times[sliding.oldest] = -Infinity
}

/** Another limit: of the calls that are known, the newest are kept. */
export const adapt = (sliding: SlidingWindow, limit: number, window: number): void => {
  const { oldest, times } = sliding
  const known = times.length
  const kept = Math.min(known, limit)
  sliding.window = window
  sliding.times = new Float64Array(limit).fill(-Infinity)
  for (let i = 1; i <= kept; i++) sliding.times[limit - i] = times[(oldest + known - i) % known]!
  sliding.oldest = 0
}
