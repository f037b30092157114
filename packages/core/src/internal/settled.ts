/** Effects that have happened already. */
import type * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"

/** The exit that an effect is, if it is one: then no fiber is needed to know how it ends. */
export const settled = <A, E>(effect: Effect.Effect<A, E>): Exit.Exit<A, E> | undefined =>
  // The guard does not carry the types over.
  Exit.isExit(effect) ? effect as Exit.Exit<A, E> : undefined
