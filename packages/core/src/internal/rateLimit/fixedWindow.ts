/** So many calls in a window; a window begins with the first call after the end of the one before. */

/** Plain data; times in milliseconds. Mutated in place. */
export interface FixedWindow {
  readonly _tag: "fixed-window"
  limit: number
  window: number
  /** When the current window began. */
  start: number
  /** Calls in it. */
  count: number
}

export const make = (limit: number, window: number): FixedWindow => ({
  _tag: "fixed-window",
  limit,
  window,
  start: -Infinity,
  count: 0
})

/** When the next call may start, from `from` on, after as many others as are ahead of it. */
export const turn = (fixed: FixedWindow, from: number, ahead: number): number => {
  const { count, limit, start, window } = fixed
  const over = from >= start + window
  const room = over ? limit : Math.max(0, limit - count)
  return ahead < room ? from : (over ? from : start) + window * (1 + Math.floor((ahead - room) / limit))
}

/** A call starts. */
export const take = (fixed: FixedWindow, at: number): void => {
  if (at >= fixed.start + fixed.window) {
    fixed.start = at
    fixed.count = 0
  }
  fixed.count++
}

/** The last call did not start after all. */
export const giveBack = (fixed: FixedWindow): void => {
  if (fixed.count > 0) fixed.count--
}

/** Another limit: the current window keeps its calls and its beginning. */
export const adapt = (fixed: FixedWindow, limit: number, window: number): void => {
  fixed.limit = limit
  fixed.window = window
}
