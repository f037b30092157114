/**
 * Stops calling a remote that does not work, and finds out by itself when it does again.
 *
 * - Closed: calls run. It opens after a number of failures in a row, or at a rate of failures or of slow calls over a span
 *   of time.
 * - Open: calls are refused at once, for a time that grows while it does not get better.
 * - Half-open: a few calls are let through as probes; they decide whether it closes or opens again.
 * - Isolated: an operator refused all calls, until `reset`.
 * - Metrics only: calls are counted and never refused; what would have opened the circuit is told.
 * - Disabled: calls are neither counted nor refused.
 *
 * A 429 counts neither as a failure nor as a success while closed, and as a failed probe. An interrupted call counts
 * nowhere. An answer to a call from before the last transition changes nothing. There is no timer: an open circuit becomes
 * half-open when the first call after its time asks.
 *
 * Where `Stores` has a shared store, all processes that share it have one circuit of a name: rates are of the calls of all;
 * failures in a row are of one process, and the first to reach them opens it for all. Of all of them only as many probes run
 * as one alone would let through. A call waits for the store only to become a
 * probe, or when this process has not heard of the circuit for a second; else it is decided by a copy, which is refreshed
 * behind it when it is older than a tenth of a second. A probe whose process dies lapses after `halfOpenTimeout`. While the
 * store cannot be reached, each process goes on alone or refuses all calls, as the store says (`whenUnavailable`).
 *
 * @example
 * const breaker = yield* CircuitBreaker.make({ name: "coffee/Payments", failureThreshold: 3 })
 * yield* charge.pipe(breaker.policy) // fails with `CircuitOpen` while the circuit is open
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { CircuitOpen } from "../IntegrationError.ts"
import * as Circuit from "../internal/circuit/circuit.ts"
import type * as Counting from "../internal/circuit/counting.ts"
import * as Home from "../internal/circuit/home.ts"
import { places } from "../internal/circuit/keyed.ts"
import type { Bounds, Keys } from "../internal/circuit/keys.ts"
import type { Cause, Cell, Move } from "../internal/circuit/machine.ts"
import { keyedProblems, settingsOf, tableOf, validate as check } from "../internal/circuit/options.ts"
import type { Place } from "../internal/circuit/place.ts"
import { watch } from "../internal/circuit/watch.ts"
import * as monotonic from "../internal/monotonic.ts"
import { type InvalidOptions, type Problem, refuse } from "../InvalidOptions.ts"
import { type Classifier, classifyWith } from "../Outcome.ts"
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
  /** Refuses nothing and counts on, as `MetricsOnly`. Answers of running calls change nothing. */
  readonly observe: Effect.Effect<void>
  /** Refuses nothing and counts nothing. Answers of running calls change nothing. */
  readonly disable: Effect.Effect<void>
  /**
   * Starts anew as `mode` says, by default closed, and forgets all counts and openings. Answers of running calls change
   * nothing.
   */
  readonly reset: Effect.Effect<void>
  /**
   * Checks the health of the remote until the scope is closed: at once, and then at intervals. A check that fails, as
   * `classify` sees it, opens the circuit, and keeps it open. When it succeeds again, the next call is a probe: it ends
   * the time of an opening that it has caused, and of no other.
   */
  readonly watch: <R>(
    check: Effect.Effect<unknown, unknown, R>,
    options: WatchOptions
  ) => Effect.Effect<void, InvalidOptions, R | Scope.Scope>
  /** Every transition of the circuit from now on, whichever breaker of that name caused it, until the scope is closed. A slow reader loses the oldest. */
  readonly changes: Stream.Stream<Transition>
  /** What is worth keeping over a restart. Counts of calls are not: they are of the last seconds. */
  readonly snapshot: Effect.Effect<Snapshot>
  /** Goes on from a snapshot. A circuit that was half-open is open and due, so that the next call is a probe. */
  readonly restore: (snapshot: Snapshot) => Effect.Effect<void>
}

/** Breakers by key: the same key is the same circuit, another key is another. */
export interface Keyed {
  readonly name: string
  /** The breaker of a key. It may be kept, and keeps nothing itself. */
  readonly get: (key: string) => CircuitBreaker
  /** The gate of that breaker alone: the quickest way to it. */
  readonly gate: (key: string) => Policy.Gate<CircuitOpen>
  /** Circuits that are remembered. */
  readonly size: Effect.Effect<number>
  /** Every transition of any of the circuits from now on, until the scope is closed. A slow reader loses the oldest. */
  readonly changes: Stream.Stream<Transition>
}

