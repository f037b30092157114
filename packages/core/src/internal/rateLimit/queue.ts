/**
 * Those that wait for their turn, first come first served. Only the first sleeps; it wakes the next when it leaves, however
 * it leaves. When the pace changes, each is told at once if its turn is now too late for it.
 */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import { CurrentDeadline } from "../../Deadline.ts"
import type { RateLimited } from "../../IntegrationError.ts"
import type { Refusal } from "../../Policy.ts"
import * as monotonic from "../monotonic.ts"
import * as Pacing from "./pacing.ts"
import { refusal } from "./refusal.ts"

export type Queue = Set<Waiter>

export interface Waiter {
  readonly fiber: Fiber.Fiber<unknown, unknown>
  /** How late its turn may be. */
  readonly latest: number
  /** When it must have started. */
  readonly deadline: number
  /** Something has changed since it last looked. */
  stale: boolean
  /** Its turn has become too late. */
  refused: Refusal<RateLimited> | undefined
  resume: (() => void) | undefined
}

/** Waits for the turn of the running fiber: a ticket, or a refusal if the turn is too late for it. */
export const wait = (
  queue: Queue,
  cell: { readonly current: Pacing.Pacing },
  maxWait: number
): Effect.Effect<number | Refusal<RateLimited>> =>
  Effect.withFiber((fiber) => {
    const now = monotonic.now(fiber)
    const waiter: Waiter = {
      fiber,
      latest: now + maxWait + Pacing.tolerance,
      deadline: fiber.getRef(CurrentDeadline) ?? Infinity,
      stale: false,
      refused: undefined,
      resume: undefined
    }
    const turn = Pacing.turn(cell.current, now, queue.size)
    if (!fits(waiter, turn)) return Effect.succeed(refusal(turn - now))
    queue.add(waiter)

    const admitted: Effect.Effect<number | Refusal<RateLimited>> = Effect.suspend(() => {
      waiter.stale = false
      if (waiter.refused !== undefined) return Effect.succeed(waiter.refused)
      if (first(queue) !== waiter) return Effect.andThen(woken(waiter), admitted)
      const now = monotonic.now(fiber)
      const ticket = Pacing.take(cell.current, now)
      if (ticket === 0) return Effect.andThen(sleep(waiter, Pacing.turn(cell.current, now, 0) - now), admitted)
      leave(queue, waiter)
      return Effect.succeed(ticket)
    })
    return Effect.onInterrupt(admitted, () => Effect.sync(() => leave(queue, waiter)))
  })

/** The pace has changed. */
export const reconsider = (queue: Queue, pacing: Pacing.Pacing, now: number): void => {
  let ahead = 0
  for (const waiter of queue) {
    const turn = Pacing.turn(pacing, now, ahead)
    if (fits(waiter, turn)) ahead++
    else {
      queue.delete(waiter)
      waiter.refused = refusal(turn - now)
      wake(waiter)
    }
  }
  wakeFirst(queue)
}

/** The first may have less long to wait than it knows. */
export const wakeFirst = (queue: Queue): void => {
  const waiter = first(queue)
  if (waiter !== undefined) wake(waiter)
}

const fits = ({ deadline, latest }: Waiter, turn: number): boolean => turn <= latest && turn < deadline

const first = (queue: Queue): Waiter | undefined => {
  for (const waiter of queue) return waiter
  return undefined
}

const leave = (queue: Queue, waiter: Waiter): void => {
  const wasFirst = first(queue) === waiter
  queue.delete(waiter)
  if (wasFirst) wakeFirst(queue)
}

// As a task of its own, because one that is woken may start, end and wake the next before it returns.
const wake = (waiter: Waiter): void => {
  waiter.stale = true
  if (waiter.resume === undefined) return
  waiter.fiber.currentDispatcher.scheduleTask(waiter.resume, 0)
  waiter.resume = undefined
}

const woken = (waiter: Waiter): Effect.Effect<void> =>
  Effect.callback((resume) => {
    if (waiter.stale) return resume(Effect.void)
    const own = () => resume(Effect.void)
    waiter.resume = own
    return Effect.sync(() => {
      if (waiter.resume === own) waiter.resume = undefined
    })
  })

const sleep = (waiter: Waiter, millis: number): Effect.Effect<void> =>
  Effect.timeoutOrElse(woken(waiter), { duration: millis, orElse: () => Effect.void })
