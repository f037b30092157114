/**
 * Positions 2 and 3 of the pipeline, for operations that have something there: fallbacks around cache and coalescing, around
 * the remote. What is shared belongs to none of its callers: it is made by the settings of the operation, with the whole
 * time of a call, and each caller waits no longer than its own deadline.
 */
import type * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type { Fallback } from "../../Fallback.ts"
import { DeadlineExceeded } from "../../IntegrationError.ts"
import * as Outcome from "../../Outcome.ts"
import type * as Cache from "../../policy/Cache.ts"
import type * as Coalesce from "../../policy/Coalesce.ts"
import * as Provenance from "../../Provenance.ts"
import { Answered } from "../cache/answered.ts"
import { failOf } from "../failure.ts"
import * as Chain from "../fallback/chain.ts"
import { millis } from "../monotonic.ts"
import type { Begun, Resume } from "./begun.ts"
import type { Call } from "./call.ts"
import * as Run from "./run.ts"

/** What one operation has there. */
export interface Layers {
  readonly fallback: Fallbacks | undefined
  readonly cache: Cache.Cache<string, Answered> | undefined
  readonly coalesce: Coalesce.Coalesce<string> | undefined
  /** What is shared is made by this one, whoever asks first. */
  readonly plan: Run.Plan
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
  readonly work: (known: Answered | undefined) => Run.Work
}

/** Makes the call; it fails with a declared error or with an `IntegrationError`. */
export const begin = (
  call: Call,
  plan: Run.Plan,
  layers: Layers,
  work: Work,
  resume: Resume
): Begun | undefined => {
  const shared = sharedOf(call, layers, work)
  if (shared === undefined) return Run.begin(call, plan, work.work(undefined), resume, aloneOf(layers, work))
  resume(Effect.matchCauseEffect(shared, {
    onSuccess: (cached) => served(call, layers, work, cached),
    onFailure: (cause) => {
      const fail = failOf(cause)
      return fail === undefined
        ? call.end(Exit.failCause(cause))
        : failed(call, layers, work, fail.error.exit, fail.error.outcome)
    }
  }))
  return undefined
}

/** The end of a call that shares nothing. */
const aloneOf = (layers: Layers, work: Work): Run.End => (call, exit, outcome, now) =>
  Exit.isSuccess(exit) && outcome._tag === "Success"
    ? served(call, layers, work, fresh(answered(exit.value)), now)
    : failed(call, layers, work, exit, outcome)

/** How the remote failed: also with an answer, where that counts as a failure. What it came to is not to be guessed. */
class Undone {
  readonly exit: Exit.Exit<unknown, unknown>
  readonly outcome: Outcome.Outcome

  constructor(exit: Exit.Exit<unknown, unknown>, outcome: Outcome.Outcome) {
    this.exit = exit
    this.outcome = outcome
  }
}

/** Decides for the cache. */
export const classify: Outcome.Classifier = (exit) => {
  const error = Exit.isFailure(exit) ? failOf(exit.cause)?.error : undefined
  if (!(error instanceof Undone)) return undefined
  const { exit: own, outcome } = error
  return outcome._tag !== "Failure" && Outcome.isUnavailable(own, outcome) ? Outcome.refused(undefined) : outcome
}

const sharedOf = (
  call: Call,
  { cache, coalesce, plan: common }: Layers,
  { key, work }: Work
): Effect.Effect<Cache.Cached<Answered>, Undone> | undefined => {
  const shared = (known?: Answered) =>
    Effect.contextWith((context: Context.Context<never>) => {
      const begunAt = millis(call.clock)
      const within = { context, begunAt, deadline: begunAt + common.totalTimeout }
      return fetched(Run.run(call, common, work(known), undone, within))
    })
  if (cache !== undefined) return inTime(call, common, cache.refreshed(key)(shared))
  return coalesce && inTime(call, common, Effect.map(coalesce.policy(key)(shared()), fresh))
}

