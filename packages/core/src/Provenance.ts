/**
 * Where an answer came from: the remote itself, a cache, or a fallback; and whether it is stale.
 *
 * @example
 * const { value, source, stale } = yield* Provenance.reported(payments.menu.list())
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

/** What is known of an answer besides its value. */
export interface Provenance {
  readonly source: "remote" | "cache" | "fallback"
  /** Which fallback it was: its name, such as `value` or `alternative`. */
  readonly fallback: string | undefined
  /** Older than it should be: served while it is fetched anew, or because that failed. */
  readonly stale: boolean
  /** Since the remote gave it; zero where it did so for this caller, or where it never did. */
  readonly age: Duration.Duration
}

/** A value and where it came from. */
export interface Reported<out A> extends Provenance {
  readonly value: A
}

/** As the remote has just given it. */
export const remote: Provenance = { source: "remote", fallback: undefined, stale: false, age: Duration.zero }

/** Is told where the answer of a call came from, where that was not the remote. Set by `reported`. */
export const CurrentRecorder: Context.Reference<((provenance: Provenance) => void) | undefined> = Context.Reference<
  ((provenance: Provenance) => void) | undefined
>("switchboard/Provenance/CurrentRecorder", { defaultValue: () => undefined })

/** One call of an integration, and where its answer came from. Of several calls, the last one that did not ask the remote. */
export const reported = <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<Reported<A>, E, R> =>
  Effect.suspend(() => {
    let provenance = remote
    const recorder = (from: Provenance) => void (provenance = from)
    return self.pipe(
      Effect.provideService(CurrentRecorder, recorder),
      Effect.map((value) => ({ value, ...provenance }))
    )
  })

/** Tells whoever asked where the answer of the running call came from. */
export const record = (provenance: Provenance): Effect.Effect<void> =>
  Effect.withFiber((fiber) => {
    fiber.getRef(CurrentRecorder)?.(provenance)
    return Effect.void
  })
