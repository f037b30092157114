/** Work that is begun with a callback, outside of any fiber, so that the common case costs none of its own. */
import * as Effect from "effect/Effect"

/** Takes what comes of it, once: an exit, or an effect that is the rest of the work. It may be called at once. */
export type Resume = (rest: Effect.Effect<unknown, unknown>) => void

/** Work on its way. */
export interface Begun {
  /** Stops it, and ends when it has stopped; it does not resume then. */
  readonly interrupt: () => Effect.Effect<void>
}

/** The same work as an effect. */
export const toEffect = (begin: (resume: Resume) => Begun | undefined): Effect.Effect<unknown, unknown> =>
  Effect.callback((resume) => {
    const begun = begin(resume)
    return begun && Effect.suspend(() => begun.interrupt())
  })
