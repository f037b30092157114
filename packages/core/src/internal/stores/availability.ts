/**
 * Whether a store may be asked: always while it answers, then not for a while, then by one at a time until it answers
 * again. Who may ask gets a ticket, and what they found out counts only as long as it is the current one.
 */

export interface Availability {
  /** The current ticket. Of those who asked before the last transition nothing counts any more. */
  ticket: number
  /** Failures in a row; 0 while it answers. */
  failures: number
  /** Not asked before, on the clock that all functions here are told the time of. */
  until: number
}

/** In milliseconds. */
export interface Settings {
  /** How long one who asks may take. */
  readonly timeout: number
  readonly retryAfter: number
  readonly maxRetryAfter: number
}

export const make = (): Availability => ({ ticket: 0, failures: 0, until: 0 })

/** The ticket of one who may ask; `undefined` to wait until `until`. */
export const admit = (state: Availability, settings: Settings, now: number): number | undefined => {
  if (state.failures === 0) return state.ticket
  if (now < state.until) return undefined
  // The others wait for what this one finds out, but no longer than it may take.
  state.until = now + settings.timeout
  return ++state.ticket
}

/** There was no answer. `true` where that is news. */
export const failed = (state: Availability, settings: Settings, ticket: number, now: number): boolean => {
  if (ticket !== state.ticket) return false
  state.ticket++
  state.until = now + Math.min(settings.retryAfter * 2 ** state.failures, settings.maxRetryAfter)
  return state.failures++ === 0
}

/** There was an answer. `true` where that is news. */
export const answered = (state: Availability, ticket: number): boolean => {
  if (ticket !== state.ticket || state.failures === 0) return false
  state.failures = 0
  return true
}

/** The question came to nothing by itself, as by a bug: that says nothing of the store, and another may ask. */
export const left = (state: Availability, ticket: number, now: number): void => {
  if (ticket === state.ticket && state.failures > 0) state.until = now
}
