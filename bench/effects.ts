// The calls of a contender whose library answers with effects: a fiber makes one after the other, as the fiber of a request
// or of a job does.
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as OtlpExporter from "effect/observability/OtlpExporter"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import type { Calls, Contender } from "./contender.ts"

export interface Built<R> extends Pick<Contender, "settle" | "close"> {
  readonly context: Context.Context<R>
  readonly calls: (make: () => Effect.Effect<unknown, unknown, R>) => Calls
  /** Tells `"refused"` of a failure that is one by a breaker. */
  readonly refused: (make: () => Effect.Effect<unknown, unknown, R>, isRefusal: (error: unknown) => boolean) => Calls
}

/** What a layer provides, for as long as the contender is open. */
export const build = async <R, E>(layer: Layer.Layer<R, E>): Promise<Built<R>> => {
  const scope = Scope.makeUnsafe()
  const context = await Effect.runPromise(Layer.buildWithScope(layer, scope))
  const fork = Effect.runForkWith(context)
  const calls = (make: () => Effect.Effect<unknown, unknown, R>): Calls => ({ begin, end }) => {
    const loop = Effect.whileLoop({ while: begin, body: make, step: end })
    // A failure ends the loop, and the next call begins another one.
    const run = (): void => {
      fork(loop).addObserver((exit) => {
        if (Exit.isSuccess(exit)) return
        end(new Error(Cause.pretty(exit.cause)))
        run()
      })
    }
    run()
  }
  // An exporter may be there, whatever else is.
  const flusher = Context.getOption(context as Context.Context<never>, OtlpExporter.Flusher)
  return {
    context,
    calls,
    refused: (make, isRefusal) =>
      calls(() =>
        Effect.match(make(), {
          onSuccess: () => new Error("was not refused"),
          onFailure: (error) => isRefusal(error) ? "refused" : new Error("failed, and was not refused")
        })
      ),
    ...Option.isSome(flusher) ? { settle: () => Effect.runPromise(flusher.value.flush) } : {},
    close: () => Effect.runPromise(Scope.close(scope, Exit.void))
  }
}
