/** Callers who arrive one after the other, at random, and do not wait for each other. */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Random from "effect/Random"
import type { Scenario } from "../../Outage.ts"
import type { Call } from "./measure.ts"
import { reasonOf } from "./reason.ts"
import type { Caller } from "./remote.ts"
import type { VirtualTime } from "./virtualTime.ts"
import { CurrentCaller } from "./wire.ts"

/** Makes the calls of a scenario; ends when the last of them has. */
export const run = (
  world: VirtualTime,
  scenario: Scenario,
  random: Random.Random,
  call: Effect.Effect<unknown, unknown>
): Effect.Effect<ReadonlyArray<Call>> =>
  Effect.contextWith((context: Context.Context<never>) =>
    Effect.callback<ReadonlyArray<Call>>((resume) => {
      const calls: Array<Call> = []
      let waiting = 0
      let arriving = true

      const begin = (): void => {
        const at = world.now
        const caller: Caller = { requests: 0 }
        waiting++
        let ended = false
        const end = (failure: string | undefined): void => {
          if (ended) return
          ended = true
          patience.cancel()
          calls.push({ at, end: world.now, failure, requests: caller.requests })
          if (--waiting === 0 && !arriving) resume(Effect.succeed(inOrder(calls)))
        }
        // A caller does not wait for a call that is slow to stop.
        const patience = world.after(scenario.patience, () => {
          end("GaveUp")
          fiber.interruptUnsafe()
        })
        const fiber = Effect.runForkWith(context)(Effect.provideService(call, CurrentCaller, caller))
        fiber.addObserver((exit) => end(Exit.isSuccess(exit) ? undefined : reasonOf(exit.cause)))
      }

      const arrive = (): void => {
        const pause = -Math.log(1 - random.nextDoubleUnsafe()) * 1000 / scenario.callsPerSecond
        const isLast = world.now + pause >= scenario.length
        world.after(isLast ? scenario.length - world.now : pause, () => {
          if (!isLast) {
            begin()
            return arrive()
          }
          arriving = false
          if (waiting === 0) resume(Effect.succeed(inOrder(calls)))
        })
      }
      arrive()
    })
  )

const inOrder = (calls: ReadonlyArray<Call>): ReadonlyArray<Call> => calls.toSorted((a, b) => a.at - b.at)
