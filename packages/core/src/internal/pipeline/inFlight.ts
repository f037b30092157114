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
