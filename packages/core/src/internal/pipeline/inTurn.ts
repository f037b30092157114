/** What a call asks for in turn: a token, another service. It is no part of what was asked for at the call site. */
import * as Context from "effect/Context"
import * as Cache from "../../policy/Cache.ts"
import * as Provenance from "../../Provenance.ts"
import * as Resilience from "../../Resilience.ts"

/** The same services, less what was asked for of the call itself, and who is told of its answer. */
export const inTurn = <R>(context: Context.Context<R>): Context.Context<R> =>
  context.pipe(
    Context.add(Resilience.CurrentOptions, undefined),
    Context.add(Provenance.CurrentRecorder, undefined),
    Context.add(Cache.CurrentFetch, undefined)
  )
