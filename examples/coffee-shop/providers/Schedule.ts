/**
 * How the providers misbehave, and when: one phase after the other, chance within a phase by seed.
 *
 * A minute of outage is four seconds here, and everything else shrinks with it.
 */

/** What a provider does in a phase. Absent: nothing of the kind. Shares are of the requests, from 0 to 1. */
export interface Phase {
  readonly name: string
  readonly seconds: number
  /** How long answers take, in milliseconds. */
  readonly latency: readonly [from: number, to: number]
  /** Answers 503. */
  readonly unavailable?: number
  /** Does its work, and resets the connection in the middle of the answer. */
  readonly resetInBody?: number
  /** Resets the connection without having done anything. */
  readonly reset?: number
  /** Never answers. */
  readonly hang?: number
  /** Answers 429 with `Retry-After: 1` to more than that. */
  readonly perSecond?: number
}

const outage = { name: "outage", latency: [5, 20], unavailable: 0.6, reset: 0.3, hang: 0.1 } as const

export const payments: ReadonlyArray<Phase> = [
  { name: "well", seconds: 2.5, latency: [8, 40] },
  { name: "slow", seconds: 2, latency: [60, 900] },
  { name: "bursts of 503", seconds: 1.5, latency: [8, 40], unavailable: 0.3 },
  { name: "rate limited", seconds: 2, latency: [8, 40], perSecond: 12 },
  { name: "resets in the body", seconds: 1.5, latency: [8, 40], resetInBody: 0.3 },
  { ...outage, seconds: 4 },
  { name: "recovered", seconds: 3.5, latency: [8, 40] }
]

export const notifications: ReadonlyArray<Phase> = [
  { name: "well", seconds: 4, latency: [20, 80] },
  { ...outage, seconds: 2 },
  { name: "bursts of 503", seconds: 4, latency: [20, 80], unavailable: 0.3 },
  { name: "recovered", seconds: 7, latency: [20, 80] }
]

/** How long a schedule lasts; its last phase stays. */
export const seconds = (phases: ReadonlyArray<Phase>): number => phases.reduce((sum, phase) => sum + phase.seconds, 0)
