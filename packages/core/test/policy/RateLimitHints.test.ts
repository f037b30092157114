import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Fiber } from "effect"
import type { Hint, Names } from "../../src/internal/rateLimit/hints.ts"
import { hintOf } from "../../src/internal/rateLimit/hints.ts"
import { resetMillis } from "../../src/internal/rateLimit/resetTime.ts"
import * as Outcome from "../../src/Outcome.ts"
import * as Policy from "../../src/Policy.ts"
import type * as RateLimit from "../../src/policy/RateLimit.ts"
import { adjust, begin, boom, test } from "./fixtures.ts"
import { make, nowMillis, refused, settled, starts } from "./rateLimit.ts"

const wall = Date.UTC(2026, 0, 1, 12, 0, 0)

/** What headers say, without what is undefined. */
const read = (headers: Record<string, string>, names: Names = {}): Hint | undefined => {
  const hint = hintOf(headers, names, wall)
  return hint && Object.fromEntries(Object.entries(hint).filter(([, value]) => value !== undefined))
}

describe("when a limit is reset", () => {
  it("epoch seconds, epoch milliseconds, and spans in the given unit", () => {
    assert.strictEqual(resetMillis(String(wall / 1000 + 30), "seconds", wall), 30_000)
    assert.strictEqual(resetMillis(`${wall / 1000 + 30}.5`, "seconds", wall), 30_500)
    assert.strictEqual(resetMillis(String(wall + 30), "seconds", wall), 30)
    assert.strictEqual(resetMillis(String(wall / 1000 + 30), "millis", wall), 30_000)
    assert.strictEqual(resetMillis(String(wall + 30), "millis", wall), 30)
    assert.strictEqual(resetMillis("30", "seconds", wall), 30_000)
    assert.strictEqual(resetMillis("0.25", "seconds", wall), 250)
    assert.strictEqual(resetMillis("30", "millis", wall), 30)
    assert.strictEqual(resetMillis("999999999", "seconds", wall), 999_999_999_000)
    assert.strictEqual(resetMillis("999999999", "millis", wall), 999_999_999)
    assert.strictEqual(resetMillis(" 0 ", "seconds", wall), 0)
  })

  it("the past is now", () => {
    for (const past of ["1000000000", "100000000000", String(wall - 1), "2025-12-31T23:59:59Z"]) {
      assert.strictEqual(resetMillis(past, "seconds", wall), 0, past)
    }
    assert.strictEqual(resetMillis("Wed, 31 Dec 2025 23:59:59 GMT", "seconds", wall), 0)
  })

  it("HTTP dates in all three forms, and RFC 3339 dates with a zone", () => {
    const dates = [
      "Thu, 01 Jan 2026 12:01:30 GMT",
      "Thursday, 01-Jan-26 12:01:30 GMT",
      "Thu Jan  1 12:01:30 2026",
      "2026-01-01T12:01:30Z",
      "2026-01-01t12:01:30z",
      "2026-01-01 12:01:30Z",
      "2026-01-01T13:01:30+01:00",
      "2026-01-01T12:01:30.000-00:00"
    ]
    for (const date of dates) assert.strictEqual(resetMillis(date, "seconds", wall), 90_000, date)
  })

  it("spans with units", () => {
    assert.strictEqual(resetMillis("1s", "seconds", wall), 1_000)
    assert.strictEqual(resetMillis("6m0s", "millis", wall), 360_000)
    assert.strictEqual(resetMillis("2m59.56s", "seconds", wall), 179_560)
    assert.strictEqual(resetMillis("20ms", "seconds", wall), 20)
    assert.strictEqual(resetMillis("1h30m", "seconds", wall), 5_400_000)
    assert.strictEqual(resetMillis("1h2m3s4ms", "seconds", wall), 3_723_004)
  })

  it("anything else is as if there were no header", () => {
    const garbage = [
      undefined,
      "",
      " ",
      "soon",
      "-1",
      "+5",
      "1e3",
      "0x10",
      "1, 2",
      "5;q=1",
      "NaN",
      "Infinity",
      "1.",
      ".5"
    ]
    const dates = ["2026-01-01", "2026-01-01T12:00:00", "2026-13-01T12:00:00Z", "Thu, 32 Jan 2026 12:00:00 GMT"]
    const spans = ["s", "1s1m", "1d", "-1s", "1 s", "ms", "1e3s"]
    for (const value of [...garbage, ...dates, ...spans, "9".repeat(40), `${"9".repeat(10_000)}s`]) {
      assert.isUndefined(resetMillis(value, "seconds", wall), String(value))
    }
  })
})

