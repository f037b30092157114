/**
 * A policy guards any effect. Under every policy that admits or refuses lies a gate, a small synchronous state machine: the
 * pipeline asks the gate directly, and the combinator for any effect is derived from it here.
 */
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as monotonic from "./internal/monotonic.ts"
import * as Outcome from "./Outcome.ts"

/** A function on effects that may add to their errors and requirements. */
export interface Policy<out PE = never, out PR = never> {
  <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E | PE, R | PR>
  /** What it consists of, the outermost first. Absent: not known. */
  readonly parts?: ReadonlyArray<Part> | undefined
}

/** What a policy can say of itself. */
export interface Part {
  readonly name: string
  readonly options?: object | undefined
}

/** Changes nothing. */
export const identity: Policy = Object.assign(<A, E, R>(self: Effect.Effect<A, E, R>) => self, { parts: [] })

/** Gives a policy a name and the options it was made with, for `describe`. */
export const named = <PE, PR>(
  name: string,
  options: object | undefined,
  policy: Policy<PE, PR>
): Policy<PE, PR> =>
  Object.assign(<A, E, R>(self: Effect.Effect<A, E, R>) => policy(self), { parts: [{ name, options }] })

/** The parts of a policy in order, the outermost first. A policy without a name is called `custom`. */
export const describe = (policy: Policy<unknown, unknown>): ReadonlyArray<Part> => policy.parts ?? [{ name: "custom" }]

/**
 * Several policies as one: the first is the outermost. None at all is `identity`. A function of one's own takes part with
 * its type written out, `const own: Policy.Policy<Late> = …`; from a generic function the errors it adds cannot be inferred.
 *
 * @example
 * const guard = Policy.all(retry.policy, breaker.policy, timeout.policy)
 */
export const all = <const Policies extends ReadonlyArray<Policy<any, any>>>(
  ...policies: Policies
): Policy<Refused<Policies[number]>, Required<Policies[number]>> => {
  const parts = policies.flatMap(describe)
  return Object.assign(
    <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, any, any> =>
      policies.reduceRight((inner: Effect.Effect<A, any, any>, policy) => policy(inner), self),
    { parts }
  )
}
type Refused<P> = P extends Policy<infer PE, any> ? PE : never
type Required<P> = P extends Policy<any, infer PR> ? PR : never

/**
 * The policy for any effect that a gate makes. `classify` decides the outcomes it knows, the default classifier the rest. A
 * call that was admitted is settled exactly once, whether it succeeds, fails, dies or is interrupted; one that is
 * interrupted before its first step never starts and is settled as neutral.
 */
export const fromGate = <PE>(
  gate: Gate<PE>,
  options: { readonly classify?: Outcome.Classifier | undefined } = {}
): Policy<PE> => {
  const classify = Outcome.classifyWith(options.classify)
  return <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E | PE, R> =>
    Effect.uninterruptibleMask((restore) => {
      const enter = (admission: number | Refusal<PE>): Effect.Effect<A, E | PE, R> =>
        typeof admission === "number"
          ? Effect.withFiber((fiber) => {
            let begun: number | undefined
            const work = Effect.suspend(() => {
              begun = monotonic.now(fiber)
              return self
            })
            // What was interrupted before its first step has not been sent: as if it had been refused.
            const outcome = (exit: Exit.Exit<A, E>) => begun === undefined ? Outcome.refused(undefined) : classify(exit)
            return Effect.onExit(restore(work), (exit) => settled(gate, admission, () => outcome(exit), begun))
          })
          : Effect.fail(admission.reason())
      return Effect.withFiber((fiber) => {
        const admission = gate.admit(monotonic.now(fiber))
        return typeof admission === "number"
          ? enter(admission)
          : Effect.flatMap(admitted(gate, admission, restore), enter)
      })
    })
}

