// Makes calls of effects: one fiber each, as where a request handler or a job runs one.
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as OtlpExporter from "effect/observability/OtlpExporter"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import type { Call, Contender } from "./contender.ts"

export interface Built<R> extends Pick<Contender, "settle" | "close"> {
  readonly context: Context.Context<R>
  readonly call: (make: () => Effect.Effect<unknown, unknown, R>) => Call
  /** Tells `"refused"` of a failure that is one by a breaker. */
  readonly refused: (make: () => Effect.Effect<unknown, unknown, R>, isRefusal: (error: unknown) => boolean) => Call
}

/** What a layer provides, for as long as the contender is open. */
export const build = async <R, E>(layer: Layer.Layer<R, E>): Promise<Built<R>> => {
  const scope = Scope.makeUnsafe()
  const context = await Effect.runPromise(Layer.buildWithScope(layer, scope))
  const fork = Effect.runForkWith(context)
  // An exporter may be there, whatever else is.
  const flusher = Context.getOption(context as Context.Context<never>, OtlpExporter.Flusher)
  return {
    context,
    call: (make) => (done) => {
      fork(make()).addObserver((exit) => done(Exit.isSuccess(exit) ? exit.value : new Error(Cause.pretty(exit.cause))))
    },
    refused: (make, isRefusal) => (done) => {
      fork(make()).addObserver((exit) => {
        const reason = Exit.isSuccess(exit) ? undefined : exit.cause.reasons[0]
        done(reason?._tag === "Fail" && isRefusal(reason.error) ? "refused" : new Error("failed, and was not refused"))
      })
    },
    ...Option.isSome(flusher) ? { settle: () => Effect.runPromise(flusher.value.flush) } : {},
    close: () => Effect.runPromise(Scope.close(scope, Exit.void))
  }
}
