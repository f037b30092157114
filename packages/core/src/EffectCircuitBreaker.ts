/**
 * Effect's own `CircuitBreaker` service over circuits of this toolkit: it drops into whatever asks for that service, such
 * as `HttpClient.withCircuitBreaker`, with all that `policy/CircuitBreaker` has. That module of Effect is experimental.
 *
 * @example
 * const breaker = EffectCircuitBreaker.fromKeyed(yield* CircuitBreaker.makeKeyed({ name: "hosts", failureThreshold: 3 }))
 * const guarded = HttpClient.withCircuitBreaker(client, { breaker }) // one circuit per origin
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { dual } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Theirs from "effect/persistence/CircuitBreaker"
import * as Stream from "effect/Stream"
import type { CircuitOpen } from "./IntegrationError.ts"
import { isUnreachable } from "./internal/circuit/machine.ts"
import * as monotonic from "./internal/monotonic.ts"
import type { InvalidOptions } from "./InvalidOptions.ts"
import * as Outcome from "./Outcome.ts"
import * as Policy from "./Policy.ts"
import * as CircuitBreaker from "./policy/CircuitBreaker.ts"
import type { Stores } from "./Stores.ts"

/**
 * The service over these breakers. Seen through it, an isolated circuit is open without an end, and one that is disabled or
 * only counts is closed; `transitions` has those of all breakers of that name which it has words for.
 */
export const fromKeyed = (breakers: CircuitBreaker.Keyed): Theirs.CircuitBreaker =>
  Theirs.CircuitBreaker.of({
    [Theirs.TypeId]: Theirs.TypeId,
    execute: dual(2, execute(breakers)),
    state: (key) => Effect.map(breakers.get(key).state, (state) => stateOf(key, state)),
    transitions: Stream.flatMap(breakers.changes, (transition) => Stream.fromIterable(transitionsOf(transition)))
  })

/** Provides the service. */
export const layer = (
  options: Parameters<typeof CircuitBreaker.makeKeyed>[0]
): Layer.Layer<Theirs.CircuitBreaker, InvalidOptions, Stores> =>
  Layer.effect(Theirs.CircuitBreaker, Effect.map(CircuitBreaker.makeKeyed(options), fromKeyed))

interface Guarding<A, E, R2> {
  readonly key: string
  readonly classify?: Classify<A, E, R2> | undefined
}
type Classify<A, E, R2> = (exit: Exit.Exit<A, E>) => Theirs.Outcome | Effect.Effect<Theirs.Outcome, never, R2>

const execute = (breakers: CircuitBreaker.Keyed) =>
<A, E, R, R2>(
  self: Effect.Effect<A, E, R>,
  { classify, key }: Guarding<A, E, R2>
): Effect.Effect<A, E | Theirs.CircuitBreakerError, R | R2> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.withFiber((fiber) => {
      const gate = breakers.gate(key)
      const admitted = Policy.admitted(gate, gate.admit(monotonic.now(fiber)), restore)
      return Effect.flatMap(admitted, (admission): Effect.Effect<A, E | Theirs.CircuitBreakerError, R | R2> => {
        if (typeof admission !== "number") return Effect.fail(rejection(key, admission))
        const begun = monotonic.now(fiber)
        return Effect.flatMap(Effect.exit(restore(self)), (exit) => {
          const elapsed = monotonic.now(fiber) - begun
          return Effect.flatMap(Effect.exit(restore(classified(exit, classify))), (found) => {
            const outcome = Exit.isSuccess(found) ? outcomeOf(found.value) : Outcome.neutral
            gate.settle(admission, outcome, monotonic.now(fiber), elapsed)
            if (Exit.isSuccess(found)) return exit
            return Effect.failCause(Exit.isFailure(exit) ? Cause.combine(exit.cause, found.cause) : found.cause)
          })
        })
      })
    })
  )

const classified = <A, E, R2>(
  exit: Exit.Exit<A, E>,
  classify: Classify<A, E, R2> | undefined
): Effect.Effect<Theirs.Outcome, never, R2> =>
  Effect.suspend(() => {
    if (Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause)) return Effect.succeed(Theirs.ignored)
    if (classify === undefined) return Effect.succeed(Exit.isSuccess(exit) ? Theirs.success : Theirs.failure())
    const outcome = classify(exit)
    return Effect.isEffect(outcome) ? outcome : Effect.succeed(outcome)
  })

const outcomeOf = (outcome: Theirs.Outcome): Outcome.Outcome => {
  if (outcome._tag === "Success") return Outcome.success
  if (outcome._tag === "Ignored") return Outcome.neutral
  const { retryAfter } = outcome
  return retryAfter === undefined ? Outcome.failure() : Outcome.failure({ retryAfter: Duration.toMillis(retryAfter) })
}

/** Only while probes run does nobody know when to come back. */
const rejection = (key: string, refusal: Policy.Refusal<CircuitOpen>): Theirs.CircuitBreakerError => {
  if (isUnreachable(refusal)) {
    const message = "the store of the circuit cannot be reached"
    return new Theirs.CircuitBreakerError({ reason: new Theirs.CircuitBreakerStoreError({ message }) })
  }
  const { isolated, retryAfter } = refusal.reason()
  return new Theirs.CircuitBreakerError({
    reason: !isolated && retryAfter === undefined
      ? new Theirs.CircuitHalfOpen({ key })
      : new Theirs.CircuitOpen({ key, retryAfter: retryAfter ?? Duration.infinity })
  })
}

const stateOf = (key: string, state: CircuitBreaker.State): Theirs.State => {
  const { openings: consecutiveOpenings } = state
  switch (state._tag) {
    case "Open":
      return { _tag: "Open", key, retryAfter: state.retryAfter, consecutiveOpenings }
    case "Isolated":
      return { _tag: "Open", key, retryAfter: Duration.infinity, consecutiveOpenings }
    case "HalfOpen":
      return { _tag: "HalfOpen", key, probing: state.probing > 0, consecutiveOpenings }
    default:
      return { _tag: "Closed", key }
  }
}

const tags = {
  Closed: "Closed",
  HalfOpen: "HalfOpen",
  Open: "Open",
  Isolated: "Open",
  MetricsOnly: "Closed",
  Disabled: "Closed"
} as const

const transitionsOf = (transition: CircuitBreaker.Transition): ReadonlyArray<Theirs.Transition> => {
  const { key = "", openings: consecutiveOpenings, retryAfter = Duration.infinity } = transition
  const [from, to] = [tags[transition.from], tags[transition.to]]
  if (to === "Open") return from === "Open" ? [] : [{ key, from, to, retryAfter, consecutiveOpenings }]
  if (to === "HalfOpen") return from === "Open" ? [{ key, from, to }] : []
  return from === "HalfOpen" ? [{ key, from, to }] : []
}
