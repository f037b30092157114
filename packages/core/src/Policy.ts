/**
 * A policy guards any effect. Under every policy that admits or refuses lies a gate, a small synchronous state machine: the
 * pipeline asks the gate directly, and the combinator for any effect is derived from it here.
 */
import type * as Effect from "effect/Effect"
import type * as Outcome from "./Outcome.ts"

/** A function on effects that may add to their errors and requirements. */
export interface Policy<out PE = never, out PR = never> {
  <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E | PE, R | PR>
}

/**
 * What lies under a policy. `admit` is asked before an attempt, `settle` is told the outcome of every attempt that was
 * admitted, exactly once. Both take the monotonic time in milliseconds, and neither may suspend.
 */
export interface Gate<out Refused> {
  readonly admit: (now: number) => Admission<Refused>
  readonly settle: (ticket: number, outcome: Outcome.Outcome, now: number) => void
}

/** A ticket to hand back to `settle`, a refusal, a wait, or a question to a state that lives elsewhere. */
export type Admission<Refused> = number | Refusal<Refused> | Wait | Ask<Refused>

/** Refused now. The reason is built only when someone will see it. */
export interface Refusal<out Refused> {
  readonly _tag: "Refusal"
  /** Milliseconds until another attempt may be admitted, where that is known. */
  readonly retryAfter: number | undefined
  readonly reason: () => Refused
}

/** Admitted with this ticket, but not before so many milliseconds have passed. */
export interface Wait {
  readonly _tag: "Wait"
  readonly ticket: number
  readonly millis: number
}

/** The state lives elsewhere: the effect answers. */
export interface Ask<out Refused> {
  readonly _tag: "Ask"
  readonly answer: Effect.Effect<number | Refusal<Refused> | Wait>
}
