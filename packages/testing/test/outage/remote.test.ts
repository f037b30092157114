import { describe, expect, it } from "@effect/vitest"
import * as Outage from "@switchboard/testing/Outage"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import { Remote } from "../../src/internal/outage/remote.ts"
import { VirtualTime } from "../../src/internal/outage/virtualTime.ts"

/** Exactly 100 milliseconds a request, one at a time. */
const one: Outage.Condition = { ...Outage.healthy, latency: { min: 100, mean: 100 }, workers: 1, queue: 2 }

/** What becomes of requests that are sent at these times: what and when. */
const replies = (
  options: Outage.Options,
  sendAt: ReadonlyArray<number>,
  act: (send: ReadonlyArray<{ readonly cancel: () => void }>, world: VirtualTime) => void = () => {}
) =>
  Effect.gen(function*() {
    const world = new VirtualTime()
    const random = yield* Random.withSeed(Random.Random, 1)
    const remote = new Remote(world, Outage.make("own", options), random)
    const heard: Array<string> = sendAt.map(() => "nothing")
    const sent: Array<{ readonly cancel: () => void }> = []
    sendAt.forEach((at, i) =>
      world.after(at, () => {
        sent[i] = remote.send(undefined, (reply) => {
          heard[i] = `${reply._tag === "Answer" ? reply.status : reply._tag} ${world.now}`
        })
      })
    )
    act(sent, world)
    yield* world.run(Effect.sleep("1 minute"), random)
    return { heard, remote }
  })

const well = (otherwise: Outage.Condition): Outage.Options => ({ outage: otherwise, otherwise })

describe("an instance", () => {
  it.effect("works on as many as it has workers, queues some, and answers the others with 503", () =>
    Effect.gen(function*() {
      const { heard, remote } = yield* replies(well(one), [0, 0, 0, 0, 150])
      expect(heard).toEqual(["200 100", "200 200", "200 300", "503 1", "200 400"])
      expect([remote.mostInFlight, remote.inFlight, remote.sentAt]).toEqual([4, 0, [0, 0, 0, 0, 150]])
    }))

  it.effect("goes on with a request that was given up", () =>
    Effect.gen(function*() {
      const { heard, remote } = yield* replies(well(one), [0, 0, 0], (sent, world) => {
        world.after(10, () => sent[0]!.cancel())
        world.after(20, () => sent[1]!.cancel())
        world.after(30, () => sent[1]!.cancel())
      })
      expect(heard).toEqual(["nothing", "nothing", "200 300"])
      expect(remote.inFlight).toBe(0)
    }))

  it.effect("loses what it has when it goes down", () =>
    Effect.gen(function*() {
      const down = (state: "refusing" | "silent"): Outage.Options => ({
        outage: { ...one, state },
        otherwise: one,
        begins: 50,
        lasts: 100
      })
      const refusing = yield* replies(down("refusing"), [0, 0, 60, 200])
      expect(refusing.heard).toEqual(["Reset 100", "Reset 100", "Refused 61", "200 300"])
      const silent = yield* replies(down("silent"), [0, 0, 60, 200])
      expect(silent.heard).toEqual(["nothing", "nothing", "nothing", "200 300"])
      expect(silent.remote.inFlight).toBe(3)
    }))

  it.effect("takes its quota in each second, and says when to come back", () =>
    Effect.gen(function*() {
      const limited = { ...one, workers: 9, quota: { perSecond: 2, retryAfter: 3 } }
      const { heard } = yield* replies(well(limited), [0, 500, 900, 1000])
      expect(heard).toEqual(["200 100", "200 600", "429 901", "200 1100"])
    }))

  it.effect("takes no less than its least time, and its mean on average", () =>
    Effect.gen(function*() {
      const varied = { ...one, workers: Infinity, latency: { min: 50, mean: 100 } }
      const { heard } = yield* replies(well(varied), Array.from({ length: 2000 }, () => 0))
      const took = heard.map((reply) => Number(reply.split(" ")[1]))
      expect(Math.min(...took)).toBeGreaterThanOrEqual(50)
      expect(took.reduce((sum, each) => sum + each) / took.length).toBeCloseTo(100, -1)
    }))

  it.effect("fails the share that it is said to fail", () =>
    Effect.gen(function*() {
      const failing = { ...one, workers: Infinity, failing: 0.25 }
      const { heard } = yield* replies(well(failing), Array.from({ length: 2000 }, () => 0))
      const share = heard.filter((reply) => reply.startsWith("503")).length / heard.length
      expect(share).toBeCloseTo(0.25, 1)
    }))
})

it.effect("instances take turns", () =>
  Effect.gen(function*() {
    const options: Outage.Options = {
      instances: 3,
      begins: 1,
      otherwise: one,
      outage: (_, instance) => instance === 1 ? { ...one, failing: 1 } : one
    }
    const { heard } = yield* replies(options, [5, 5, 5, 5, 5])
    expect(heard).toEqual(["200 105", "503 6", "200 105", "200 205", "503 6"])
  }))