/**
 * Waits for one's turn, or for the answer of a state that lives elsewhere. If the wait is interrupted, the ticket is
 * settled as neutral. To be run where interruption is off, so that a ticket cannot get lost on its way out; only waiting
 * and asking are made interruptible, by `restore`.
 */
export const admitted = <PE>(
  gate: Gate<PE>,
  admission: Admission<PE>,
  restore: <A>(self: Effect.Effect<A>) => Effect.Effect<A> = Effect.interruptible
): Effect.Effect<number | Refusal<PE>> => {
  if (typeof admission === "number" || admission._tag === "Refusal") return Effect.succeed(admission)
  if (admission._tag === "Ask") {
    return Effect.flatMap(restore(admission.answer), (answer) => admitted(gate, answer, restore))
  }
  if (admission._tag === "Line") return restore(inLine(gate, admission))
  const { millis, ticket } = admission
  const turn = Effect.onInterrupt(
    restore(Effect.sleep(millis)),
    () => settled(gate, ticket, () => Outcome.neutral)
  )
  return Effect.as(turn, ticket)
}

/** If it is interrupted between its turn and the use of it, the ticket is settled. */
const inLine = <PE>(gate: Gate<PE>, line: Line): Effect.Effect<number> =>
  Effect.withFiber((fiber) =>
    Effect.callback((resume) => {
      let ticket: number | undefined
      const waiter: Waiter = {
        onTurn: (given) => {
          ticket = given
          fiber.currentDispatcher.scheduleTask(() => resume(Effect.succeed(given)), 0)
        }
      }
      line.join(waiter)
      return Effect.suspend(() => {
        if (ticket !== undefined) return settled(gate, ticket, () => Outcome.neutral)
        line.leave(waiter)
        return Effect.void
      })
    })
  )

// A classifier that throws is a defect of the call, but the ticket is settled all the same.
const settled = (
  gate: Gate<unknown>,
  ticket: number,
  classify: () => Outcome.Outcome,
  begun?: number
): Effect.Effect<void> =>
  Effect.withFiber((fiber) => {
    let outcome: Outcome.Outcome = Outcome.neutral
    try {
      outcome = classify()
    } finally {
      const now = monotonic.now(fiber)
      gate.settle(ticket, outcome, now, begun === undefined ? undefined : now - begun)
    }
    return Effect.void
  })

/**
 * What lies under a policy. `admit` is asked before an attempt, `settle` is told the outcome of every attempt that was
 * admitted, exactly once. Both take the monotonic time in milliseconds, and neither may suspend.
 */
export interface Gate<out Refused> {
  readonly admit: (now: number) => Admission<Refused>
  /** `elapsed`: how long what was let through has run, in milliseconds; absent where it did not run. */
  readonly settle: (ticket: number, outcome: Outcome.Outcome, now: number, elapsed?: number) => void
}

/** A ticket to hand back to `settle`, a refusal, a wait, a line, or a question to a state that lives elsewhere. */
export type Admission<Refused> = number | Refusal<Refused> | Wait | Line | Ask<Refused>

/** Refused now. The reason is built only when someone will see it; the outcome of the attempt is that of the reason. */
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

/** A ticket will be given, first come first served. */
export interface Line {
  readonly _tag: "Line"
  /** Whoever joins is given its ticket, once, unless it has left; perhaps at once. */
  readonly join: (waiter: Waiter) => void
  readonly leave: (waiter: Waiter) => void
}

/** One in a line. */
export interface Waiter {
  /** Takes its ticket, and uses it later: whoever gives back what it has waited for comes first. */
  readonly onTurn: (ticket: number) => void
}

/**
 * The state lives elsewhere: the effect answers. If it is interrupted, it gives back what it took; so that nothing is lost
 * on the way out, it is best a single `callback`.
 */
export interface Ask<out Refused> {
  readonly _tag: "Ask"
  readonly answer: Effect.Effect<number | Refusal<Refused> | Wait>
}
