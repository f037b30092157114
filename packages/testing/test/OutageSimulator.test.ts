import { describe, expect, it } from "@effect/vitest"
import * as Events from "@switchboard/core/Events"
import { InvalidOptions } from "@switchboard/core/InvalidOptions"
import * as Outage from "@switchboard/testing/Outage"
import * as OutageSimulator from "@switchboard/testing/OutageSimulator"
import * as OutageStrategy from "@switchboard/testing/OutageStrategy"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"

const { simulate } = OutageSimulator
const { fromClient, fromSettings } = OutageStrategy

/** Few calls, and an outage that is over soon. */
const small: Outage.Load = { callsPerSecond: 10, begins: "5 seconds", lasts: "20 seconds", after: "40 seconds" }

const plain = fromClient("plain", Effect.succeed)
const defaults = fromSettings("defaults")

describe("a simulation", () => {
  it.effect("is the same for the same seed, and another for another", () =>
    Effect.gen(function*() {
      const scenario = Outage.oneBadInstance(small)
      const [first, again, other] = yield* Effect.forEach([1, 1, 2], (seed) => simulate(scenario, defaults, { seed }))
      expect(again).toEqual(first)
      expect(other).not.toEqual(first)
    }))

  it.effect("brings the same callers to every strategy", () =>
    Effect.gen(function*() {
      const scenario = Outage.deadHost(small)
      const arrivals = (draws: number) => {
        const at: Array<number> = []
        const arrived = Effect.map(Clock.currentTimeMillis, (now) => void at.push(now))
        const drawing = Effect.repeat(Random.next, { times: draws })
        const strategy = OutageStrategy.make("own", () => Effect.succeed(Effect.andThen(arrived, drawing)))
        return Effect.as(simulate(scenario, strategy), at)
      }
      expect(yield* arrivals(3)).toEqual(yield* arrivals(0))
    }))

  it.effect("has callers who arrive at the rate that was asked for, and no longer than that", () =>
    Effect.gen(function*() {
      const { calls, succeeded } = yield* simulate(
        Outage.make("none", { ...small, callsPerSecond: 50, outage: Outage.healthy }),
        plain
      )
      expect(Math.abs(calls - 50 * 65)).toBeLessThan(200)
      expect(succeeded).toBe(1)
    }))

  it.effect("has callers who give up, and with them their requests", () =>
    Effect.gen(function*() {
      const { failures, mostInFlight, outage } = yield* simulate(
        Outage.silentHost({ ...small, patience: "3 seconds" }),
        plain
      )
      expect(failures.map(([reason]) => reason)).toEqual(["GaveUp"])
      expect(failures[0]![1]).toBeGreaterThanOrEqual(outage.calls)
      expect([outage.p50, outage.p99]).toEqual([3000, 3000])
      expect(mostInFlight).toBeLessThan(outage.calls / 2)
    }))

  it.effect("is not held up by a call that cannot be interrupted", () =>
    Effect.gen(function*() {
      const stubborn = OutageStrategy.make("stubborn", () => Effect.succeed(Effect.uninterruptible(Effect.never)))
      const { failures } = yield* simulate(Outage.deadHost({ ...small, patience: "1 second" }), stubborn)
      expect(failures.map(([reason]) => reason)).toEqual(["GaveUp"])
    }))

  it.effect("fails as the strategy does that cannot be made", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(simulate(Outage.deadHost(small), fromSettings("wrong", { totalTimeout: 0 })))
      expect(error).toBeInstanceOf(InvalidOptions)
      expect(error.message).toContain("totalTimeout")
    }))

  it.effect("tells what listens outside, and leaves the clock outside alone", () =>
    Effect.gen(function*() {
      const told: Array<string> = []
      const listener: Events.Listener = (event) => {
        if (event._tag === "CircuitChanged") told.push(event.to)
      }
      yield* Effect.provideService(simulate(Outage.deadHost(small), defaults), Events.CurrentListener, listener)
      expect(told).toEqual(["Open", "HalfOpen", "Closed"])
      expect(yield* Clock.currentTimeMillis).toBe(0)
    }))
})

