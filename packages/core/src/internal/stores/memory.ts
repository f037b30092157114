/** What is shared by the programs of one process. Values that are over make room as new ones come. */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { Shared } from "../../Stores.ts"
import { millis } from "../monotonic.ts"

/** Values by key, each until a time of the clock in milliseconds. */
export type Values = Map<string, { readonly value: string; readonly until: number }>

export const make = (
  clock: Clock.Clock,
  whenUnavailable: Shared["whenUnavailable"],
  values: Values = new Map()
): Shared => {
  let rest = values.entries()
  const read = (key: string, now: number): string | undefined => {
    const entry = values.get(key)
    if (entry === undefined || now < entry.until) return entry?.value
    values.delete(key)
    return undefined
  }
  const keep = (key: string, value: string, timeToLive: number, now: number): void => {
    values.set(key, { value, until: now + timeToLive })
    // Two are looked at for each that comes, so that those that are over never outnumber those that are not for long.
    for (let i = 0; i < 2; i++) {
      const { done, value: next } = rest.next()
      if (done === true) rest = values.entries()
      else if (now >= next[1].until) values.delete(next[0])
    }
  }
  const now = () => millis(clock)
  return {
    whenUnavailable,
    modify: (key, change) =>
      Effect.sync(() => {
        const at = now()
        const { answer, keep: kept } = change(read(key, at), at)
        if (kept !== undefined) keep(key, kept.value, kept.timeToLive, at)
        return answer
      }),
    set: (key, value, timeToLive) => Effect.sync(() => keep(key, value, timeToLive, now())),
    get: (key) => Effect.sync(() => read(key, now())),
    remove: (key) => Effect.sync(() => void values.delete(key))
  }
}
