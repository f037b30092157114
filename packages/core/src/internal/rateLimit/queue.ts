/**
 * Those that wait for their turn, first come first served. One timer sleeps until the turn of the first. When the pace
 * changes, each is told at once if its turn is now too late for it.
 */
import * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import { CurrentDeadline } from "../../Deadline.ts"
import type { RateLimited } from "../../IntegrationError.ts"
import type { Refusal } from "../../Policy.ts"
import { millis } from "../monotonic.ts"
import * as Pacing from "./pacing.ts"
import { refusal } from "./refusal.ts"

export interface Queue {
  readonly waiting: Set<Waiter>
  timer: Fiber.Fiber<void> | undefined
}

interface Waiter {
  readonly context: Context.Context<never>
  readonly clock: Clock.Clock
  /** How late its turn may be. */
  readonly latest: number
  /** When it must have started. */
  readonly deadline: number
  /** A ticket, or that its turn has become too late; called once. */
  readonly answer: (answer: number | Refusal<RateLimited>) => void
}

interface Cell {
  readonly current: Pacing.Pacing
}

export const make = (): Queue => ({ waiting: new Set(), timer: undefined })

/** Waits for the turn of the running fiber: a ticket, or a refusal if the turn is too late for it. */
export const wait = (queue: Queue, cell: Cell, maxWait: number): Effect.Effect<number | Refusal<RateLimited>> =>
  Effect.withFiber((fiber) =>
    Effect.callback((resume) => {
      const clock = fiber.getRef(Clock.Clock)
      const now = millis(clock)
      let answered: number | Refusal<RateLimited> | undefined
      const waiter: Waiter = {
        context: fiber.context,
        clock,
        latest: now + maxWait + Pacing.tolerance,
        deadline: fiber.getRef(CurrentDeadline) ?? Infinity,
        answer: (answer) => {
          answered = answer
          // As a task of its own, because one that is woken may start, end and wait again before it returns.
          fiber.currentDispatcher.scheduleTask(() => resume(Effect.succeed(answer)), 0)
        }
      }
      const turn = Pacing.turn(cell.current, now, queue.waiting.size)
      if (!fits(waiter, turn)) return resume(Effect.succeed(refusal(turn - now)))
      queue.waiting.add(waiter)
      if (queue.waiting.size === 1) serve(queue, cell, now)
      return Effect.sync(() => {
        // Interrupted between the ticket and its use: it goes to the next.
        if (typeof answered === "number") giveBack(queue, cell, answered, millis(clock))
        else if (queue.waiting.delete(waiter) && queue.waiting.size === 0) stop(queue)
      })
    })
  )

/** The pace has changed. */
export const reconsider = (queue: Queue, cell: Cell, now: number): void => {
  let ahead = 0
  for (const waiter of queue.waiting) {
    const turn = Pacing.turn(cell.current, now, ahead)
    if (fits(waiter, turn)) ahead++
    else {
      queue.waiting.delete(waiter)
      waiter.answer(refusal(turn - now))
    }
  }
  serve(queue, cell, now)
}

/** The call with this ticket did not start after all. */
export const giveBack = (queue: Queue, cell: Cell, ticket: number, now: number): void => {
  if (Pacing.giveBack(cell.current, ticket, now)) serve(queue, cell, now)
}

/** All whose turn it is start; then the timer sleeps until the turn of the next. */
const serve = (queue: Queue, cell: Cell, now: number): void => {
  stop(queue)
  for (const waiter of queue.waiting) {
    const ticket = Pacing.take(cell.current, now)
    if (ticket === 0) return sleep(queue, cell, waiter, Pacing.turn(cell.current, now, 0) - now)
    queue.waiting.delete(waiter)
    waiter.answer(ticket)
  }
}

const sleep = (queue: Queue, cell: Cell, { clock, context }: Waiter, duration: number): void => {
  const timer = Effect.runForkWith(context)(Effect.sleep(duration))
  queue.timer = timer
  timer.addObserver((exit) => {
    if (Exit.isSuccess(exit) && queue.timer === timer) serve(queue, cell, millis(clock))
  })
}

const stop = (queue: Queue): void => {
  const { timer } = queue
  queue.timer = undefined
  timer?.interruptUnsafe()
}

const fits = ({ deadline, latest }: Waiter, turn: number): boolean => turn <= latest && turn < deadline
