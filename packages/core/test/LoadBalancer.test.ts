import { assert, describe, it } from "@effect/vitest"
import { Effect, Random } from "effect"
import * as LoadBalancer from "../src/LoadBalancer.ts"
import * as Outcome from "../src/Outcome.ts"
import { random } from "./policy/rateLimit.ts"

const seeded = (name: string, body: () => Effect.Effect<void, unknown>) =>
  it.effect(name, () => Random.withSeed(body(), "balancer"))

const ids = (n: number) => Array.from({ length: n }, (_, i) => `e${i}`)
const endpoints = (n: number): ReadonlyArray<LoadBalancer.Endpoint> => ids(n).map((id) => ({ id }))

const make = (n: number, options: Partial<LoadBalancer.Options> = {}) =>
  LoadBalancer.make({ name: "test", endpoints: endpoints(n), ...options })

const picked = (pick: ReturnType<LoadBalancer.LoadBalancer["pick"]>): LoadBalancer.Pick => {
  assert.strictEqual(pick._tag, "Pick")
  return pick as LoadBalancer.Pick
}

/** How often each is picked when every call ends before the next. */
const counts = (
  balancer: LoadBalancer.LoadBalancer,
  times: number,
  options: LoadBalancer.PickOptions & { readonly now?: number } = {}
) => {
  const seen: Record<string, number> = {}
  for (let i = 0; i < times; i++) {
    const { endpoint, settle } = picked(balancer.pick(options.now ?? 0, options))
    seen[endpoint.id] = (seen[endpoint.id] ?? 0) + 1
    settle(Outcome.success, options.now ?? 0)
  }
  return seen
}

/** The endpoint fails so many times. */
const fail = (
  balancer: LoadBalancer.LoadBalancer,
  id: string,
  times: number,
  now: number,
  outcome: Outcome.Outcome = Outcome.failure()
) => {
  const tried = new Set(balancer.state(now).map(({ endpoint }) => endpoint.id).filter((other) => other !== id))
  for (let i = 0; i < times; i++) {
    const pick = picked(balancer.pick(now, { tried }))
    assert.strictEqual(pick.endpoint.id, id)
    pick.settle(outcome, now)
  }
}

const ejected = (balancer: LoadBalancer.LoadBalancer, now: number) =>
  balancer.state(now).filter(({ status }) => status === "ejected").map(({ endpoint }) => endpoint.id)

const strategies: ReadonlyArray<LoadBalancer.Strategy> = [
  "round-robin",
  "weighted-random",
  "least-in-flight",
  "consistent-hash"
]

