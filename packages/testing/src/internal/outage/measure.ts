/** What a run of a simulation comes to, in numbers. */
import type { Scenario } from "../../Outage.ts"

/** What became of one call; times in milliseconds. */
export interface Call {
  readonly at: number
  readonly end: number
  /** Why it failed; absent where it succeeded. */
  readonly failure: string | undefined
  /** Requests sent for it. */
  readonly requests: number
}

/** Everything that happened. */
export interface Run {
  /** In the order in which they were made. */
  readonly calls: ReadonlyArray<Call>
  /** When each request was sent. */
  readonly sentAt: ReadonlyArray<number>
  readonly mostInFlight: number
}

/** The numbers of one strategy in one outage. Shares are from 0 to 1, times in milliseconds. */
export interface Measures {
  /** Calls made in the whole run, and requests sent. */
  readonly calls: number
  readonly requests: number
  /** The part of all calls that succeeded. */
  readonly succeeded: number
  /** Calls made while the outage lasted. */
  readonly outage: {
    readonly calls: number
    /** Requests that were sent while the outage lasted, whichever call they were for. */
    readonly requests: number
    /** `requests` for each of `calls`. */
    readonly amplification: number
    /** The part of the calls for which no request was ever sent. */
    readonly shed: number
    /** The part of the calls that succeeded, sooner or later. */
    readonly succeeded: number
    /** How long half of the calls took at the most, and 99 of 100, until an answer of whichever kind. */
    readonly p50: number
    readonly p99: number
  }
  /**
   * How long after the end of the outage the last call was made that failed, in a second in which fewer than 99 % of the
   * calls succeeded that did before the outage: 0 where there is no such second. Absent: it never recovered. The last
   * five seconds of the run must be good.
   */
  readonly recovery: number | undefined
  /** The most requests the remote had to answer at once. */
  readonly mostInFlight: number
  /** The most calls that waited for an answer at once. */
  readonly mostWaiting: number
  /** Calls that failed, in the whole run, by their reason; the most frequent first. */
  readonly failures: ReadonlyArray<readonly [reason: string, calls: number]>
}

export const measure = (scenario: Scenario, { calls, mostInFlight, sentAt }: Run): Measures => {
  const { begins, ends } = scenario
  const during = calls.filter(({ at }) => at >= begins && at < ends)
  const requests = sentAt.filter((at) => at >= begins && at < ends).length
  const durations = during.map(({ at, end }) => between(at, end)).toSorted((a, b) => a - b)
  return {
    calls: calls.length,
    requests: sentAt.length,
    succeeded: successShare(calls),
    outage: {
      calls: during.length,
      requests,
      amplification: during.length === 0 ? 0 : requests / during.length,
      shed: share(during, ({ requests }) => requests === 0),
      succeeded: successShare(during),
      p50: percentile(durations, 0.5),
      p99: percentile(durations, 0.99)
    },
    recovery: recoveryOf(scenario, calls),
    mostInFlight,
    mostWaiting: mostAtOnce(calls),
    failures: byReason(calls)
  }
}

/** The value that a part of the sorted values does not exceed (nearest rank); 0 where there are none. */
export const percentile = (sorted: ReadonlyArray<number>, part: number): number =>
  sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)] ?? 0

/** In whole microseconds, as the events of a run are. */
const between = (from: number, to: number): number => Math.round((to - from) * 1000) / 1000

const share = (calls: ReadonlyArray<Call>, has: (call: Call) => boolean): number =>
  calls.length === 0 ? 0 : calls.filter(has).length / calls.length

const successShare = (calls: ReadonlyArray<Call>): number => share(calls, ({ failure }) => failure === undefined)

/** How many seconds at the end of a run must be good. */
const settledSeconds = 5

const recoveryOf = ({ begins, ends, length }: Scenario, calls: ReadonlyArray<Call>): number | undefined => {
  const before = calls.filter(({ at }) => at < begins)
  const wanted = 0.99 * (before.length === 0 ? 1 : successShare(before))
  const seconds = new Map<number, Array<Call>>()
  for (const call of calls) {
    if (call.at < ends) continue
    const second = Math.floor((call.at - ends) / 1000)
    const made = seconds.get(second)
    if (made === undefined) seconds.set(second, [call])
    else made.push(call)
  }
  const bad = [...seconds].filter(([, made]) => successShare(made) < wanted)
  const last = bad.at(-1)
  if (last === undefined) return seconds.size === 0 ? undefined : 0
  if (last[0] >= (length - ends) / 1000 - settledSeconds) return undefined
  return between(ends, Math.max(...last[1].filter(({ failure }) => failure !== undefined).map(({ at }) => at)))
}

const mostAtOnce = (calls: ReadonlyArray<Call>): number => {
  const steps = calls.flatMap(({ at, end }) => [[at, 1], [end, -1]] as const)
  let [now, most] = [0, 0]
  for (const [, step] of steps.toSorted(([a, x], [b, y]) => a - b || x - y)) most = Math.max(most, now += step)
  return most
}

const byReason = (calls: ReadonlyArray<Call>): Measures["failures"] => {
  const counts = new Map<string, number>()
  for (const { failure } of calls) if (failure !== undefined) counts.set(failure, (counts.get(failure) ?? 0) + 1)
  return [...counts].toSorted(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
}