export interface Options {
  /** Failures in a row that open the circuit, at least 1. Default 5, or `false` where `failureRate` is given. */
  readonly failureThreshold?: number | false | undefined
  /** Opens at a share of failures. Absent: the share does not matter. */
  readonly failureRate?: FailureRate | undefined
  /**
   * Opens at a share of slow calls. Absent: it does not matter how long a call takes. A slow success counts as a success
   * everywhere else, but for a probe, which has failed if it was slow. If several of the three apply at once, the cause is
   * the failures in a row, or else the rate of failures.
   */
  readonly slowCalls?: SlowCalls | undefined
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
  /**
   * What the circuit is for: to `enforce` refusals; `metrics-only`, to tell what it would have refused; or `disabled`. A
   * circuit starts in it, and goes back to it by `reset`; one that exists is put in it when a breaker is made, unless it is
   * isolated. Absent: `enforce`, and one that exists stays as it is.
   */
  readonly mode?: Circuit.Mode | undefined
}

export interface KeyedOptions extends Options {
  /** How long a circuit has not been used when it is forgotten, positive: default 10 minutes. */
  readonly idleTimeToLive?: Duration.Input | undefined
  /**
   * How many circuits are remembered, at least 1: default 10,000. A new key takes the place of a closed circuit that has
   * not been used for longest. Where there is none, because all are in use, open or in an operator's hands, calls of the
   * new key are let through and not counted.
   */
  readonly maxKeys?: number | undefined
}

/** A share of calls over a span of time. */
export interface FailureRate {
  /** Opens at this share or above: more than 0, at most 1. */
  readonly threshold: number
  /** The span: positive. Calls leave it when it has passed, at most a tenth of it early. */
  readonly window: Duration.Input
  /** Calls within the span below which the share does not matter, at least 1. */
  readonly minimumCalls: number
}

/** A share of slow calls over a span of time. */
export interface SlowCalls extends FailureRate {
  /** A call that takes longer than that is slow, whether it fails or not: positive. */
  readonly duration: Duration.Input
}

/** How to check the health of a remote. */
export interface WatchOptions {
  /** From the end of one check to the next: positive. Or a schedule; when it ends, so do the checks. */
  readonly interval: Duration.Input | Schedule.Schedule<unknown>
  /** Failed checks in a row that open the circuit, at least 1: default 1. */
  readonly failures?: number | undefined
  /** A check that takes longer has failed: positive, default 10 seconds. */
  readonly timeout?: Duration.Input | undefined
}

/** How long to stay open. */
export type ResetTimeout = (opening: Opening) => Duration.Input

/** Why it opened. */
export type TripCause = Counting.TripCause

/** What opened the circuit. */
export interface Opening {
  readonly cause: TripCause
  /** Openings in a row, this one included. */
  readonly openings: number
  /** What led to it: failures in a row, failures or slow calls in the window, failed probes, or failed health checks. */
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
  | {
    readonly _tag: "MetricsOnly"
    readonly openings: number /** How often it would have opened. */
    readonly wouldOpen: number
  }
  | { readonly _tag: "Disabled"; readonly openings: number }

/**
 * A change from one state to another; or from `MetricsOnly` to itself, where it would have opened. For as long as it would
 * then have been open it counts nothing.
 */
export interface Transition {
  readonly name: string
  /** Of keyed circuits. */
  readonly key?: string
  readonly from: State["_tag"]
  readonly to: State["_tag"]
  readonly cause: Cause
  /** How long it will be open, where it opened, or would have been. */
  readonly retryAfter: Duration.Duration | undefined
  readonly openings: number
}

const millisLeft = Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0))

