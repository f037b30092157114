/**
 * One thing that goes wrong on the wire, how often, for which requests, and when.
 *
 * @example
 * Fault.latency({ min: "50 millis", max: "2 seconds" }, { rate: 0.2 })
 * Fault.status(503, { headers: { "retry-after": "2" }, from: "5 seconds", until: "12 seconds" })
 * Fault.lost({ when: (request) => request.method === "POST" })
 */
import * as Duration from "effect/Duration"
import * as Answer from "./Answer.ts"

/** A fault and when it strikes. */
export interface Fault extends Trigger {
  /** What it is counted under, such as `status 503`. */
  readonly name: string
  readonly action: Action
}

/** Which requests a fault strikes. */
export interface Trigger {
  /** The part of the requests it strikes, from 0, never, to 1, always; coerced to that. Default 1. */
  readonly rate?: number | undefined
  /** Strikes only requests for which this holds. */
  readonly when?: ((request: Target) => boolean) | undefined
  /** Strikes from this time on, counted from when the faults took effect. Default 0. */
  readonly from?: Duration.Input | undefined
  /** Strikes until just before this time, counted alike. Default: for ever. */
  readonly until?: Duration.Input | undefined
}

/** A request, as far as it is known before it is sent. */
export interface Target {
  readonly method: string
  /** Scheme, host, path and query. */
  readonly url: string
}

/** What a fault does. */
export type Action =
  /** The request waits before it goes on, between `min` and `max` milliseconds. */
  | { readonly _tag: "Latency"; readonly min: number; readonly max: number }
  /** The request is not passed on; this is answered in its place. */
  | { readonly _tag: "Instead"; readonly answer: Answer.Answer }
  /** The remote processes the request; what it answers is spoilt on the way back. */
  | { readonly _tag: "After"; readonly spoil: Spoil }

/** A range of durations. */
export interface Range {
  readonly min: Duration.Input
  readonly max: Duration.Input
}

/**
 * What happens to a true answer: it is lost before its headers, or its body is cut by a reset, a close or silence, or
 * made unreadable.
 */
export type Spoil = "lost" | "reset" | "truncated" | "hang" | "garbage"

/** Waits before the request goes on: a duration, or one drawn evenly from a range. Negative is none. */
export const latency = (duration: Duration.Input | Range, trigger?: Trigger): Fault => {
  const { max, min } = isRange(duration) ? duration : { min: duration, max: duration }
  const [a, b] = [Math.max(0, Duration.toMillis(min)), Math.max(0, Duration.toMillis(max))]
  return make("latency", { _tag: "Latency", min: Math.min(a, b), max: Math.max(a, b) }, trigger)
}

/** Any answer in place of the remote's; the remote is not asked. */
export const answer = (answer: Answer.Answer, options?: Trigger & { readonly name?: string | undefined }): Fault =>
  make(options?.name ?? "answer", { _tag: "Instead", answer }, options)

/** A status without a body; the remote is not asked. */
export const status = (code: number, options?: Trigger & { readonly headers?: Answer.Headers | undefined }): Fault =>
  answer(Answer.status(code, options?.headers), { ...options, name: `status ${code}` })

/** Reset before the headers; the remote is not asked, but the caller cannot know: `wasSent` is true. */
export const reset = (trigger?: Trigger): Fault => answer(Answer.reset, { ...trigger, name: "reset" })

/** Nobody listens; `wasSent` is false. */
export const refused = (trigger?: Trigger): Fault => answer(Answer.refused, { ...trigger, name: "refused" })

/** No answer, ever. */
export const hang = (trigger?: Trigger): Fault => answer(Answer.hang, { ...trigger, name: "hang" })

/**
 * The remote processes the request; the connection is reset before its answer arrives. Shows who repeats without an
 * idempotency key.
 */
export const lost = (trigger?: Trigger): Fault => after("lost", trigger)

/** The connection is reset in the body of the remote's answer. */
export const resetInBody = (trigger?: Trigger): Fault => after("reset", trigger, "reset in body")

/** The connection is closed before the end of the body of the remote's answer. */
export const truncated = (trigger?: Trigger): Fault => after("truncated", trigger)

/** The body of the remote's answer begins and never ends. */
export const hangInBody = (trigger?: Trigger): Fault => after("hang", trigger, "hang in body")

/** The remote's status and headers with a body that is neither JSON nor UTF-8. */
export const garbage = (trigger?: Trigger): Fault => after("garbage", trigger)

/** The same faults, only from one time to another, counted from when they took effect: a window of an outage. */
export const during = (
  from: Duration.Input,
  until: Duration.Input,
  faults: ReadonlyArray<Fault>
): ReadonlyArray<Fault> => faults.map((fault) => ({ ...fault, from, until }))

const after = (spoil: Spoil, trigger: Trigger | undefined, name: string = spoil): Fault =>
  make(name, { _tag: "After", spoil }, trigger)

const make = (name: string, action: Action, { from, rate, until, when }: Trigger = {}): Fault => ({
  name,
  action,
  from,
  rate,
  until,
  when
})

const isRange = (duration: Duration.Input | Range): duration is Range =>
  typeof duration === "object" && "min" in duration && "max" in duration
