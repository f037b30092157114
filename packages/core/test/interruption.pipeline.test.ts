/** L1 and L2 for a whole integration: a call is interrupted at every point, wherever it waits. */
import { assert, describe, it } from "@effect/vitest"
import * as Deadline from "@switchboard/core/Deadline"
import * as Events from "@switchboard/core/Events"
import * as Resilience from "@switchboard/core/Resilience"
import * as Answer from "@switchboard/testing/Answer"
import * as TestTransport from "@switchboard/testing/TestTransport"
import { Context, Effect, Layer } from "effect"
import { charge, layer, Payments, token } from "./payments.ts"
import { type Scenario, type Setup, sweep } from "./policy/sweep.ts"

type Settings = Parameters<typeof layer>[1]

const plain = Effect.flatMap(Payments, (payments) => payments.charges.get({ params: { id: "ch_1" } }))
const ok = Answer.json(200, charge)

/** Tells how many calls have ended. */
const counting = () => {
  let ended = 0
  const listener = Events.layerListener(({ _tag }) => {
    if (_tag.startsWith("Call")) ended++
  })
  return { listener, count: () => ended }
}

/** Calls of an integration over a scripted remote; afterwards nothing is in flight, and calls go through as before. */
const calls = (
  script: TestTransport.Script,
  settings: Settings,
  others: { readonly before?: number; readonly after?: number },
  get = plain
): Setup =>
() =>
  Effect.gen(function*() {
    const { count, listener } = counting()
    const context = yield* Layer.build(layer(script, settings).pipe(Layer.provide(listener)))
    const wire = Context.get(context, TestTransport.TestTransport)
    let begun = 0
    const call = Effect.suspend(() => {
      begun++
      return Effect.provide(get, context)
    })
    const many = (n = 0) => Array.from({ length: n }, () => call)
    const scenario: Scenario = {
      before: many(others.before),
      call,
      after: many(others.after),
      baseline: Effect.gen(function*() {
        assert.strictEqual(yield* wire.inFlight, 0)
        // Whatever the limiter has counted has left its window, and the circuit may be tried.
        yield* Effect.sleep("1 minute")
        yield* wire.use(ok)
        assert.deepStrictEqual(
          yield* Effect.all(many(4), { concurrency: 4 }),
          Array.from({ length: 4 }, () => charge)
        )
        assert.strictEqual(yield* wire.inFlight, 0)
        // One that was interrupted before its first step has not begun.
        assert.include([begun, begun - 1], count())
        yield* Effect.provide(Payments.reload({ token, ...settings }, { awaitInFlight: true }), context)
      }),
      // The fibers that watch the deadlines of all calls: of those that run, and of those that wait.
      timers: 2
    }
    return scenario
  })

const sweeps = (name: string, atLeast: number, setup: Setup): void =>
  it(`L2: ${name}`, () => {
    const { points } = sweep(setup)
    assert.isAtLeast(points, atLeast)
  })

const slow = Answer.delay("100 millis", ok)

describe("a call that is interrupted", () => {
  sweeps("while it is under way", 5, calls(slow, {}, {}))

  sweeps(
    "while it waits in the queue of the bulkhead",
    10,
    calls(slow, { bulkhead: { maxConcurrent: 1 } }, { before: 1, after: 1 })
  )

  sweeps(
    "while it waits for its turn at the rate limit",
    10,
    calls(slow, { rateLimit: { limit: 1, window: "1 second" } }, { before: 1, after: 1 })
  )

  sweeps(
    "while it waits for its next attempt",
    20,
    calls([Answer.status(503), Answer.reset, ok, ok], { retry: { jitter: "none" } }, {})
  )

  sweeps(
    "while the body arrives",
    5,
    calls([Answer.hangInBody, ok], { attemptTimeout: "1 second", retry: { maxRetries: 1 } }, {})
  )

  sweeps(
    "with every wait there is",
    60,
    calls([Answer.delay("100 millis", Answer.status(503)), ...Array.from({ length: 10 }, () => slow)], {
      bulkhead: { maxConcurrent: 1, adaptive: {} },
      rateLimit: { limit: 2, window: "1 second", adaptive: true },
      retry: { jitter: "none", maxRetries: 3 }
    }, { before: 2, after: 2 })
  )

  const cache = { ttl: "1 second", staleWhileRevalidate: "10 seconds", staleIfError: "20 seconds" } as const
  const withOthers = { before: 1, after: 1 }

  sweeps("while others wait for the same answer", 10, calls(slow, { coalesce: true }, withOthers))

  sweeps("while an answer is fetched for the cache", 10, calls(slow, { cache }, withOthers))

  sweeps("while it is hedged", 10, calls(slow, { hedge: { delay: "20 millis" } }, {}))

  sweeps(
    "with settings of its own",
    10,
    calls(slow, { coalesce: true }, {}, Resilience.withOptions({ totalTimeout: "5 seconds" })(plain))
  )

  sweeps(
    "with a deadline nearer than that of what it shares",
    10,
    calls(
      slow,
      { cache },
      withOthers,
      Deadline.within("50 millis")(plain).pipe(Effect.catch(() => Effect.succeed(charge)))
    )
  )
})