/** A circuit's state as plain data; durations in milliseconds. */
export const Snapshot = Schema.Struct({
  state: Schema.Literals(["Closed", "Open", "HalfOpen", "Isolated", "MetricsOnly", "Disabled"]),
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

/** What a breaker is made with, beside its options. */
interface Own {
  readonly name: string
  /** Decides for the breaker's policy the outcomes it knows. */
  readonly classify?: Classifier | undefined
  /**
   * Is told synchronously of the transitions caused through this breaker, each exactly once, and of those that it finds
   * another process to have caused in a shared circuit. If it throws, that is ignored.
   */
  readonly onTransition?: Listener | undefined
}

/** A breaker for the circuit of that name. */
export const make = Effect.fnUntraced(function*(
  options: Options & Own
): Effect.fn.Return<CircuitBreaker, InvalidOptions, Stores | Scope.Scope> {
  yield* refuse(validate(options))
  const { name, onTransition } = options
  const stores = yield* Stores
  const ended = yield* end
  const settings = settingsOf(options, yield* tableOf(options.resetTimeout))
  const home = yield* Home.make(stores.shared, settings)
  const cell = (yield* stores.state<Cell>(`circuit/${name}`, () => ({ current: Circuit.fresh(settings) }))).ref.current
  const listeners = (yield* stores.state(`circuit/${name}/listeners`, () => new Set<Listener>())).ref.current
  const place = home.placed(name, cell, teller({ name }, listeners, onTransition))
  const { mode } = options
  yield* mode === undefined
    ? place.look(() => {})
    : place.operate((machine, now) => machine.configure(mode, now), "mode")
  return assembled(name, options, place, subscribe(listeners, ended))
})

/**
 * Breakers for circuits of that name, one for each key. A circuit is made when its key is first used, and forgotten when
 * it has been idle, but never while it is in use, open, or in an operator's hands. `mode` is that of every key.
 *
 * @example
 * const breakers = yield* CircuitBreaker.makeKeyed({ name: "webhooks", failureThreshold: 3 })
 * yield* deliver.pipe(breakers.get(url.host).policy)
 */
export const makeKeyed = Effect.fnUntraced(function*(
  options: KeyedOptions & Own
): Effect.fn.Return<Keyed, InvalidOptions, Stores | Scope.Scope> {
  yield* refuse([...validate(options), ...keyedProblems(options)])
  const { maxKeys = 10_000, mode, name, onTransition } = options
  const stores = yield* Stores
  const ended = yield* end
  const settings = settingsOf(options, yield* tableOf(options.resetTimeout))
  const home = yield* Home.make(stores.shared, settings)
  const keys = (yield* stores.state<Keys>(`circuit/${name}/keys`, () => new Map())).ref.current
  const listeners = (yield* stores.state(`circuit/${name}/listeners`, () => new Set<Listener>())).ref.current
  const bounds: Bounds = {
    maxKeys,
    timeToLive: Duration.toMillis(options.idleTimeToLive ?? "10 minutes"),
    fresh: () => ({ current: Circuit.fresh(settings) }),
    spare: home.spare
  }
  const placeOf = places({
    keys,
    bounds,
    placed: (key, cell) => home.placed(`${name}#${key}`, cell, teller({ name, key }, listeners, onTransition)),
    mode
  }, monotonic.millis(yield* Clock.Clock))
  const changes = subscribe(listeners, ended)
  return {
    name,
    gate: (key) => placeOf(key).gate,
    get: (key) =>
      assembled(name, options, placeOf(key), Stream.filter(changes, (transition) => transition.key === key)),
    size: Effect.sync(() => keys.size),
    changes
  }
})

const assembled = (
  name: string,
  options: { readonly classify?: Classifier | undefined },
  { act, check, gate, look, operate }: Place,
  changes: Stream.Stream<Transition>
): CircuitBreaker => ({
  name,
  gate,
  check,
  policy: Policy.named("CircuitBreaker", options, Policy.fromGate(gate, options)),
  state: look((machine, now) => shown(machine.cell.current, now)),
  isolate: operate((machine) => machine.isolate()),
  observe: operate((machine, now) => machine.observe(now)),
  disable: operate((machine) => machine.disable()),
  reset: operate((machine) => machine.reset()),
  watch: (check, watching) => watch(act, classifyWith(options.classify), check, watching),
  changes,
  snapshot: look((machine, now) => machine.snapshot(now)),
  restore: (snapshot) => operate((machine, now) => machine.restore(snapshot, now))
})

/** Tells transitions. A listener of the breaker's own cannot break the circuit. */
const teller = (
  whose: Pick<Transition, "key" | "name">,
  listeners: ReadonlySet<Listener>,
  own: Listener | undefined
) =>
({ openFor, ...move }: Move): void => {
  const retryAfter = openFor === undefined ? undefined : Duration.millis(openFor)
  const transition: Transition = { ...whose, ...move, retryAfter }
  try {
    own?.(transition)
  } catch {
    // It has been told.
  }
  for (const listener of listeners) listener(transition)
}

/** Comes when the scope is closed. */
const end: Effect.Effect<Effect.Effect<void>, never, Scope.Scope> = Effect.map(
  Effect.acquireRelease(Deferred.make<void>(), (ended) => Deferred.succeed(ended, undefined)),
  (ended) => Deferred.await(ended)
)

const subscribe = (listeners: Set<Listener>, ended: Effect.Effect<void>): Stream.Stream<Transition> =>
  Stream.callback<Transition>((queue) => {
    const listener: Listener = (transition) => void Queue.offerUnsafe(queue, transition)
    const listening = Effect.acquireRelease(
      Effect.sync(() => listeners.add(listener)),
      () => Effect.sync(() => listeners.delete(listener))
    )
    return listening.pipe(Effect.andThen(ended), Effect.andThen(Queue.end(queue)))
  }, { bufferSize: 128, strategy: "sliding" })

const shown = (circuit: Circuit.Circuit, now: number): State => {
  const { _tag, openings } = circuit
  switch (_tag) {
    case "Open":
      return { _tag, openings, retryAfter: Duration.millis(Math.max(0, circuit.until - now)) }
    case "HalfOpen":
      return { _tag, openings, probing: circuit.running.length }
    case "MetricsOnly":
      return { _tag, openings, wouldOpen: circuit.wouldOpen }
    default:
      return { _tag, openings }
  }
}