describe("what is measured", () => {
  it.effect("is worse for settings that are worse", () =>
    Effect.gen(function*() {
      const scenario = Outage.deadHost(small)
      const good = yield* simulate(scenario, defaults)
      const eager = yield* simulate(scenario, fromSettings("eager", { breaker: false, retry: { budget: false } }))
      const slow = yield* simulate(scenario, fromSettings("slow", { breaker: { resetTimeout: "55 seconds" } }))
      expect(good.outage.amplification).toBeLessThan(0.1)
      expect(eager.outage.amplification).toBeGreaterThan(3.5)
      expect([good.outage.shed > 0.9, eager.outage.shed]).toEqual([true, 0])
      expect(good.recovery).toBeLessThan(12_000)
      expect(slow.recovery ?? Infinity).toBeGreaterThan(33_000)
    }))

  it.effect("names what failed, whichever library it failed in", () =>
    Effect.gen(function*() {
      const storm = Outage.rateLimitStorm(small)
      const reasons = (scenario: Outage.Scenario, strategy: OutageStrategy.Strategy<unknown>) =>
        Effect.map(simulate(scenario, strategy), ({ failures }) => failures.map(([reason]) => reason))
      expect(yield* reasons(Outage.oneBadInstance(small), plain)).toEqual(["503"])
      expect(yield* reasons(Outage.deadHost(small), plain)).toEqual(["TransportError"])
      const once = fromSettings("once", { retry: false, breaker: false })
      expect(yield* reasons(Outage.oneBadInstance(small), once)).toEqual(["503"])
      expect(yield* reasons(Outage.deadHost(small), once)).toEqual(["Transport"])
      expect(yield* reasons(Outage.rateLimitStorm({ ...small, perSecond: 2 }), once)).toEqual(["RateLimited"])
      const dies = OutageStrategy.make("dies", () => Effect.succeed(Effect.die("no")))
      expect(yield* reasons(storm, dies)).toEqual(["Defect"])
      const stops = OutageStrategy.make("stops", () => Effect.succeed(Effect.interrupt))
      expect(yield* reasons(storm, stops)).toEqual(["Interrupted"])
      const own = OutageStrategy.make("own", () => Effect.succeed(Effect.fail({ _tag: "Own" })))
      expect(yield* reasons(storm, own)).toEqual(["Own"])
    }))

  it.effect("finds out who is wedged", () =>
    Effect.gen(function*() {
      // A circuit by hand, which never hears of a probe that was interrupted.
      const wedging = OutageStrategy.make("wedging", (client) =>
        Effect.sync(() => {
          let state: "closed" | "open" | "probing" = "closed"
          const get = Effect.timeout(client.get("https://remote.example/"), "1 second")
          return Effect.suspend((): Effect.Effect<unknown, unknown> => {
            if (state === "probing") return Effect.fail("refused")
            const probe = state === "open"
            if (probe) state = "probing"
            return Effect.matchEffect(probe ? client.get("https://remote.example/") : get, {
              onFailure: (error) => {
                state = "open"
                return Effect.fail(error)
              },
              onSuccess: (response) => {
                state = "closed"
                return Effect.succeed(response)
              }
            })
          })
        }))
      expect((yield* simulate(Outage.deadHost(small), wedging)).recovery).toBeLessThan(100)
      const wedged = yield* simulate(Outage.silentHost({ ...small, patience: "5 seconds" }), wedging)
      expect(wedged.recovery).toBeUndefined()
    }))

  it.effect("counts no more requests at once than there are connections", () =>
    Effect.gen(function*() {
      const scenario = Outage.slowHost(small)
      const pool = { maxConnections: 4 }
      const bounded = yield* simulate(scenario, fromSettings("bounded", { pool, bulkhead: false }))
      expect(bounded.mostInFlight).toBe(4)
      expect(bounded.mostWaiting).toBeGreaterThan(20)
      expect((yield* simulate(scenario, plain)).mostInFlight).toBeGreaterThan(20)
    }))
})

describe("a comparison", () => {
  it.effect("has every strategy in every outage, and prints one table for each outage", () =>
    Effect.gen(function*() {
      const reports = yield* OutageSimulator.compare({
        scenarios: [Outage.deadHost(small), Outage.slowHost(small)],
        strategies: [plain, defaults]
      })
      expect(reports.map(({ scenario, strategy }) => `${scenario.name}: ${strategy}`)).toEqual([
        "dead host: plain",
        "dead host: defaults",
        "slow host: plain",
        "slow host: defaults"
      ])
      expect(OutageSimulator.table(reports)).toMatchInlineSnapshot(`
        "### Dead host

        Nobody listens. Every request is refused at once.

        | strategy | succeeded | amplification | shed | recovered after | p50 | p99 | in flight | waiting | failed |
        | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
        | plain | 0.0 % | 1.00 | 0.0 % | 0.00 s | 0.00 s | 0.00 s | 7 | 7 | TransportError 207 |
        | defaults | 0.0 % | 0.01 | 99.0 % | 9.85 s | 0.00 s | 0.00 s | 16 | 89 | CircuitOpen 232 |

        ### Slow host

        It answers correctly, after 3 seconds on average, however many ask.

        | strategy | succeeded | amplification | shed | recovered after | p50 | p99 | in flight | waiting | failed |
        | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
        | plain | 100.0 % | 1.00 | 0.0 % | 0.00 s | 2.79 s | 6.59 s | 39 | 39 | – |
        | defaults | 100.0 % | 0.52 | 0.0 % | 0.00 s | 7.38 s | 12.95 s | 16 | 119 | – |"
      `)
    }))

  it("says of a strategy that did not recover that it never did", () => {
    const scenario = Outage.deadHost()
    const report: OutageSimulator.Report = {
      scenario,
      strategy: "own",
      calls: 10,
      requests: 20,
      succeeded: 0,
      outage: { calls: 5, requests: 6, amplification: 1.2, shed: 0.125, succeeded: 0, p50: 0, p99: 1234.5 },
      recovery: undefined,
      mostInFlight: 3,
      mostWaiting: 4,
      failures: [["503", 7], ["GaveUp", 3]]
    }
    expect(OutageSimulator.table([report]).split("\n").at(-1)).toBe(
      "| own | 0.0 % | 1.20 | 12.5 % | **never** | 0.00 s | 1.23 s | 3 | 4 | 503 7, GaveUp 3 |"
    )
  })
})