describe("what headers say of a limit", () => {
  it("RateLimit as a list, with and without its policies", () => {
    assert.deepStrictEqual(read({ ratelimit: "\"default\";r=50;t=30" }), { remaining: 50, resetMillis: 30_000 })
    assert.deepStrictEqual(
      read({ ratelimit: "\"default\";r=50;t=30", "ratelimit-policy": "\"other\";q=1, \"default\";q=100;w=60" }),
      { remaining: 50, resetMillis: 30_000, limit: 100 }
    )
    assert.deepStrictEqual(read({ ratelimit: "default;r=0" }), { remaining: 0 })
    assert.deepStrictEqual(
      read({ ratelimit: " \"a, b;c\\\"d\" ;  pk=:cHNk: ; r=3 ;t=1", "ratelimit-policy": "\"a, b;c\\\"d\";q=7" }),
      { remaining: 3, resetMillis: 1_000, limit: 7 }
    )
  })

  it("of several limits, the one with the least remaining, and of those the one that lasts longest", () => {
    assert.deepStrictEqual(
      read({
        ratelimit: "\"daily\";r=900;t=3600, \"burst\";r=5;t=1",
        "ratelimit-policy": "\"burst\";q=10, \"daily\";q=1000"
      }),
      { remaining: 5, resetMillis: 1_000, limit: 10 }
    )
    assert.deepStrictEqual(read({ ratelimit: "a;r=0;t=1, b;r=0;t=60, c;r=0;t=9" }), {
      remaining: 0,
      resetMillis: 60_000
    })
  })

  it("a policy that does not count requests does not count", () => {
    const policies = "\"bytes\";q=65535;qu=\"content-bytes\", \"calls\";q=10;qu=\"requests\""
    assert.deepStrictEqual(read({ ratelimit: "\"bytes\";r=1;t=9, \"calls\";r=4;t=2", "ratelimit-policy": policies }), {
      remaining: 4,
      resetMillis: 2_000,
      limit: 10
    })
    assert.isUndefined(read({ ratelimit: "\"bytes\";r=1;t=9", "ratelimit-policy": policies }))
  })

  it("RateLimit as a dictionary", () => {
    const hint = { remaining: 50, resetMillis: 30_000, limit: 100 }
    assert.deepStrictEqual(read({ ratelimit: "limit=100, remaining=50, reset=30" }), hint)
    assert.deepStrictEqual(
      read({ ratelimit: "limit=100;w=60,remaining=50,reset=30", "ratelimit-policy": "100;w=60" }),
      hint
    )
  })

  it("separate headers, with and without X-", () => {
    const hint = { remaining: 50, resetMillis: 30_000, limit: 100 }
    for (const x of ["", "x-"]) {
      assert.deepStrictEqual(
        read({ [`${x}ratelimit-limit`]: "100", [`${x}ratelimit-remaining`]: "50", [`${x}ratelimit-reset`]: "30" }),
        hint
      )
      assert.deepStrictEqual(
        read({
          [`${x}ratelimit-limit`]: "100, 100;w=60, 1000;w=3600",
          [`${x}ratelimit-remaining`]: " 50.0 ",
          [`${x}ratelimit-reset`]: String(wall / 1000 + 30)
        }),
        hint
      )
      assert.deepStrictEqual(read({ [`${x}ratelimit-remaining`]: "0.7" }), { remaining: 0 })
    }
  })

  it("a vendor's own names come first, and their spans may be milliseconds", () => {
    const names = { limit: "a-limit", remaining: "a-left", reset: "a-reset", resetUnit: "millis" } as const
    const standard = { ratelimit: "x;r=1;t=1" }
    assert.deepStrictEqual(read({ ...standard, "a-limit": "9", "a-left": "8", "a-reset": "70" }, names), {
      remaining: 8,
      resetMillis: 70,
      limit: 9
    })
    assert.deepStrictEqual(read(standard, names), { remaining: 1, resetMillis: 1_000 })
    assert.deepStrictEqual(read({ "a-reset": "2026-01-01T12:00:05Z", "a-left": "0" }, names), {
      remaining: 0,
      resetMillis: 5_000
    })
  })

  it("what is not understood gives way to what is", () => {
    assert.deepStrictEqual(
      read({
        ratelimit: "?",
        "ratelimit-remaining": "many",
        "x-ratelimit-remaining": "4",
        "x-ratelimit-reset": "soon"
      }),
      { remaining: 4 }
    )
  })

  it("garbage is as if there were no header", () => {
    const garbage = [
      "",
      "soon",
      "-1",
      "default",
      "default;r",
      "default;r=",
      "default;r=-1;t=1",
      "default;r=1.5",
      "r=5",
      ";r=5x",
      "\"unclosed;r=5",
      "remaining",
      "remaining=",
      "remaining=-1",
      "limit==5",
      ",,,;;;===\"\\",
      "__proto__=1;__proto__=2",
      "\"".repeat(10_000),
      ",".repeat(10_000)
    ]
    for (const value of garbage) {
      assert.isUndefined(read({ ratelimit: value, "ratelimit-policy": value }), value.slice(0, 40))
    }
    for (const value of ["", "many", "-1", "1e3", "Infinity", "9".repeat(400), "5 left"]) {
      assert.isUndefined(
        read({ "x-ratelimit-limit": value, "x-ratelimit-remaining": value, "x-ratelimit-reset": value })
      )
    }
    assert.isUndefined(read({}))
  })
})

