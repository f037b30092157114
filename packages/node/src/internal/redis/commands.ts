/**
 * A shared store as commands to Redis. A change is read, and then swapped for what was read, if it still is; the clock is
 * the one of Redis. Each step is one script, so that Redis does it as a whole.
 */
import { type Guard, type Shared, StoreUnavailable, type WhenUnavailable } from "@switchboard/core/Stores"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import { inLine, type Keep } from "./inLine.ts"
import { reasonOf, refusalOf } from "./reason.ts"

/** Sends a command and answers what Redis does. */
export type Send = (command: string, ...args: ReadonlyArray<string>) => Effect.Effect<unknown, unknown>

export interface Settings {
  /** What all keys begin with. */
  readonly prefix: string
  readonly whenUnavailable: WhenUnavailable
  /** What each command passes through. */
  readonly guard: Guard
  /** Milliseconds that a change may take, those of others that come first included. */
  readonly patience: number
}

/** What is kept, and the time of Redis in milliseconds. */
interface Seen {
  readonly kept: string | undefined
  readonly now: number
}

// Sent as text each time: Redis compiles a script once, and the text is short beside what a name for it would cost us.
// An error is answered as it is, which old versions do not do by themselves; nor do they let write who asked for the time.
const read = `
local kept = redis.pcall("GET", KEYS[1])
if type(kept) == "table" then return kept end
local t = redis.call("TIME")
return {kept, t[1], t[2]}`

/** What there should be, and what shall be; the first byte of the former says whether there should be anything. */
const swap = `
local kept = redis.pcall("GET", KEYS[1])
if type(kept) == "table" then return kept end
if (kept and "=" .. kept or "") == ARGV[1] then return redis.pcall("SET", KEYS[1], ARGV[2], "PX", ARGV[3]) end
local t = redis.call("TIME")
return {kept, t[1], t[2]}`

export const make = (
  send: Send,
  { guard, patience, prefix, whenUnavailable }: Settings
): Effect.Effect<Shared> => {
  /** When it was said last that Redis refused a command with a code. */
  const said = new Map<string, number>()
  const refused = Effect.fnUntraced(function*(code: string) {
    const now = yield* Clock.currentTimeMillis
    if (now - (said.get(code) ?? -Infinity) >= quiet) {
      said.set(code, now)
      yield* Effect.logWarning(`the store redis refused an operation (${code})`)
    }
    return yield* unavailable(code, usualPause)
  })
  const ask = (command: string, ...args: ReadonlyArray<string>): Effect.Effect<unknown, StoreUnavailable> =>
    Effect.flatMap(
      guard(answered(send(command, ...args))),
      Result.match({ onSuccess: Effect.succeed, onFailure: refused })
    )

  const modify = Effect.fnUntraced(function*(key: string, change: (kept: string | undefined, now: number) => Keep) {
    let answer = yield* ask("EVAL", read, "1", prefix + key)
    for (let round = 1;; round++) {
      const seen = seenIn(answer)
      if (seen === undefined) return yield* unavailable("not an answer of Redis", usualPause)
      const keep = change(seen.kept, seen.now)
      if (keep === undefined) return
      const should = seen.kept === undefined ? "" : `=${seen.kept}`
      answer = yield* ask("EVAL", swap, "1", prefix + key, should, keep.value, wholeMillis(keep.timeToLive))
      if (answer === "OK") return
      // What was answered is worth a few tries at once; those who still meet then do not meet again at the same time.
      if (round % 4 === 0) yield* Effect.sleep((yield* Random.next) * Math.min(2 * round, 50))
    }
  })

  return Effect.map(inLine(modify), (modifyInLine): Shared => ({
    whenUnavailable,
    modify: (key, change) =>
      Effect.timeoutOrElse(modifyInLine(key, change), {
        duration: patience,
        orElse: () => unavailable("others came first each time")
      }),
    set: (key, value, timeToLive) => Effect.asVoid(ask("SET", prefix + key, value, "PX", wholeMillis(timeToLive))),
    get: (key) => Effect.map(ask("GET", prefix + key), (kept) => typeof kept === "string" ? kept : undefined),
    remove: (key) => Effect.asVoid(ask("DEL", prefix + key))
  }))
}

/** What Redis answers, or the code with which it refuses. */
const answered = (sent: ReturnType<Send>): Effect.Effect<Result.Result<unknown, string>, StoreUnavailable> =>
  Effect.matchEffect(sent, {
    onSuccess: (answer) => Effect.succeed(Result.succeed(answer)),
    onFailure: (error) => {
      const code = refusalOf(error)
      return code === undefined ? unavailable(reasonOf(error)) : Effect.succeed(Result.fail(code))
    }
  })

/** Milliseconds after which it is said again that Redis refuses. */
const quiet = 60_000

/** What Redis refuses once it will refuse for so many milliseconds. */
const usualPause = 1_000

const unavailable = (cause: string, retryAfter = 0) =>
  Effect.fail(new StoreUnavailable({ store: "redis", retryAfter, cause }))

/** Redis counts whole milliseconds, at least 1. */
const wholeMillis = (timeToLive: number): string =>
  String(Math.min(Math.max(1, Math.ceil(timeToLive)), Number.MAX_SAFE_INTEGER))

const seenIn = (answer: unknown): Seen | undefined => {
  if (!Array.isArray(answer) || answer.length !== 3) return undefined
  const [kept, seconds, micros] = answer
  const now = Number(seconds) * 1_000 + Number(micros) / 1_000
  return Number.isNaN(now) ? undefined : { kept: typeof kept === "string" ? kept : undefined, now }
}