const undone: Run.End = (_, exit, outcome) => {
  const isBug = Exit.isFailure(exit) && failOf(exit.cause) === undefined
  return isBug || (Exit.isSuccess(exit) && outcome._tag === "Success") ? exit : Effect.fail(new Undone(exit, outcome))
}

/** The cast: `undone` fails with nothing else. */
const fetched = (attempts: Effect.Effect<unknown, unknown>): Effect.Effect<Answered, Undone> =>
  Effect.map(attempts as Effect.Effect<unknown, Undone>, answered)

const answered = (value: unknown): Answered => value instanceof Answered ? value : new Answered(value, undefined)

const fresh = (value: Answered): Cache.Cached<Answered> => ({
  value,
  source: "fresh",
  stale: false,
  age: Duration.zero
})

/** What is shared may outlast a caller who is in a hurry: it leaves, and does not wait until what it left has stopped. */
const inTime = <A>(call: Call, common: Run.Plan, self: Effect.Effect<A, Undone>): Effect.Effect<A, Undone> => {
  const { begunAt, deadline } = call
  if (deadline - begunAt >= common.totalTimeout) return self
  const exceeded = () => {
    const reason = new DeadlineExceeded({
      timeout: Duration.millis(Math.max(0, deadline - begunAt)),
      wasSent: deadline > begunAt
    })
    return new Undone(Exit.fail(call.error(reason, false)), Outcome.fromReason(reason))
  }
  return Effect.contextWith((context: Context.Context<never>) => {
    const left = deadline - millis(call.clock)
    if (left <= 0) return Effect.fail(exceeded())
    return Effect.callback<A, Undone>((resume) => {
      const fiber = Effect.runForkWith(context)(self)
      const timer = Effect.runForkWith(context)(Effect.sleep(left))
      fiber.addObserver((exit) => {
        timer.interruptUnsafe()
        resume(exit)
      })
      timer.addObserver((exit) => {
        if (Exit.isFailure(exit)) return
        resume(Effect.fail(exceeded()))
        fiber.interruptUnsafe()
      })
      return Effect.andThen(Effect.sync(() => timer.interruptUnsafe()), Fiber.interrupt(fiber))
    })
  })
}

const served = (
  call: Call,
  { fallback }: Layers,
  { key }: Work,
  { age, source, stale, value }: Cache.Cached<Answered>,
  now?: number
): Effect.Effect<unknown, unknown> => {
  if (source === "cache") return substituted(call, value.value, { source, stale, age, fallback: undefined })
  const keeping = fallback && Chain.keep(fallback.chain, fallback.storage, key, value)
  return keeping === undefined
    ? call.end(Exit.succeed(value.value), undefined, now)
    : Effect.andThen(keeping, Effect.suspend(() => call.end(Exit.succeed(value.value))))
}

const failed = (
  call: Call,
  { fallback }: Layers,
  { key, request }: Work,
  given: Exit.Exit<unknown, unknown>,
  outcome: Outcome.Outcome
): Effect.Effect<unknown, unknown> => {
  const exit = Exit.map(given, (value) => answered(value).value)
  if (fallback === undefined) return call.end(exit)
  const { chain, storage } = fallback
  const told = (name: string, cause: Cause.Cause<unknown>) => call.observer.fallbackFailed(call, name, cause)
  const settings = { chain, storage, read: ({ value }: Answered) => value, onFailure: told }
  return Effect.matchCauseEffect(Chain.answer(settings, request, key, { exit, outcome }), {
    onSuccess: ({ provenance, value }) =>
      provenance.source === "remote" ? call.end(exit) : substituted(call, value, provenance),
    onFailure: (cause) => call.end(Exit.failCause(cause))
  })
}

const substituted = (call: Call, value: unknown, provenance: Provenance.Provenance): Effect.Effect<unknown, unknown> =>
  Effect.flatMap(Provenance.record(provenance), () => call.end(Exit.succeed(value), provenance))
