/**
 * Positions 2 and 3 of the pipeline, for operations that have something there: fallbacks around cache and coalescing, around
 * the remote. What is shared belongs to none of its callers: it has the whole time of a call, and each caller waits no
 * longer than its own deadline.
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import { CurrentDeadline } from "../../Deadline.ts"
import type { Fallback } from "../../Fallback.ts"
import { DeadlineExceeded } from "../../IntegrationError.ts"
import * as Outcome from "../../Outcome.ts"
import * as Cache from "../../policy/Cache.ts"
import type * as Coalesce from "../../policy/Coalesce.ts"
import * as Provenance from "../../Provenance.ts"
import { Answered } from "../cache/answered.ts"
import * as Chain from "../fallback/chain.ts"
import { now } from "../monotonic.ts"
import type * as Attempt from "./attempt.ts"
import * as Run from "./run.ts"

/** What one operation has there. */
export interface Layers {
  readonly fallback: Fallbacks | undefined
  readonly cache: Cache.Cache<string, Answered> | undefined
  readonly coalesce: Coalesce.Coalesce<string> | undefined
}

/** A chain, and where it keeps the last good answers. */
export interface Fallbacks {
  readonly chain: ReadonlyArray<Fallback<unknown, unknown, unknown, never>>
  readonly storage: Cache.Storage<string, Answered>
}

/** A request, for those who answer in place of the remote. */
export interface Work {
  readonly request: unknown
  /** Equal for requests whose answer is the same. */
  readonly key: string
  /** `known`: an answer that is kept but too old. */
  readonly start: (known: Answered | undefined) => Attempt.Start
}

/** Makes the call; fails with a declared error or with an `IntegrationError`. */
export const run = (
  invocation: Omit<Run.Invocation, "start">,
  layers: Layers,
  work: Work
): Effect.Effect<unknown, unknown> =>
  Run.begin({ ...invocation, start: work.start(undefined) }, (call) =>
    Effect.onError(
      Effect.matchCauseEffect(bounded(call, layers, answerOf(call, invocation, layers, work)), {
        onSuccess: (cached) => served(call, layers, work, cached),
        onFailure: (cause) => failed(call, layers, work, cause)
      }),
      call.failed
    ))

/** How the remote failed; what an attempt came to is not to be guessed from the error. */
class Undone {
  readonly cause: Cause.Cause<unknown>
  readonly outcome: Outcome.Outcome

  constructor(cause: Cause.Cause<unknown>, outcome: Outcome.Outcome) {
    this.cause = cause
    this.outcome = outcome
  }
}

/** Decides for the cache. */
export const classify: Outcome.Classifier = (exit) => {
  const error = Exit.isFailure(exit) ? Cause.findErrorOption(exit.cause) : undefined
  return error?._tag === "Some" && error.value instanceof Undone ? error.value.outcome : undefined
}

const answerOf = (
  call: Run.Run,
  invocation: Omit<Run.Invocation, "start">,
  { cache, coalesce }: Layers,
  { key, start }: Work
): Effect.Effect<Cache.Cached<Answered>, Undone> => {
  const remote = Effect.flatMap(
    Cache.known,
    (known) => fetch(call, { ...invocation, start: start(known instanceof Answered ? known : undefined) })
  )
  if (cache !== undefined) return cache.reported(key)(remote)
  return Effect.map(coalesce === undefined ? remote : coalesce.policy(key)(remote), fresh)
}

const fresh = (value: Answered): Cache.Cached<Answered> => ({
  value,
  source: "fresh",
  stale: false,
  age: Duration.zero
})

/** Positions 4 and below. Whoever's call it is hears how many attempts there were. */
const fetch = (call: Run.Run, invocation: Run.Invocation): Effect.Effect<Answered, Undone> =>
  Effect.withFiber((fiber: Fiber.Fiber<unknown, unknown>) => {
    const inner = new Run.Run(invocation, fiber, false)
    return Effect.matchCauseEffect(inner.first(), {
      onSuccess: (value) => {
        call.attempts = inner.attempts
        return Effect.succeed(value instanceof Answered ? value : new Answered(value, undefined))
      },
      onFailure: (cause): Effect.Effect<never, Undone> => {
        call.attempts = inner.attempts
        const error = Cause.findErrorOption(cause)
        return error._tag === "None"
          ? Effect.failCause(cause as Cause.Cause<never>)
          : Effect.fail(new Undone(cause, inner.outcome))
      }
    })
  })

/** What is shared has no deadline of a caller's, so each has to leave it in time. */
const bounded = <A>(
  call: Run.Run,
  { cache, coalesce }: Layers,
  self: Effect.Effect<A, Undone>
): Effect.Effect<A, Undone> =>
  cache === undefined && coalesce === undefined ? self : Effect.withFiber((fiber) => {
    const deadline = fiber.getRef(CurrentDeadline)
    if (deadline === undefined) return self
    const timeout = Duration.millis(Math.max(0, deadline - now(fiber)))
    const exceeded = Effect.suspend(() => {
      const reason = new DeadlineExceeded({ timeout, wasSent: Duration.isPositive(timeout) })
      return Effect.fail(new Undone(Cause.fail(call.error(reason)), Outcome.fromReason(reason)))
    })
    return Duration.isPositive(timeout)
      ? Effect.timeoutOrElse(self, { duration: timeout, orElse: () => exceeded })
      : exceeded
  })

const served = (
  call: Run.Run,
  { fallback }: Layers,
  { key }: Work,
  { age, source, stale, value }: Cache.Cached<Answered>
): Effect.Effect<unknown> => {
  if (source === "cache") return told(call, value.value, { source, stale, age, fallback: undefined })
  const answer = told(call, value.value, Provenance.remote)
  return fallback === undefined
    ? answer
    : Effect.andThen(Chain.keep(fallback.chain, fallback.storage, key, value), answer)
}

const failed = (
  call: Run.Run,
  { fallback }: Layers,
  { key, request }: Work,
  cause: Cause.Cause<Undone>
): Effect.Effect<unknown, unknown> => {
  const undone = Cause.findErrorOption(cause)
  const end = (cause: Cause.Cause<unknown>): Effect.Effect<never, unknown> => {
    call.told(Exit.failCause(cause))
    return Effect.failCause(cause)
  }
  if (undone._tag === "None") return end(cause)
  if (fallback === undefined) return end(undone.value.cause)
  const { chain, storage } = fallback
  const settings = { chain, storage, read: ({ value }: Answered) => value, onFailure: call.fallbackFailed }
  return Effect.matchCauseEffect(Chain.answer(settings, request, key, undone.value), {
    onSuccess: ({ provenance, value }) => told(call, value, provenance),
    onFailure: end
  })
}

const told = (call: Run.Run, value: unknown, provenance: Provenance.Provenance): Effect.Effect<unknown> => {
  call.told(Exit.succeed(value), provenance)
  return Effect.as(Provenance.record(provenance), value)
}
