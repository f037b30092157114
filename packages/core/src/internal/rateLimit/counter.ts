/** The algorithms as one: when the next call may start, and that it has. */
import * as FixedWindow from "./fixedWindow.ts"
import * as SlidingWindow from "./slidingWindow.ts"
import * as TokenBucket from "./tokenBucket.ts"

export type Counter = TokenBucket.TokenBucket | FixedWindow.FixedWindow | SlidingWindow.SlidingWindow

/** What is allowed; the window in milliseconds. */
export interface Limits {
  readonly algorithm: Counter["_tag"]
  readonly limit: number
  readonly window: number
  /** Of the token bucket; `undefined` where it is the limit. */
  readonly burst: number | undefined
}

export const make = ({ algorithm, burst, limit, window }: Limits): Counter => {
  switch (algorithm) {
    case "token-bucket":
      return TokenBucket.make(limit, window, burst ?? limit)
    case "fixed-window":
      return FixedWindow.make(limit, window)
    case "sliding-window":
      return SlidingWindow.make(limit, window)
  }
}

/** When the next call may start, from `from` on, after as many others as are ahead of it; never before `from`. */
export const turn = (counter: Counter, from: number, ahead: number): number => {
  switch (counter._tag) {
    case "token-bucket":
      return TokenBucket.turn(counter, from, ahead)
    case "fixed-window":
      return FixedWindow.turn(counter, from, ahead)
    case "sliding-window":
      return SlidingWindow.turn(counter, from, ahead)
  }
}

/** A call starts, at its turn. */
export const take = (counter: Counter, at: number): void => {
  switch (counter._tag) {
    case "token-bucket":
      return TokenBucket.take(counter, at)
    case "fixed-window":
      return FixedWindow.take(counter, at)
    case "sliding-window":
      return SlidingWindow.take(counter, at)
  }
}

/** The last call did not start after all. */
export const giveBack = (counter: Counter): void => {
  switch (counter._tag) {
    case "token-bucket":
      return TokenBucket.giveBack(counter)
    case "fixed-window":
      return FixedWindow.giveBack(counter)
    case "sliding-window":
      return SlidingWindow.giveBack(counter)
  }
}

/** Goes on with other limits. Another algorithm begins anew. */
export const adapted = (counter: Counter, limits: Limits, now: number): Counter => {
  const { algorithm, burst, limit, window } = limits
  if (counter._tag !== algorithm) return make(limits)
  switch (counter._tag) {
    case "token-bucket":
      TokenBucket.adapt(counter, limit, window, burst ?? limit, now)
      break
    case "fixed-window":
      FixedWindow.adapt(counter, limit, window)
      break
    case "sliding-window":
      SlidingWindow.adapt(counter, limit, window)
  }
  return counter
}
