import { assert } from "@effect/vitest"
import { Effect, Exit, Fiber, Option } from "effect"
import * as Hedge from "../../src/policy/Hedge.ts"
import { adjust, Boom, test } from "./fixtures.ts"

/** mulberry32 */
const random = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296
}

interface Plan {
  readonly delay: number
  readonly maxHedges: number
  readonly coins: number
  /** In milliseconds. The remainders by 100 keep any two events apart. */
  readonly attempts: ReadonlyArray<{ readonly takes: number; readonly ok: boolean }>
  /** When the caller leaves. */
  readonly leaves: number | undefined
}

const planOf = (seed: number): Plan => {
  const next = random(seed)
  const upTo = (n: number) => Math.floor(next() * n)
  return {
    delay: next() < 0.15 ? Infinity : 100 * (1 + upTo(5)),
    maxHedges: 1 + upTo(4),
    coins: next() < 0.3 ? upTo(4) : 10,
    attempts: Array.from({ length: 5 }, (_, i) => ({ takes: 100 * upTo(12) + 2 ** i, ok: next() < 0.4 })),
    leaves: next() < 0.4 ? 100 * upTo(15) + 50 : undefined
  }
}

interface Result {
  /** When each attempt begins. */
  readonly begun: ReadonlyArray<number>
  readonly ends: number
  /** The number of the attempt whose exit it is, `undefined` if the caller left. */
  readonly decided: number | undefined
}

/** The rules told again in the plainest way: at each moment, look at everything. */
const expected = ({ attempts, coins, delay, leaves, maxHedges }: Plan): Result => {
  const begun = [0]
  let open = true
  for (let now = 0;; now++) {
    if (now === leaves) return { begun, ends: now, decided: undefined }
    const end = (i: number) => begun[i]! + attempts[i]!.takes
    const ending = begun.findIndex((_, i) => end(i) === now)
    if (ending >= 0 && attempts[ending]!.ok) return { begun, ends: now, decided: ending }
    const due = begun.at(-1)! + delay === now
    if (open && (ending >= 0 || due)) {
      if (begun.length <= maxHedges && begun.length <= coins) begun.push(now)
      else if (begun.length <= maxHedges || ending >= 0) open = false
    }
    if (begun.every((_, i) => end(i) <= now)) return { begun, ends: now, decided: 0 }
  }
}

const check = (seed: number) =>
  Effect.gen(function*() {
    const plan = planOf(seed)
    const now = Effect.clockWith((clock) => Effect.succeed(Number(clock.monotonicTimeNanosUnsafe()) / 1e6))
    const start = yield* now
    let coins = plan.coins
    const { policy } = yield* Hedge.make({
      name: `seed ${seed}`,
      delay: plan.delay,
      maxHedges: plan.maxHedges,
      budget: { withdraw: () => coins > 0 && (coins--, true), giveBack: () => void coins++ }
    })
    const begun: Array<number> = []
    let open = 0
    const call = Effect.gen(function*() {
      const i = begun.push((yield* now) - start) - 1
      const { ok, takes } = plan.attempts[i]!
      yield* Effect.acquireRelease(Effect.sync(() => open++), () => Effect.sync(() => open--))
      yield* Effect.sleep(takes)
      return yield* ok ? Effect.succeed(i) : Effect.fail(new Boom({ n: i }))
    })
    let ended = -1
    const running = yield* Effect.forkChild(
      Effect.ensuring(
        policy(Effect.scoped(call)),
        Effect.flatMap(now, (at) =>
          Effect.sync(() => {
            ended = at - start
            assert.strictEqual(open, 0, `seed ${seed}: something is still open`)
          }))
      ),
      { startImmediately: true }
    )
    if (plan.leaves !== undefined) {
      yield* adjust(plan.leaves)
      yield* Fiber.interrupt(running)
    }
    yield* adjust(20_000)
    const exit = yield* Fiber.await(running)
    const decided = Exit.isSuccess(exit)
      ? exit.value
      : Option.getOrUndefined(Exit.findErrorOption(exit))?.n
    const what = `seed ${seed}: ${JSON.stringify(plan)}`
    assert.deepStrictEqual({ begun, ends: ended, decided }, expected(plan), what)
    assert.strictEqual(plan.coins - coins, begun.length - 1, what)
    return begun.length
  })

test("M1, M2, M3, M7, M8, L1: 1,500 random calls do what a naive model does, and leave nothing open", () =>
  Effect.gen(function*() {
    let attempts = 0
    for (let seed = 1; seed <= 1_500; seed++) attempts += yield* check(seed)
    assert.isAbove(attempts, 3_000, "the calls are about something")
  }))
