import * as Outage from "@switchboard/testing/Outage"
import { describe, expect, it } from "vitest"

const { condition: _, ...frame } = Outage.make("own", { outage: Outage.healthy })

describe("an outage", () => {
  it("has defaults for everything but what goes wrong", () => {
    expect(frame).toEqual({
      name: "own",
      description: "",
      callsPerSecond: 30,
      instances: 1,
      begins: 10_000,
      ends: 70_000,
      length: 145_000,
      patience: 60_000
    })
  })

  it("lasts from its beginning to just before its end", () => {
    const { condition } = Outage.deadHost({ begins: "1 second", lasts: "2 seconds" })
    expect([0, 999, 1000, 2999, 3000].map((at) => condition(at, 0).state)).toEqual([
      "answering",
      "answering",
      "refusing",
      "refusing",
      "answering"
    ])
  })

  it("is told how long it has lasted, and of which instance it is asked", () => {
    const seen: Array<readonly [number, number]> = []
    const { condition } = Outage.make("own", {
      instances: 2,
      begins: "1 second",
      outage: (since, instance) => {
        seen.push([since, instance])
        return Outage.healthy
      }
    })
    condition(500, 1)
    condition(1500, 1)
    expect(seen).toEqual([[500, 1]])
  })

  it("is well otherwise, or whatever it is said to be", () => {
    const busy = { ...Outage.healthy, workers: 3 }
    expect(Outage.deadHost().condition(0, 0)).toBe(Outage.healthy)
    expect(Outage.make("own", { outage: Outage.healthy, otherwise: busy }).condition(0, 0)).toBe(busy)
  })

  it.each([
    ["callsPerSecond", () => Outage.deadHost({ callsPerSecond: 0 })],
    ["begins", () => Outage.deadHost({ begins: 0 })],
    ["lasts", () => Outage.deadHost({ lasts: Infinity })],
    ["after", () => Outage.deadHost({ after: -1 })],
    ["patience", () => Outage.deadHost({ patience: Number.NaN })],
    ["instances", () => Outage.make("own", { outage: Outage.healthy, instances: 1.5 })],
    ["workers", () => Outage.brownOut({ workers: 0 })],
    ["mean", () => Outage.slowHost({ min: 2, mean: 1 })],
    ["min", () => Outage.slowHost({ min: -1 })],
    ["perSecond", () => Outage.rateLimitStorm({ perSecond: -1 })],
    ["retryAfter", () => Outage.rateLimitStorm({ retryAfter: 0.5 })],
    ["down", () => Outage.flapping({ down: 0 })]
  ])("refuses %s out of its range", (name, make) => {
    expect(make).toThrow(new RegExp(`^Outage: ${name} is out of its range`))
  })
})

describe("the outages that are given", () => {
  const during = (scenario: Outage.Scenario, since = 0, instance = 0) =>
    scenario.condition(scenario.begins + since, instance)

  it("are seven, with what is asked for", () => {
    expect(Outage.all({ callsPerSecond: 7 }).map(({ callsPerSecond, name }) => [name, callsPerSecond])).toEqual([
      ["dead host", 7],
      ["silent host", 7],
      ["brown-out", 7],
      ["slow host", 7],
      ["flapping", 7],
      ["429 storm", 7],
      ["one bad instance of three", 7]
    ])
  })

  it("flap: first down, then up", () => {
    const scenario = Outage.flapping({ down: "2 seconds", up: "1 second" })
    expect([0, 1999, 2000, 2999, 3000].map((since) => during(scenario, since).state)).toEqual([
      "refusing",
      "refusing",
      "answering",
      "answering",
      "refusing"
    ])
  })

  it("take workers, time, quota or an instance away", () => {
    expect(during(Outage.brownOut({ workers: 2 })).workers).toBe(2)
    expect(during(Outage.slowHost({ mean: 900 })).latency).toEqual({ min: 600, mean: 900 })
    expect(during(Outage.rateLimitStorm({ perSecond: 3, retryAfter: 9 })).quota).toEqual({
      perSecond: 3,
      retryAfter: 9
    })
    expect([0, 1, 2].map((instance) => during(Outage.oneBadInstance(), 0, instance).failing)).toEqual([1, 0, 0])
    const bad: Outage.Condition = { ...Outage.healthy, state: "silent" }
    expect(during(Outage.oneBadInstance({ bad }))).toBe(bad)
  })
})
