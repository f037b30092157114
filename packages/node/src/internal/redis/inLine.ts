/**
 * Changes of one key that come while another is under way wait for it, and are then made together, as one change. So a
 * process never gets into its own way, and a key that everyone changes costs no more than a few messages at a time.
 */
import type { Change, Shared, StoreUnavailable } from "@switchboard/core/Stores"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"

/** What a change keeps. */
export type Keep = Change<unknown>["keep"]

/** Makes a change of a key, which may be asked several times. */
export type Modify = (
  key: string,
  change: (kept: string | undefined, now: number) => Keep
) => Effect.Effect<void, StoreUnavailable>

interface Waiter {
  readonly change: (kept: string | undefined, now: number) => Change<unknown>
  readonly resume: (exit: Exit.Exit<unknown, StoreUnavailable>) => void
  /** What its change came to, when it was last asked. */
  answer: Exit.Exit<unknown>
  gone: boolean
  /** The changes it is made with, from the moment it is. */
  round: Round | undefined
}

interface Round {
  readonly waiters: ReadonlyArray<Waiter>
  readonly fiber: Fiber.Fiber<void, StoreUnavailable>
}

export const inLine = (modify: Modify): Effect.Effect<Shared["modify"]> =>
  Effect.map(Effect.context<never>(), (context) => {
    /** Those who wait while a round of their key is under way. */
    const lines = new Map<string, Array<Waiter>>()

    const begin = (key: string, waiters: ReadonlyArray<Waiter>): void => {
      lines.set(key, [])
      const fiber = Effect.runForkWith(context)(modify(key, (kept, now) => together(waiters, kept, now)))
      const round: Round = { waiters, fiber }
      for (const waiter of waiters) waiter.round = round
      fiber.addObserver((exit) => {
        const next = lines.get(key)!.filter(({ gone }) => !gone)
        if (next.length === 0) lines.delete(key)
        else begin(key, next)
        for (const { answer, resume } of waiters) resume(Exit.isSuccess(exit) ? answer : exit)
      })
    }

    return <A>(key: string, change: (kept: string | undefined, now: number) => Change<A>) =>
      Effect.callback<A, StoreUnavailable>((resume) => {
        const waiter: Waiter = {
          change,
          // It is told the answer of its own change.
          resume: resume as Waiter["resume"],
          answer: Exit.void,
          gone: false,
          round: undefined
        }
        const line = lines.get(key)
        if (line === undefined) begin(key, [waiter])
        else line.push(waiter)
        return Effect.suspend(() => {
          waiter.gone = true
          const { round } = waiter
          return round !== undefined && round.waiters.every(({ gone }) => gone)
            ? Fiber.interrupt(round.fiber)
            : Effect.void
        })
      })
  })

/** One after the other, each with what the one before it kept; of those who have left, none. */
const together = (waiters: ReadonlyArray<Waiter>, kept: string | undefined, now: number): Keep => {
  let last: Keep
  for (const waiter of waiters) {
    if (waiter.gone) continue
    try {
      const { answer, keep } = waiter.change(last === undefined ? kept : last.value, now)
      waiter.answer = Exit.succeed(answer)
      if (keep !== undefined) last = keep
    } catch (bug) {
      waiter.answer = Exit.die(bug)
    }
  }
  return last
}