describe("LoadBalancer", () => {
  seeded("P1: least in flight balances evenly", () =>
    Effect.gen(function*() {
      const balancer = yield* make(10)
      const seen = counts(balancer, 10_000)
      for (const id of ids(10)) {
        assert.isAbove(seen[id]!, 850)
        assert.isBelow(seen[id]!, 1_150)
      }
      // What stays in flight differs by a few at the most, where at random it would by dozens.
      for (let i = 0; i < 10_000; i++) balancer.pick(0)
      const inFlight = balancer.state(0).map((state) => state.inFlight)
      assert.isAtMost(Math.max(...inFlight) - Math.min(...inFlight), 10)
    }))

  seeded("P1: a slow endpoint gets less", () =>
    Effect.gen(function*() {
      const balancer = yield* make(3)
      const running: Array<{ readonly pick: LoadBalancer.Pick; readonly ends: number }> = []
      const seen: Record<string, number> = {}
      for (let now = 0; now < 5_000; now++) {
        for (let i = running.length - 1; i >= 0; i--) {
          if (running[i]!.ends > now) continue
          running.splice(i, 1)[0]!.pick.settle(Outcome.success, now)
        }
        const pick = picked(balancer.pick(now))
        seen[pick.endpoint.id] = (seen[pick.endpoint.id] ?? 0) + 1
        running.push({ pick, ends: now + (pick.endpoint.id === "e0" ? 100 : 10) })
      }
      assert.isBelow(seen["e0"]!, 0.4 * seen["e1"]!)
    }))

  for (const strategy of strategies) {
    seeded(`P1: what is down is skipped, and picked again when it is up (${strategy})`, () =>
      Effect.gen(function*() {
        const balancer = yield* make(3, { strategy })
        balancer.mark("e1", "down")
        balancer.mark("unknown", "down")
        assert.sameMembers(Object.keys(counts(balancer, 200)), ["e0", "e2"])
        assert.deepStrictEqual(balancer.state(0).map(({ status }) => status), ["up", "down", "up"])
        balancer.mark("e1", "up")
        assert.sameMembers(Object.keys(counts(balancer, 200)), ids(3))
      }))

    seeded(`P3: nothing to pick is a refusal at once (${strategy})`, () =>
      Effect.gen(function*() {
        const balancer = yield* make(0, { strategy, name: "coffee/Stock" })
        const none = balancer.pick(0)
        assert.deepInclude(none, { _tag: "Refusal", retryAfter: undefined })
        if (none._tag === "Refusal") {
          const reason = none.reason()
          assert.deepInclude(reason, { _tag: "NoEndpoint", service: "coffee/Stock" })
          assert.deepStrictEqual(Outcome.fromReason(reason), Outcome.refused(undefined))
        }
        yield* balancer.update(endpoints(2))
        balancer.mark("e0", "down")
        balancer.mark("e1", "down")
        assert.strictEqual(balancer.pick(0)._tag, "Refusal")
        balancer.mark("e1", "up")
        assert.strictEqual(picked(balancer.pick(0)).endpoint.id, "e1")
      }))

    seeded(
      `prefers one that was not tried, and takes one that was where there is no other (${strategy})`,
      () =>
        Effect.gen(function*() {
          const balancer = yield* make(3, { strategy })
          assert.sameMembers(Object.keys(counts(balancer, 100, { tried: new Set(["e0", "e2", "gone"]) })), ["e1"])
          assert.sameMembers(Object.keys(counts(balancer, 300, { tried: new Set(ids(3)) })), ids(3))
          balancer.mark("e1", "down")
          assert.sameMembers(Object.keys(counts(balancer, 100, { tried: new Set(["e0"]) })), ["e2"])
        })
    )

    seeded(`one endpoint gets everything (${strategy})`, () =>
      Effect.gen(function*() {
        const balancer = yield* make(1, { strategy })
        assert.deepStrictEqual(counts(balancer, 50), { e0: 50 })
        assert.deepStrictEqual(counts(balancer, 50, { key: "k" }), { e0: 50 })
      }))
  }

  seeded("round robin takes one after the other", () =>
    Effect.gen(function*() {
      const balancer = yield* make(3, { strategy: "round-robin" })
      const order = Array.from({ length: 7 }, () => picked(balancer.pick(0)).endpoint.id)
      assert.deepStrictEqual(order, ["e0", "e1", "e2", "e0", "e1", "e2", "e0"])
    }))

  for (const strategy of ["weighted-random", "consistent-hash", "least-in-flight"] as const) {
    seeded(`weights are kept to (${strategy})`, () =>
      Effect.gen(function*() {
        const weights: Record<string, number> = { light: 1, heavy: 3, double: 2 }
        const balancer = yield* make(0, {
          strategy,
          endpoints: Object.entries(weights).map(([id, weight]) => ({ id, weight }))
        })
        // In flight together, so that what is in flight is what weighs.
        const seen: Record<string, number> = {}
        for (let i = 0; i < 6_000; i++) {
          const { id } = picked(balancer.pick(0)).endpoint
          seen[id] = (seen[id] ?? 0) + 1
        }
        for (const [id, weight] of Object.entries(weights)) {
          assert.isAbove(seen[id]!, weight * 900, id)
          assert.isBelow(seen[id]!, weight * 1_100, id)
        }
      }))
  }

  seeded("consistent hash: a key stays where it is, whoever else comes or goes", () =>
    Effect.gen(function*() {
      const balancer = yield* make(10, { strategy: "consistent-hash" })
      const keys = Array.from({ length: 2_000 }, (_, i) => `key ${i}`)
      const homes = () => keys.map((key) => picked(balancer.pick(0, { key })).endpoint.id)
      const before = homes()
      assert.deepStrictEqual(homes(), before)
      const shares = ids(10).map((id) => before.filter((home) => home === id).length)
      for (const share of shares) assert.isTrue(share > 140 && share < 260, `${shares}`)
      // The keys of the one that is down go elsewhere, evenly; no other moves.
      balancer.mark("e3", "down")
      const without = homes()
      const moved = keys.filter((_, i) => without[i] !== before[i])
      assert.strictEqual(moved.length, before.filter((home) => home === "e3").length)
      assert.strictEqual(new Set(without.filter((_, i) => before[i] === "e3")).size, 9)
      balancer.mark("e3", "up")
      assert.deepStrictEqual(homes(), before)
      // Those that move when one comes move to it.
      yield* balancer.update(endpoints(11))
      homes().forEach((home, i) => assert.isTrue(home === before[i] || home === "e10"))
    }))

  seeded("endpoints come and go; of those that stay everything is known still", () =>
    Effect.gen(function*() {
      const balancer = yield* make(3)
      const held = [0, 1, 2].map((i) =>
        picked(balancer.pick(0, { tried: new Set(ids(3).filter((id) => id !== `e${i}`)) }))
      )
      fail(balancer, "e1", 5, 0)
      balancer.mark("e2", "down")
      yield* balancer.update([{ id: "e1" }, { id: "e2" }, { id: "new" }])
      assert.deepStrictEqual(
        balancer.state(0).map(({ endpoint, inFlight, status }) => [endpoint.id, status, inFlight]),
        [["e1", "ejected", 1], ["e2", "down", 1], ["new", "up", 0]]
      )
      for (const pick of held) pick.settle(Outcome.success, 0)
      assert.deepStrictEqual(balancer.state(0).map(({ inFlight }) => inFlight), [0, 0, 0])
      assert.deepStrictEqual(Object.keys(counts(balancer, 20)), ["new"])
    }))

  seeded("an attempt is settled once, however often it is told", () =>
    Effect.gen(function*() {
      const balancer = yield* make(1, { ejection: { consecutiveFailures: 2, maxPercent: 100 } })
      const pick = picked(balancer.pick(0))
      for (let i = 0; i < 5; i++) pick.settle(Outcome.failure(), 0)
      assert.deepInclude(balancer.state(0)[0], { inFlight: 0, status: "up" })
    }))

  seeded("in flight is what was picked and not settled, whatever happens", () =>
    Effect.gen(function*() {
      for (const strategy of strategies) {
        const next = random(7)
        const balancer = yield* make(5, { strategy })
        let open: Array<LoadBalancer.Pick> = []
        for (let step = 0, now = 0; step < 2_000; step++) {
          now += next() * 1_000
          const dice = next()
          const some = ids(5)[Math.floor(next() * 5)]!
          if (dice < 0.5) {
            const pick = balancer.pick(now, next() < 0.3 ? { tried: new Set([some]) } : { key: some })
            if (pick._tag === "Pick") open.push(pick)
          } else if (dice < 0.9 && open.length > 0) {
            const [pick] = open.splice(Math.floor(next() * open.length), 1)
            pick!.settle(next() < 0.6 ? Outcome.failure() : next() < 0.5 ? Outcome.neutral : Outcome.success, now)
          } else balancer.mark(some, next() < 0.5 ? "down" : "up")
          const all = balancer.state(now)
          for (const { endpoint, inFlight } of all) {
            assert.strictEqual(inFlight, open.filter((pick) => pick.endpoint.id === endpoint.id).length)
          }
          assert.isAtMost(all.filter(({ ejectedFor }) => ejectedFor > 0).length, 2, "P4: at most half of five")
        }
        open.forEach((pick) => pick.settle(Outcome.success, 0))
        open = []
      }
    }))
})

