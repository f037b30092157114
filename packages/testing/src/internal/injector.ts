/** Decides, request by request, what goes wrong. */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import type * as Random from "effect/Random"
import type { Answer } from "../Answer.ts"
import type { Fault, Spoil, Target, Trigger } from "../Fault.ts"

/** What happens to one request. */
export interface Decision {
  /** Milliseconds to wait first. */
  readonly latency: number
  /** What is answered without asking the remote. */
  readonly instead: Answer | undefined
  /** What happens to the answer of the remote. */
  readonly spoil: Spoil | undefined
}

/** Which faults there are, and since when. */
export interface Plan {
  readonly rate: number
  readonly faults: ReadonlyArray<Prepared>
  /** On the monotonic clock, in milliseconds. */
  readonly since: number
}

interface Prepared {
  readonly fault: Fault
  readonly rate: number
  readonly from: number
  readonly until: number
}

export const monotonic = (clock: Clock.Clock): number => Number(clock.monotonicTimeNanosUnsafe()) / 1e6

export const prepare = (faults: ReadonlyArray<Fault>, rate: number | undefined, clock: Clock.Clock): Plan => ({
  rate: coerce(rate),
  since: monotonic(clock),
  faults: faults.map((fault) => ({
    fault,
    rate: coerce(fault.rate),
    from: millis(fault.from, 0),
    until: millis(fault.until, Infinity)
  }))
})

/**
 * Latency adds up; of all other faults the first that strikes wins. As many numbers are drawn for each request whatever
 * happens to it, so that a run with the same seed and the same order of requests repeats.
 */
export const decide = (
  plan: Plan,
  target: Target,
  sources: { readonly clock: Clock.Clock; readonly random: Random.Random },
  struck: (fault: Fault) => void
): Decision | undefined => {
  const now = monotonic(sources.clock) - plan.since
  const considered = sources.random.nextDoubleUnsafe() < plan.rate
  let latency: number | undefined
  let instead: Answer | undefined
  let spoil: Spoil | undefined
  for (const { fault, from, rate, until } of plan.faults) {
    const strikes = sources.random.nextDoubleUnsafe() < rate
    const position = fault.action._tag === "Latency" ? sources.random.nextDoubleUnsafe() : 0
    if (!considered || !strikes || now < from || now >= until || !concerns(fault, target)) continue
    if (fault.action._tag === "Latency") {
      latency = (latency ?? 0) + fault.action.min + position * (fault.action.max - fault.action.min)
    } else if (instead === undefined && spoil === undefined) {
      if (fault.action._tag === "Instead") instead = fault.action.answer
      else spoil = fault.action.spoil
    } else continue
    struck(fault)
  }
  if (latency === undefined && instead === undefined && spoil === undefined) return undefined
  return { latency: latency ?? 0, instead, spoil }
}

const concerns = ({ when }: Trigger, target: Target): boolean => when === undefined || when(target)

const millis = (duration: Duration.Input | undefined, otherwise: number): number =>
  duration === undefined ? otherwise : Duration.toMillis(duration)

const coerce = (rate = 1): number => (rate > 0 ? Math.min(rate, 1) : 0)
