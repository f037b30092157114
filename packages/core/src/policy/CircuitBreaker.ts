/**
 * Stops calling a remote that does not work, and finds out by itself when it does again.
 *
 * - Closed: calls run. It opens after a number of failures in a row, or at a failure rate over a span of time.
 * - Open: calls are refused at once, for a time that grows while it does not get better.
 * - Half-open: a few calls are let through as probes; they decide whether it closes or opens again.
 * - Isolated: an operator refused all calls, until `reset`.
 *
 * A 429 counts neither as a failure nor as a success while closed, and as a failed probe. An interrupted call counts
 * nowhere. An answer to a call from before the last transition changes nothing. There is no timer: an open circuit becomes
 * half-open when the first call after its time asks.
 *
 * @example
 * const breaker = yield* CircuitBreaker.make({ name: "coffee/Payments", failureThreshold: 3 })
 * yield* charge.pipe(breaker.policy) // fails with `CircuitOpen` while the circuit is open
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { CircuitOpen } from "../IntegrationError.ts"
import * as Circuit from "../internal/circuit/circuit.ts"
import { settingsOf, tableOf, validate as check } from "../internal/circuit/options.ts"
import * as monotonic from "../internal/monotonic.ts"
import { stackless } from "../internal/stackless.ts"
import { type InvalidOptions, type Problem, refuse } from "../InvalidOptions.ts"
import type * as Outcome from "../Outcome.ts"
import * as Policy from "../Policy.ts"
import { Stores } from "../Stores.ts"

/** A circuit breaker. Its state is shared by all breakers of that name in the same `Stores`. */
export interface CircuitBreaker {
  readonly name: string
  readonly gate: Policy.Gate<CircuitOpen>
  /** Refuses what `gate` would refuse, and takes nothing: asked before a call waits for anything else. */
  readonly check: Policy.Gate<CircuitOpen>
  readonly policy: Policy.Policy<CircuitOpen>
  readonly state: Effect.Effect<State>
  /** Refuses all calls, past any open time, until `reset`. Answers of running calls change nothing. */
  readonly isolate: Effect.Effect<void>
  /** Closes, and forgets all counts and openings. Answers of running calls change nothing. */
  readonly reset: Effect.Effect<void>
  /** Every transition of the circuit from now on, whichever breaker of that name caused it. A slow reader loses the oldest. */
  readonly changes: Stream.Stream<Transition>
  /** What is worth keeping over a restart. Counts of calls are not: they are of the last seconds. */
  readonly snapshot: Effect.Effect<Snapshot>
  /** Goes on from a snapshot. A circuit that was half-open is open and due, so that the next call is a probe. */
  readonly restore: (snapshot: Snapshot) => Effect.Effect<void>
}

export interface Options {
  /** Failures in a row that open the circuit, at least 1. Default 5, or `false` where `failureRate` is given. */
  readonly failureThreshold?: number | false | undefined
  /** Opens at a share of failures. Absent: the share does not matter. If both apply at once, the cause is the failures in a row. */
  readonly failureRate?: FailureRate | undefined
  /**
   * How long the circuit stays open the first time: default 30 seconds. Or a function of the opening; or a schedule, whose
   * delays are drawn when the breaker is made, and whose last delay stays. A function that throws, or
   * returns nothing positive, counts as absent.
   */
  readonly resetTimeout?: Duration.Input | ResetTimeout | Schedule.Schedule<unknown, number> | undefined
  /**
   * What the open time is multiplied by for each further opening in a row, at least 1: default 2. Openings count as in a
   * row until the circuit has stayed closed for as long as it was last open, so that one lucky probe does not reset them.
   */
  readonly resetFactor?: number | undefined
  /** The longest the circuit stays open, whatever asks for it: default 5 minutes, or `resetTimeout` if that is longer. */
  readonly maxResetTimeout?: Duration.Input | undefined
  /** How many calls are let through while half-open, at least 1: default 1. */
  readonly halfOpenMaxCalls?: number | undefined
  /**
   * How many of these must succeed: the circuit closes as soon as they have, and opens again as soon as they cannot any
   * more. From 1 to `halfOpenMaxCalls`, which is the default.
   */
  readonly successThreshold?: number | undefined
  /** When a probe without an answer is given up, so that another call may take its place: default 30 seconds. */
  readonly halfOpenTimeout?: Duration.Input | undefined
}