describe("LoadBalancer, ejection", () => {
  seeded("P4: so many failures in a row eject, and nothing else does", () =>
    Effect.gen(function*() {
      const balancer = yield* make(4)
      fail(balancer, "e0", 4, 0)
      fail(balancer, "e0", 1, 0, Outcome.success)
      fail(balancer, "e0", 4, 0)
      fail(balancer, "e0", 10, 0, Outcome.neutral)
      fail(balancer, "e0", 10, 0, Outcome.failure({ throttled: true }))
      assert.deepStrictEqual(ejected(balancer, 0), [])
      fail(balancer, "e0", 1, 0)
      assert.deepStrictEqual(ejected(balancer, 0), ["e0"])
      assert.sameMembers(Object.keys(counts(balancer, 200)), ["e1", "e2", "e3"])
    }))

  seeded("P4: never more than the share of all that may be", () =>
    Effect.gen(function*() {
      for (const [maxPercent, most] of [[0, 0], [24, 0], [25, 1], [50, 2], [99, 3], [100, 4]] as const) {
        const balancer = yield* make(4, { ejection: { maxPercent } })
        for (const id of ids(most)) fail(balancer, id, 5, 0)
        for (const id of ids(4).slice(most)) fail(balancer, id, 20, 0)
        assert.lengthOf(ejected(balancer, 0), most, `${maxPercent} %`)
      }
    }))

  seeded(
    "P4: one that failed while no more could be ejected is ejected by its next failure, when it can be",
    () =>
      Effect.gen(function*() {
        const balancer = yield* make(2)
        fail(balancer, "e0", 5, 0)
        fail(balancer, "e1", 9, 0)
        assert.deepStrictEqual(ejected(balancer, 0), ["e0"])
        fail(balancer, "e1", 1, 30_000)
        assert.deepStrictEqual(ejected(balancer, 30_000), ["e1"])
      })
  )

  seeded(
    "P4: each ejection takes longer, up to the maximum, and good times make up for it",
    () =>
      Effect.gen(function*() {
        const balancer = yield* make(2, { ejection: { baseTime: "10 seconds", maxTime: "35 seconds" } })
        let now = 0
        const ejections: Array<number> = []
        const again = () => {
          fail(balancer, "e0", 5, now)
          const { ejectedFor } = balancer.state(now)[0]!
          ejections.push(ejectedFor)
          now += ejectedFor
        }
        for (let i = 0; i < 6; i++) again()
        assert.deepStrictEqual(ejections, [10_000, 20_000, 30_000, 35_000, 35_000, 35_000])
        now += 20_000
        again()
        assert.strictEqual(ejections.at(-1), 30_000)
        now += 9_999
        again()
        assert.strictEqual(ejections.at(-1), 35_000)
        now += 3_600_000
        again()
        assert.strictEqual(ejections.at(-1), 10_000)
      })
  )

  seeded(
    "P5: it is picked again after its time, to the millisecond, and has to fail as often as any other",
    () =>
      Effect.gen(function*() {
        const balancer = yield* make(2)
        fail(balancer, "e0", 5, 1_000)
        assert.deepStrictEqual(Object.keys(counts(balancer, 100, { now: 30_999 })), ["e1"])
        assert.sameMembers(Object.keys(counts(balancer, 100, { now: 31_000 })), ["e0", "e1"])
        fail(balancer, "e0", 4, 31_000)
        assert.deepStrictEqual(ejected(balancer, 31_000), [])
      })
  )

  seeded("P5: two that are ejected come back each at its time", () =>
    Effect.gen(function*() {
      const balancer = yield* make(4)
      fail(balancer, "e0", 5, 0)
      fail(balancer, "e1", 5, 10_000)
      const seen = (now: number) => Object.keys(counts(balancer, 300, { now })).toSorted()
      assert.deepStrictEqual(seen(29_999), ["e2", "e3"])
      assert.deepStrictEqual(seen(30_000), ["e0", "e2", "e3"])
      assert.deepStrictEqual(seen(40_000), ids(4))
    }))

  seeded("late failures of an ejected endpoint do not prolong it", () =>
    Effect.gen(function*() {
      const balancer = yield* make(2)
      const tried = new Set(["e1"])
      const late = Array.from({ length: 10 }, () => picked(balancer.pick(0, { tried })))
      fail(balancer, "e0", 5, 0)
      for (const pick of late) pick.settle(Outcome.failure(), 1_000)
      assert.strictEqual(balancer.state(1_000)[0]!.ejectedFor, 29_000)
      fail(balancer, "e0", 4, 30_000)
      assert.deepStrictEqual(ejected(balancer, 30_000), [])
    }))

  seeded("P3: where all but the ejected are down, those are used after all", () =>
    Effect.gen(function*() {
      const balancer = yield* make(2)
      fail(balancer, "e0", 5, 0)
      balancer.mark("e1", "down")
      assert.deepStrictEqual(Object.keys(counts(balancer, 20)), ["e0"])
      balancer.mark("e1", "up")
      assert.deepStrictEqual(Object.keys(counts(balancer, 20)), ["e1"])
    }))

  seeded("false ejects none", () =>
    Effect.gen(function*() {
      const balancer = yield* make(2, { ejection: false })
      fail(balancer, "e0", 1_000, 0)
      assert.deepStrictEqual(ejected(balancer, 0), [])
    }))

  seeded(
    "a first ejection that is longer than 5 minutes is the longest, where nothing else is said",
    () =>
      Effect.gen(function*() {
        const balancer = yield* make(2, { ejection: { baseTime: "10 minutes" } })
        fail(balancer, "e0", 5, 0)
        assert.deepStrictEqual(ejected(balancer, 599_999), ["e0"])
        assert.deepStrictEqual(ejected(balancer, 600_000), [])
      })
  )

  it.effect("P5: refuses what cannot work, all at once, by name", () =>
    Effect.gen(function*() {
      const wrong = yield* Effect.flip(make(0, {
        strategy: "best" as LoadBalancer.Strategy,
        ejection: { consecutiveFailures: 0, baseTime: 0, maxTime: Infinity, maxPercent: 101 },
        endpoints: [{ id: "a" }, { id: "", weight: 0 }, { id: "a", weight: Infinity }]
      }))
      assert.deepStrictEqual(wrong.problems.map(({ option }) => option), [
        "strategy",
        "ejection.consecutiveFailures",
        "ejection.baseTime",
        "ejection.maxTime",
        "ejection.maxPercent",
        "endpoints[1].id",
        "endpoints[1].weight",
        "endpoints[2].id",
        "endpoints[2].weight"
      ])
      const short = yield* Effect.flip(make(1, { ejection: { baseTime: "1 minute", maxTime: "59 seconds" } }))
      assert.deepStrictEqual(short.problems.map(({ option }) => option), ["ejection.maxTime"])
      const balancer = yield* make(1)
      const { problems } = yield* Effect.flip(balancer.update([{ id: "a" }, { id: "a" }]))
      assert.deepStrictEqual(problems.map(({ option }) => option), ["endpoints[1].id"])
      assert.deepStrictEqual(balancer.state(0).map(({ endpoint }) => endpoint.id), ["e0"])
    }))
})
