/** How many calls, and streams that they handed out, still need what they run on. */
import * as Effect from "effect/Effect"

export class InFlight {
  private count = 0
  private onNone: (() => void) | undefined = undefined

  enter(): void {
    this.count++
  }

  leave(): void {
    if (--this.count === 0) this.onNone?.()
  }

  /** Ends when there are none. */
  readonly none: Effect.Effect<void> = Effect.callback((resume) => {
    const done = () => resume(Effect.void)
    if (this.count === 0) return done()
    this.onNone = done
  })
}

/** Counts an effect as one for as long as it runs. */
export const during = <A, E, R>(inFlight: InFlight, self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.suspend(() => {
    inFlight.enter()
    return Effect.onExit(self, () => Effect.sync(() => inFlight.leave()))
  })