/** A share of failures over a span of time. */
export interface FailureRate {
  /** Opens at this share or above: more than 0, at most 1. */
  readonly threshold: number
  /** The span: positive. Calls leave it when it has passed, at most a tenth of it early. */
  readonly window: Duration.Input
  /** Calls within the span below which the share does not matter, at least 1. */
  readonly minimumCalls: number
}

/** How long to stay open. */
export type ResetTimeout = (opening: Opening) => Duration.Input

/** Why it opened. */
export type TripCause = Circuit.TripCause

/** What opened the circuit. */
export interface Opening {
  readonly cause: TripCause
  /** Openings in a row, this one included. */
  readonly openings: number
  /** Failures that led to it: in a row, in the window, or of probes. */
  readonly failures: number
  /** `failures` as a share of the calls they are out of. */
  readonly failureRate: number
  /** The remote's own wish. The circuit stays open at least that long, within `maxResetTimeout`. */
  readonly retryAfter: Duration.Duration | undefined
}

/** What the circuit does now. `openings` are those in a row. */
export type State =
  | { readonly _tag: "Closed"; readonly openings: number }
  | { readonly _tag: "Open"; readonly openings: number; readonly retryAfter: Duration.Duration }
  | { readonly _tag: "HalfOpen"; readonly openings: number; readonly probing: number }
  | { readonly _tag: "Isolated"; readonly openings: number }

/** A change from one state to another. */
export interface Transition {
  readonly name: string
  readonly from: State["_tag"]
  readonly to: State["_tag"]
  readonly cause: TripCause | "ResetTimeoutElapsed" | "ProbesSucceeded" | "Isolated" | "Reset" | "Restored"
  /** How long it will be open, where it opened. */
  readonly retryAfter: Duration.Duration | undefined
  readonly openings: number
}

const millisLeft = Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0))

/** A circuit's state as plain data; durations in milliseconds. */
export const Snapshot = Schema.Struct({
  state: Schema.Literals(["Closed", "Open", "HalfOpen", "Isolated"]),
  openings: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)),
  openFor: millisLeft,
  left: millisLeft,
  closedFor: millisLeft
})
export type Snapshot = typeof Snapshot.Type

/** Is told of transitions. */
export type Listener = (transition: Transition) => void

/** What is wrong with some options. */
export const validate: (options: Options) => ReadonlyArray<Problem> = check

/**
 * A breaker for the circuit of that name. `classify` decides for its policy the outcomes it knows. `onTransition` is told synchronously of the transitions caused through this
 * breaker, each exactly once; if it throws, that is ignored.
 */