const throttled = (retryAfter: number): Outcome.Outcome => Outcome.failure({ throttled: true, retryAfter })
const answered = (limiter: RateLimit.RateLimit, outcome: Outcome.Outcome) =>
  Effect.exit(Policy.fromGate(limiter.gate, { classify: () => outcome })(boom))

describe("RateLimit obeys", () => {
  test("K12: what a throttled answer asks for delays all that is new", () =>
    Effect.gen(function*() {
      const limiter = yield* make({ limit: 100, window: "1 second", maxWait: "10 seconds" })
      yield* answered(limiter, throttled(5_000))
      const log = yield* starts(limiter, 3)
      yield* answered(limiter, throttled(20_000)).pipe(begin)
      yield* adjust("1 minute")
      assert.deepStrictEqual(log, [5_000, 5_000, 5_000])
      yield* answered(limiter, throttled(20_000))
      assert.deepStrictEqual(yield* Effect.flip(limiter.policy(Effect.void)), refused(20_000))
    }))

  test("K12: and all that is queued already; who cannot wait that long is refused at once", () =>
    Effect.gen(function*() {
      const limiter = yield* make({ limit: 2, window: "1 second", maxWait: "7 seconds" })
      const ticket = limiter.gate.admit(0) as number
      yield* limiter.policy(Effect.void)
      const calls = yield* Effect.replicateEffect(begin(limiter.policy(nowMillis)), 5)
      yield* adjust(500)
      limiter.gate.settle(ticket, throttled(6_000), 500)
      yield* adjust(0)
      const late = Exit.succeed(Exit.fail(refused(7_000)))
      assert.deepStrictEqual(calls.map((call) => call.pollUnsafe()), [undefined, undefined, late, late, late])
      yield* adjust("1 minute")
      assert.deepStrictEqual(yield* Fiber.joinAll(calls.slice(0, 2)), [Exit.succeed(6_500), Exit.succeed(6_500)])
    }))

  test("a shorter wish does not shorten a longer one, nor does a hint", () =>
    Effect.gen(function*() {
      const limiter = yield* make({ limit: 10, window: "1 second" })
      yield* answered(limiter, throttled(5_000))
      limiter.gate.settle(0, throttled(1_000), 0)
      limiter.hint({ remaining: 4_000, resetMillis: 60_000 }, 0)
      assert.deepStrictEqual((yield* limiter.state).retryAfter, Duration.seconds(5))
    }))

  test("other outcomes ask for nothing: a 503 has its breaker, a 429 without a wish its own pace", () =>
    Effect.gen(function*() {
      const limiter = yield* make({ limit: 10, window: "1 second" })
      yield* answered(limiter, Outcome.failure({ retryAfter: 5_000 }))
      yield* answered(limiter, Outcome.failure({ throttled: true }))
      yield* answered(limiter, Outcome.neutral)
      assert.strictEqual((yield* limiter.state).available, 7)
    }))

  test("nothing starts after the last call that the remote leaves, until the reset", () =>
    Effect.gen(function*() {
      const limiter = yield* make({ limit: 10, window: 100 })
      limiter.hint({ remaining: 2, resetMillis: 5_000 }, 0)
      assert.strictEqual((yield* limiter.state).available, 2)
      const log = yield* starts(limiter, 15)
      yield* adjust("1 minute")
      const reset = Array.from({ length: 10 }, () => 5_000)
      assert.deepStrictEqual(log, [0, 0, ...reset, 5_100, 5_100, 5_100])
    }))

  test("answers overtake each other: of one reset the lowest number stands, a later reset is another", () =>
    Effect.gen(function*() {
      const limiter = yield* make({ limit: 10, window: 100 })
      const after = (remaining: number, resetMillis: number, now: number) => {
        limiter.hint({ remaining, resetMillis }, now)
        return Effect.map(limiter.state, ({ available }) => available)
      }
      assert.strictEqual(yield* after(3, 5_000, 0), 3)
      assert.strictEqual(yield* after(4, 5_900, 0), 3)
      assert.strictEqual(yield* after(1, 5_000, 0), 1)
      assert.strictEqual(yield* after(7, 60_000, 0), 7)
      assert.strictEqual(yield* after(0, 10_000, 0), 0)
    }))

  test("a hint never allows more than the limit", () =>
    Effect.gen(function*() {
      for (const algorithm of ["token-bucket", "fixed-window", "sliding-window"] as const) {
        const limiter = yield* make({ name: algorithm, algorithm, limit: 3, window: "1 second", maxWait: 0 })
        yield* starts(limiter, 3)
        limiter.hint({ remaining: 1_000, resetMillis: 60_000, limit: 1_000 }, 0)
        limiter.hint({ remaining: 0, resetMillis: 0 }, 0)
        assert.strictEqual((yield* limiter.state).available, 0)
        assert.strictEqual((yield* limiter.state).limit, 3)
      }
    }))

  test("a hint without a number or a reset changes nothing", () =>
    Effect.gen(function*() {
      const limiter = yield* make({ limit: 3, window: "1 second" })
      for (const hint of [{}, { remaining: 0 }, { resetMillis: 1_000 }, { limit: 1 }]) limiter.hint(hint, 0)
      assert.strictEqual((yield* limiter.state).available, 3)
    }))

  test("a call that was not sent after all is still left", () =>
    Effect.gen(function*() {
      const limiter = yield* make({ limit: 10, window: "1 second" })
      limiter.hint({ remaining: 2, resetMillis: 5_000 }, 0)
      for (let i = 0; i < 5; i++) limiter.gate.settle(limiter.gate.admit(0) as number, Outcome.refused(undefined), 0)
      assert.strictEqual((yield* limiter.state).available, 2)
    }))

  test("a reset that is over says nothing of the next", () =>
    Effect.gen(function*() {
      const limiter = yield* make({ limit: 10, window: "1 second" })
      limiter.hint({ remaining: 2, resetMillis: 5_000 }, 0)
      limiter.hint({ remaining: 0, resetMillis: 0 }, 0)
      assert.strictEqual((yield* limiter.state).available, 2)
    }))

  test("H7: what the remote says counts no longer than allowed", () =>
    Effect.gen(function*() {
      const limiter = yield* make({ limit: 1, window: 10, maxHintDelay: "2 seconds" })
      limiter.hint({ remaining: 0, resetMillis: 1e15 }, 0)
      assert.deepStrictEqual((yield* limiter.state).retryAfter, Duration.seconds(2))
      limiter.gate.settle(0, throttled(1e15), 500)
      assert.deepStrictEqual((yield* limiter.state).retryAfter, Duration.millis(2_500))
      const byDefault = yield* make({ name: "default", limit: 1, window: 10 })
      byDefault.hint({ remaining: 0, resetMillis: 1e15 }, 0)
      assert.deepStrictEqual((yield* byDefault.state).retryAfter, Duration.minutes(1))
    }))

  test("H13: with no delay allowed it is ignored", () =>
    Effect.gen(function*() {
      const limiter = yield* make({ limit: 1, window: 10, maxHintDelay: 0 })
      limiter.hint({ remaining: 0, resetMillis: 5_000 }, 0)
      limiter.gate.settle(0, throttled(5_000), 0)
      assert.strictEqual((yield* limiter.state).available, 1)
    }))

  test("who waits starts earlier when the reset has brought more", () =>
    Effect.gen(function*() {
      const limiter = yield* make({ limit: 5, window: 100 })
      limiter.hint({ remaining: 0, resetMillis: 10_000 }, 0)
      const log = yield* starts(limiter, 3)
      yield* adjust("1 second")
      limiter.hint({ remaining: 2, resetMillis: 20_000 }, 1_000)
      yield* settled
      assert.deepStrictEqual(log, [1_000, 1_000])
      yield* adjust("1 minute")
      assert.deepStrictEqual(log, [1_000, 1_000, 21_000])
    }))

  test("headers are read with the limiter's own names", () =>
    Effect.gen(function*() {
      const limiter = yield* make({
        limit: 5,
        window: 100,
        hintHeaders: { remaining: "X-Left", reset: "X-Again-In", resetUnit: "millis" }
      })
      const hint = limiter.hintOf({ "x-left": "0", "x-again-in": "700" }, wall)
      assert.isDefined(hint)
      limiter.hint(hint!, 0)
      assert.deepStrictEqual((yield* limiter.state).retryAfter, Duration.millis(700))
    }))

  test("limiters of one name hear of it together", () =>
    Effect.gen(function*() {
      const [one, same] = [yield* make({ limit: 5, window: 100 }), yield* make({ limit: 5, window: 100 })]
      one.hint({ remaining: 0, resetMillis: 700 }, 0)
      assert.deepStrictEqual((yield* same.state).retryAfter, Duration.millis(700))
    }))
})
