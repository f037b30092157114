/** The streams of one operation that were handed out: what they wait for in time, and those that nobody reads yet. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import * as Deadlines from "../deadlines.ts"

export class Lent {
  private readonly lists = new Map<Clock.Clock, Deadlines.Deadlines>()
  private readonly unread = new Set<Effect.Effect<void>>()
  private closed = false

  /** With the scope all that nobody reads is given up. */
  constructor(scope: Scope.Scope) {
    const close = Effect.suspend(() => {
      this.closed = true
      for (const list of this.lists.values()) list.release()
      return Effect.forEach(this.unread, (giveUp) => giveUp, { discard: true })
    })
    Effect.runSync(Scope.addFinalizer(scope, close))
  }

  /** Most are equally long, so that adding one is appending. */
  deadlines(clock: Clock.Clock): Deadlines.Deadlines {
    let list = this.lists.get(clock)
    if (list === undefined) this.lists.set(clock, list = Deadlines.make(clock))
    if (this.closed) list.release()
    return list
  }

  /** `at`: in milliseconds of the monotonic clock. What is returned takes it out: it is read, or was given up. */
  add(giveUp: Effect.Effect<void>, at: number, context: Context.Context<never>): () => void {
    const list = this.deadlines(Context.get(context, Clock.Clock))
    const onDeadline = () => void Effect.runForkWith(context)(giveUp)
    const deadline: Deadlines.Deadline = { at, prev: undefined, next: undefined, onDeadline }
    this.unread.add(giveUp)
    list.add(deadline)
    if (this.closed) onDeadline()
    return () => {
      this.unread.delete(giveUp)
      list.remove(deadline)
    }
  }
}
