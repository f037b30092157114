/** What is known of one endpoint, and when it is ejected. Times in milliseconds of the monotonic clock. */
import type { Endpoint } from "../../LoadBalancer.ts"

/** Mutated in place. */
export interface Node {
  endpoint: Endpoint
  readonly hash: number
  inFlight: number
  /** Whoever watches it says that it does not work. */
  down: boolean
  /** Failures in a row. */
  failures: number
  /** Until then it is ejected. */
  ejectedUntil: number
  /** How often it has been, less what a good time has made up for. */
  ejections: number
}

/** Times in milliseconds. */
export interface Ejection {
  readonly consecutiveFailures: number
  readonly baseTime: number
  readonly maxTime: number
  /** From 0 to 1. */
  readonly maxShare: number
}

export const make = (endpoint: Endpoint, hash: number): Node => ({
  endpoint,
  hash,
  inFlight: 0,
  down: false,
  failures: 0,
  ejectedUntil: -Infinity,
  ejections: 0
})

export const isEjected = (node: Node, now: number): boolean => now < node.ejectedUntil

/** An endpoint has failed. True where it has failed so often that it is to be ejected, if it may be. */
export const failed = (node: Node, { consecutiveFailures }: Ejection, now: number): boolean =>
  !isEjected(node, now) && ++node.failures >= consecutiveFailures

/** Each ejection takes longer than the last; every `baseTime` without one makes up for one. */
export const eject = (node: Node, { baseTime, maxTime }: Ejection, now: number): void => {
  const madeUp = node.ejections === 0 ? 0 : Math.floor((now - node.ejectedUntil) / baseTime)
  // Beyond what the longest ejection takes there is nothing to count.
  node.ejections = Math.min(Math.max(0, node.ejections - madeUp) + 1, Math.ceil(maxTime / baseTime))
  node.ejectedUntil = now + Math.min(maxTime, baseTime * node.ejections)
  node.failures = 0
}

/** Whether one more may be ejected among so many. */
export const mayEject = (nodes: ReadonlyArray<Node>, { maxShare }: Ejection, now: number): boolean => {
  let ejected = 0
  for (const node of nodes) if (isEjected(node, now)) ejected++
  return ejected + 1 <= nodes.length * maxShare
}