export const make = Effect.fnUntraced(function*(
  options: Options & {
    readonly name: string
    readonly classify?: Outcome.Classifier | undefined
    readonly onTransition?: Listener | undefined
  }
): Effect.fn.Return<CircuitBreaker, InvalidOptions, Stores> {
  yield* refuse(validate(options))
  const { name, onTransition } = options
  const stores = yield* Stores
  const settings = settingsOf(options, yield* tableOf(options.resetTimeout))
  const state = yield* stores.state<Circuit.Circuit>(`circuit/${name}`, () => Circuit.closed(settings))
  const listeners = yield* stores.state(`circuit/${name}/listeners`, () => new Set<Listener>())
  const cell = state.ref
  // Whoever made the circuit first may have counted otherwise.
  if (cell.current._tag === "Closed") cell.current = Circuit.counting(settings, cell.current)

  const move = (to: Circuit.Circuit, cause: Transition["cause"]): void => {
    const from = cell.current._tag
    cell.current = to
    if (from === to._tag) return
    const retryAfter = to._tag === "Open" ? Duration.millis(to.openFor) : undefined
    const transition: Transition = { name, from, to: to._tag, cause, retryAfter, openings: to.openings }
    try {
      onTransition?.(transition)
    } catch {
      // A listener cannot break the circuit.
    }
    for (const listener of listeners.ref.current) listener(transition)
  }

  const trip = (cause: Circuit.Trip, now: number): void =>
    move(Circuit.opened(cell.current, cause.openings, settings.openFor(cause), now), cause.cause)

  const admitSlowly = (circuit: Circuit.Open | Circuit.HalfOpen | Circuit.Isolated, now: number) => {
    if (circuit._tag === "Isolated") return refusal(true, undefined)
    if (circuit._tag === "HalfOpen") return Circuit.probe(settings, circuit, now) ?? refusal(false, undefined)
    if (now < circuit.until) return refusal(false, circuit.until - now)
    const halfOpen = Circuit.halfOpened(circuit)
    const ticket = Circuit.probe(settings, halfOpen, now)
    move(halfOpen, "ResetTimeoutElapsed")
    return ticket ?? refusal(false, undefined)
  }

  const gate: Policy.Gate<CircuitOpen> = {
    admit: (now) => {
      const circuit = cell.current
      return circuit._tag === "Closed" ? circuit.generation : admitSlowly(circuit, now)
    },
    settle: (ticket, outcome, now) => {
      const circuit = cell.current
      if (circuit._tag === "Closed") {
        if (ticket !== circuit.generation) return
        const tripped = Circuit.count(settings, circuit, outcome, now)
        if (tripped !== undefined) trip(tripped, now)
      } else if (circuit._tag === "HalfOpen") {
        const verdict = Circuit.judge(settings, circuit, ticket, outcome)
        if (verdict === "Recovered") move(Circuit.recovered(settings, circuit, now), "ProbesSucceeded")
        else if (verdict !== undefined) trip(verdict, now)
      }
    }
  }

  const check: Policy.Gate<CircuitOpen> = {
    admit: (now) => {
      const circuit = cell.current
      if (circuit._tag === "Closed") return 0
      if (circuit._tag === "Isolated") return refusal(true, undefined)
      if (circuit._tag === "Open") return now < circuit.until ? refusal(false, circuit.until - now) : 0
      return Circuit.hasRoom(settings, circuit, now) ? 0 : refusal(false, undefined)
    },
    settle: () => {}
  }

  return {
    name,
    gate,
    check,
    policy: Policy.named("CircuitBreaker", options, Policy.fromGate(gate, options)),
    state: atNow((now) => shown(cell.current, now)),
    isolate: Effect.sync(() => move(Circuit.isolated(cell.current), "Isolated")),
    reset: Effect.sync(() => move(Circuit.closed(settings, cell.current.generation + 1), "Reset")),
    changes: subscribe(listeners.ref.current),
    snapshot: atNow((now) => Circuit.snapshot(cell.current, now)),
    restore: (snapshot) => atNow((now) => move(Circuit.restored(settings, cell.current, snapshot, now), "Restored"))
  }
})

const atNow = <A>(f: (now: number) => A): Effect.Effect<A> =>
  Effect.withFiber((fiber) => Effect.succeed(f(monotonic.now(fiber))))

const subscribe = (listeners: Set<Listener>): Stream.Stream<Transition> =>
  Stream.callback<Transition>((queue) => {
    const listener: Listener = (transition) => void Queue.offerUnsafe(queue, transition)
    return Effect.acquireRelease(
      Effect.sync(() => listeners.add(listener)),
      () => Effect.sync(() => listeners.delete(listener))
    )
  }, { bufferSize: 128, strategy: "sliding" })

const refusal = (isolated: boolean, retryAfter: number | undefined): Policy.Refusal<CircuitOpen> => ({
  _tag: "Refusal",
  retryAfter,
  reason: () =>
    stackless(() =>
      new CircuitOpen({ isolated, retryAfter: retryAfter === undefined ? undefined : Duration.millis(retryAfter) })
    )
})

const shown = (circuit: Circuit.Circuit, now: number): State => {
  const { _tag, openings } = circuit
  switch (_tag) {
    case "Open":
      return { _tag, openings, retryAfter: Duration.millis(Math.max(0, circuit.until - now)) }
    case "HalfOpen":
      return { _tag, openings, probing: circuit.running.length }
    default:
      return { _tag, openings }
  }
}
