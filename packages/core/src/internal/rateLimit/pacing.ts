/** The state of a limiter: what it has let start, and what the remote has said. Times in milliseconds. */
import * as Counter from "./counter.ts"
import * as Pace from "./pace.ts"

/** What is allowed, and whether less is where the remote throttles. */
export interface Limits extends Counter.Limits {
  readonly adaptive: boolean
}

/** Plain data. Mutated in place. */
export interface Pacing {
  limits: Limits
  counter: Counter.Counter
  /** Where it is adaptive. */
  pace: Pace.Pace | undefined
  /** The ticket of the last call that may start. */
  ticket: number
  /** The remote asked for silence until then. */
  silentUntil: number
  /** The remote said that so many more calls are allowed … */
  left: number
  /** … until then. */
  leftUntil: number
}

/** Less than this early is on time: what adding fractions of a millisecond may be off by. */
export const tolerance = 0.001

/** Resets that differ by less are the same one, told in whole seconds. */
const resolution = 1000

export const initial = (limits: Limits): Pacing => ({
  limits,
  counter: Counter.make(limits),
  pace: paceOf(limits),
  ticket: 0,
  silentUntil: -Infinity,
  left: Infinity,
  leftUntil: -Infinity
})

const paceOf = ({ adaptive, burst, limit, window }: Limits): Pace.Pace | undefined =>
  adaptive ? Pace.make(limit, window, burst ?? limit) : undefined

/**
 * When the next call may start, from `now` on, after as many others as are ahead of it. Of those that the remote leaves for
 * later, all are taken to start then, so that the answer is never too early.
 */
export const turn = (pacing: Pacing, now: number, ahead: number): number => {
  const { counter, left, leftUntil, pace, silentUntil } = pacing
  const heard = now < silentUntil ? silentUntil : now
  const from = heard < leftUntil && ahead >= left ? leftUntil : heard
  const turn = Counter.turn(counter, from, ahead)
  return pace === undefined ? turn : Math.max(turn, Pace.turn(pace, from, ahead))
}

/** The ticket of a call that starts now; 0 where it may not. */
export const take = (pacing: Pacing, now: number): number => {
  const at = turn(pacing, now, 0)
  if (at > now + tolerance) return 0
  Counter.take(pacing.counter, at)
  if (pacing.pace !== undefined) Pace.take(pacing.pace, at)
  if (now < pacing.leftUntil && pacing.left > 0) pacing.left--
  return ++pacing.ticket
}

/** The call with this ticket did not start after all; false where others have started since, so that nothing changes. */
export const giveBack = (pacing: Pacing, ticket: number, now: number): boolean => {
  if (ticket !== pacing.ticket) return false
  pacing.ticket--
  Counter.giveBack(pacing.counter)
  if (pacing.pace !== undefined) Pace.giveBack(pacing.pace)
  if (now < pacing.leftUntil) pacing.left++
  return true
}

/** How many calls could start now. */
export const available = (pacing: Pacing, now: number): number => {
  const { burst, limit } = pacing.limits
  let [some, tooMany] = [0, Math.max(limit, burst ?? 0) + 1]
  while (some + 1 < tooMany) {
    const middle = (some + tooMany) >>> 1
    if (turn(pacing, now, middle - 1) <= now + tolerance) some = middle
    else tooMany = middle
  }
  return some
}

/**
 * The remote has throttled a call that began then, and asks for silence of so many milliseconds. False where that changes
 * nothing.
 */
export const heed = (pacing: Pacing, millis: number, begun: number, now: number): boolean => {
  const silent = millis > 0 && now + millis > pacing.silentUntil
  if (silent) pacing.silentUntil = now + millis
  const slower = pacing.pace !== undefined && Pace.throttled(pacing.pace, begun, now)
  return silent || slower
}

/**
 * So many more calls are allowed for so long. Answers overtake each other, so that of one window the lowest number stands;
 * a later reset is another window. False where it changes nothing.
 */
export const allow = (pacing: Pacing, remaining: number, millis: number, now: number): boolean => {
  if (millis <= 0) return false
  const until = now + millis
  if (now < pacing.leftUntil && remaining >= pacing.left && until <= pacing.leftUntil + resolution) return false
  pacing.left = remaining
  pacing.leftUntil = until
  return true
}

/** Goes on with other limits; what it has slowed down to is forgotten. False where they are the same. */
export const adapt = (pacing: Pacing, limits: Limits, now: number): boolean => {
  if (areSame(pacing.limits, limits)) return false
  pacing.limits = limits
  pacing.counter = Counter.adapted(pacing.counter, limits, now)
  pacing.pace = paceOf(limits)
  return true
}

export const areSame = (some: Limits, others: Limits): boolean =>
  some.algorithm === others.algorithm && some.limit === others.limit && some.window === others.window &&
  some.burst === others.burst && some.adaptive === others.adaptive
