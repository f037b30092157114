/**
 * Many deadlines, one fiber.
 *
 * Calls form a list in the order in which they are due. Adding and removing one is a few assignments: no timer, fiber or
 * signal of its own. One fiber sleeps until the head is due, in slices, so that it ends by itself soon after the list has
 * become empty; it is started again by the next call.
 */
import type * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import { millis } from "./monotonic.ts"

/** A deadline. Make it with `prev` and `next` undefined; it is in a list while they are not. */
export interface Deadline {
  /** In milliseconds of the monotonic clock. */
  at: number
  prev: Deadline | undefined
  next: Deadline | undefined
  /** Called once when it is due, with the deadline already out of the list. */
  readonly onDeadline: () => void
}

export interface Deadlines {
  /** Puts a deadline in its place: at once where it is the latest, which it is among equal timeouts. */
  readonly add: (deadline: Deadline) => void
  /** Takes a deadline out, if it is in. */
  readonly remove: (deadline: Deadline) => void
  /** From now on the fiber ends as soon as the list is empty: no call loses its deadline, and none waits for the next. */
  readonly release: () => void
}

/** The longest the fiber sleeps, in milliseconds: how long an empty list keeps a process alive at most. */
export const slice = 250

/** Less than this many milliseconds early is on time: what adding fractions of a millisecond may be off by. */
const tolerance = 0.001

/** A clock tells whole nanoseconds: a sleep from within one may end a little after the time that was meant. */
const shortened = (left: number): number => Number.isInteger(left) ? left : left - tolerance / 2

/** The deadlines on one clock. `context` is that of the calls, for its scheduler. */
export const make = (clock: Clock.Clock, context: Context.Context<never> = Context.empty()): Deadlines => {
  // A ring: after the last deadline comes the root again, whose time is before all others.
  const root: Deadline = { at: -Infinity, prev: undefined, next: undefined, onDeadline: () => {} }
  root.prev = root.next = root
  let sleeper: Fiber.Fiber<void> | undefined
  let wakeAt = -Infinity
  let released = false

  const after = (deadline: Deadline): Deadline => deadline.next ?? root
  const before = (deadline: Deadline): Deadline => deadline.prev ?? root

  const remove = (deadline: Deadline): void => {
    const { next, prev } = deadline
    if (prev === undefined || next === undefined) return
    prev.next = next
    next.prev = prev
    deadline.prev = deadline.next = undefined
    if (released) stopIfIdle()
  }

  const stopIfIdle = (): void => {
    // Not from inside the fiber itself: it finds the list empty in its next turn.
    if (after(root) !== root || wakeAt === -Infinity) return
    sleeper?.interruptUnsafe()
    sleeper = undefined
  }

  // A callback that throws must not take the deadlines of the others with it.
  const fire = (deadline: Deadline): void => {
    remove(deadline)
    try {
      deadline.onDeadline()
    } catch {
      return
    }
  }

  // While it runs, `wakeAt` is before everything, so that a callback that adds a deadline does not start a second fiber.
  const fireDue = Effect.sync(() => {
    wakeAt = -Infinity
    const due = millis(clock) + tolerance
    for (let head = after(root); head !== root && head.at <= due; head = after(root)) fire(head)
  })

  const run: Effect.Effect<void> = Effect.suspend(() => {
    const head = after(root)
    if (head === root) {
      sleeper = undefined
      return Effect.void
    }
    const now = millis(clock)
    wakeAt = Math.min(head.at, now + slice)
    const left = shortened(wakeAt - now)
    const pause = left > 0 ? clock.sleep(Duration.millis(left)) : Effect.yieldNow
    return pause.pipe(Effect.andThen(fireDue), Effect.andThen(run))
  })

  const start = (): void => {
    const previous = sleeper
    sleeper = Effect.runForkWith(context)(run)
    previous?.interruptUnsafe()
  }

  return {
    add: (deadline) => {
      let last = before(root)
      while (last.at > deadline.at) last = before(last)
      const next = after(last)
      deadline.prev = last
      deadline.next = next
      last.next = next.prev = deadline
      if (sleeper === undefined || deadline.at < wakeAt) start()
    },
    remove,
    release: () => {
      released = true
      stopIfIdle()
    }
  }
}
