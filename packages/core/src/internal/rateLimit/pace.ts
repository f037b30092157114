/**
 * How soon calls may follow each other after the remote has throttled one: additive increase, multiplicative decrease. Until
 * the first throttle there is no such pace, and none again once it has grown beyond what the limit lets start anyway.
 *
 * @see RFC 5681 section 3.1, for the increase, and one decrease for all that was under way
 * @see RFC 9438 section 4.6, for the factor of the decrease
 */

/** Plain data; times in milliseconds, rates in calls per millisecond. Mutated in place. */
export interface Pace {
  /** In this time a throttled rate grows by a tenth of what it was before. */
  readonly span: number
  /** What the limit lets start anyway. */
  readonly ceiling: number
  /** Calls that have started since then, and in the span before. */
  since: number
  count: number
  before: number
  /** The rate that was measured at the last throttle, what it was lowered to, and when. */
  measured: number
  lowered: number
  at: number
  /** No call starts before. */
  next: number
  /** How far the last call has put that off. */
  step: number
}

/** What a throttle leaves of the rate. */
const decrease = 0.7

/** What comes back in a span, as a share of the rate before the throttle. */
const increase = 0.1

const second = 1000
const minute = 60 * second

/** `most`: calls that can start at once. */
export const make = (limit: number, window: number, most: number): Pace => ({
  span: Math.max(second, Math.min(minute, window)),
  ceiling: most / second + limit / window,
  since: -Infinity,
  count: 0,
  before: 0,
  measured: 0,
  lowered: Infinity,
  at: -Infinity,
  next: -Infinity,
  step: 0
})

/** When the next call may start, from `from` on, after as many others as are ahead of it. */
export const turn = (pace: Pace, from: number, ahead: number): number => {
  if (pace.lowered === Infinity) return from
  const rate = rateAt(pace, from)
  return rate === Infinity ? from : Math.max(from, pace.next) + ahead / rate
}

/** A call starts, at its turn. */
export const take = (pace: Pace, at: number): void => {
  advance(pace, at)
  pace.count++
  if (pace.lowered === Infinity) return
  const rate = rateAt(pace, at)
  if (rate === Infinity) return void (pace.lowered = Infinity)
  const from = Math.max(pace.next, at)
  pace.step = from + 1 / rate - pace.next
  pace.next = from + 1 / rate
}

/** The last call did not start after all. */
export const giveBack = (pace: Pace): void => {
  if (pace.count > 0) pace.count--
  pace.next -= pace.step
  pace.step = 0
}

/**
 * The remote has throttled a call that began then. False where that changes nothing: calls that were under way together
 * are throttled together, and lower the rate once.
 */
export const throttled = (pace: Pace, begun: number, now: number): boolean => {
  if (begun < pace.at) return false
  advance(pace, now)
  const lowest = 1 / pace.span
  const began = pace.before > 0 ? pace.since - pace.span : pace.since
  pace.measured = Math.max(lowest, (pace.before + pace.count) / Math.max(second, now - began))
  pace.lowered = Math.max(lowest, Math.min(rateAt(pace, now), pace.measured) * decrease)
  pace.at = now
  pace.next = now + 1 / pace.lowered
  pace.step = 0
  return true
}

/** `Infinity` where nothing is held back. */
const rateAt = ({ at, ceiling, lowered, measured, span }: Pace, now: number): number => {
  const rate = lowered + measured * increase * Math.max(0, now - at) / span
  return rate < ceiling ? rate : Infinity
}

/** A new span begins with the first call after the end of the one before, or at its end. */
const advance = (pace: Pace, now: number): void => {
  const spans = Math.floor((now - pace.since) / pace.span)
  if (spans < 1) return
  pace.before = spans === 1 ? pace.count : 0
  pace.since = spans === 1 ? pace.since + pace.span : now
  pace.count = 0
}
