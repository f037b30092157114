/**
 * A shared store as commands to Redis. A change is read, and then swapped for what was read, if it still is; the clock is
 * the one of Redis. Each step is one script, so that Redis does it as a whole.
 */
import { type Shared, StoreUnavailable, type WhenUnavailable } from "@switchboard/core/Stores"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import { inLine, type Keep } from "./inLine.ts"
import { reasonOf } from "./reason.ts"

/** Sends a command and answers what Redis does. */
export type Send = (command: string, ...args: ReadonlyArray<string>) => Effect.Effect<unknown, unknown>

/** What is kept, and the time of Redis in milliseconds; whether it was swapped. */
interface Seen {
  readonly kept: string | undefined
  readonly now: number
  readonly swapped: boolean
}

// Sent as text each time: Redis compiles a script once, and the text is short beside what a name for it would cost us.
const read = `
local t = redis.call("TIME")
return {redis.call("GET", KEYS[1]), t[1], t[2], 0}`

/** What there should be, and what shall be; the first byte of the former says whether there should be anything. */
const swap = `
local kept = redis.call("GET", KEYS[1])
local t = redis.call("TIME")
if (kept and "=" .. kept or "") ~= ARGV[1] then return {kept, t[1], t[2], 0} end
redis.call("SET", KEYS[1], ARGV[2], "PX", ARGV[3])
return {false, t[1], t[2], 1}`

/** Others may come first so many times in a row. */
const maxRounds = 100

export const make = (
  send: Send,
  prefix: string,
  whenUnavailable: WhenUnavailable
): Effect.Effect<Shared> => {
  const ask = (command: string, ...args: ReadonlyArray<string>) =>
    Effect.mapError(send(command, ...args), (error) => unavailable(reasonOf(error)))
  const run = (script: string, key: string, ...args: ReadonlyArray<string>): Effect.Effect<Seen, StoreUnavailable> =>
    Effect.flatMap(ask("EVAL", script, "1", prefix + key, ...args), (answer) => {
      const seen = seenIn(answer)
      return seen === undefined ? Effect.fail(unavailable("not an answer of Redis")) : Effect.succeed(seen)
    })

  const modify = Effect.fnUntraced(function*(key: string, change: (kept: string | undefined, now: number) => Keep) {
    let seen = yield* run(read, key)
    for (let round = 1;; round++) {
      const keep = change(seen.kept, seen.now)
      if (keep === undefined) return
      const should = seen.kept === undefined ? "" : `=${seen.kept}`
      seen = yield* run(swap, key, should, keep.value, wholeMillis(keep.timeToLive))
      if (seen.swapped) return
      if (round === maxRounds) return yield* unavailable("others came first each time")
      // At first it is worth a try at once; those who still meet then do not meet again at the same time.
      if (round > 3) yield* Effect.sleep((yield* Random.next) * Math.min(round, 10))
    }
  })

  return Effect.map(inLine(modify), (modifyInLine): Shared => ({
    whenUnavailable,
    modify: modifyInLine,
    set: (key, value, timeToLive) => Effect.asVoid(ask("SET", prefix + key, value, "PX", wholeMillis(timeToLive))),
    get: (key) => Effect.map(ask("GET", prefix + key), (kept) => typeof kept === "string" ? kept : undefined),
    remove: (key) => Effect.asVoid(ask("DEL", prefix + key))
  }))
}

const unavailable = (cause: string) => new StoreUnavailable({ store: "redis", retryAfter: 0, cause })

/** Redis counts whole milliseconds, at least 1. */
const wholeMillis = (timeToLive: number): string =>
  String(Math.min(Math.max(1, Math.ceil(timeToLive)), Number.MAX_SAFE_INTEGER))

const seenIn = (answer: unknown): Seen | undefined => {
  if (!Array.isArray(answer) || answer.length !== 4) return undefined
  const [kept, seconds, micros, swapped] = answer
  const now = Number(seconds) * 1_000 + Number(micros) / 1_000
  return Number.isNaN(now)
    ? undefined
    : { kept: typeof kept === "string" ? kept : undefined, now, swapped: swapped === 1 }
}
