/**
 * What our defaults do in each outage, beside other ways of making calls: the goals they are held to, and the tables of
 * `docs/outages.md`. Rewrite these with `pnpm guards -u`.
 */
import * as Events from "@switchboard/core/Events"
import * as Outage from "@switchboard/testing/Outage"
import * as OutageSimulator from "@switchboard/testing/OutageSimulator"
import * as OutageStrategy from "@switchboard/testing/OutageStrategy"
import { Effect } from "effect"
import { join } from "node:path"
import { beforeAll, describe, expect, it } from "vitest"
import { contenders, defaults } from "../packages/testing/test/contenders.ts"
import { read } from "./documents.ts"
import { root } from "./sources.ts"

const scenarios = Outage.all()
let reports: ReadonlyArray<OutageSimulator.Report> = []

beforeAll(async () => {
  reports = await Effect.runPromise(OutageSimulator.compare({ scenarios, strategies: contenders }))
}, 60_000)

const ours = (name: string): OutageSimulator.Report =>
  reports.find(({ scenario, strategy }) => scenario.name === name && strategy === defaults.name)!

it("docs/outages.md has what they came to", async () => {
  const marked = /(<!-- tables: written by .* -->\n)[^]*(<!-- tables: end -->)/
  const tables = OutageSimulator.table(reports)
  const text = read("docs/outages.md").replace(marked, (_, begin, end) => `${begin}\n${tables}\n\n${end}`)
  expect(text).toContain(tables)
  await expect(text).toMatchFileSnapshot(join(root, "docs/outages.md"))
})

describe("our defaults", () => {
  it.each(["dead host", "silent host"])("send a %s at most 1.2 requests for each call", (name) => {
    expect(ours(name).outage.amplification).toBeLessThanOrEqual(1.2)
  })

  it.each(scenarios.map(({ name }) => name))("are never wedged: %s", (name) => {
    const { recovery, scenario } = ours(name)
    expect(recovery).toBeLessThan(scenario.length - scenario.ends)
  })
})

describe("a circuit closes with the first probes that are due after the outage", () => {
  const settings = {
    "by default": {},
    "with two successes of three probes": {
      resetTimeout: "5 seconds",
      resetFactor: 1,
      halfOpenMaxCalls: 3,
      successThreshold: 2
    }
  } as const

  it.each(Object.entries(settings))("%s", async (_, breaker) => {
    const scenario = Outage.deadHost()
    const changes: Array<Extract<Events.IntegrationEvent, { readonly _tag: "CircuitChanged" }>> = []
    const listener: Events.Listener = (event) => {
      if (event._tag === "CircuitChanged") changes.push(event)
    }
    // Calls do not wait for the circuit, so that every call after it is due is a probe or a success.
    const strategy = OutageStrategy.fromSettings("ours", { breaker, retry: false })
    const { recovery } = await Effect.runPromise(
      OutageSimulator.simulate(scenario, strategy).pipe(Effect.provideService(Events.CurrentListener, listener))
    )
    const last = changes.findLast(({ to }) => to === "Open")!
    const due = last.at + last.retryAfter! - scenario.ends
    expect(last.at).toBeLessThan(scenario.ends)
    expect(changes.filter(({ at }) => at >= scenario.ends).map(({ to }) => to)).toEqual(["HalfOpen", "Closed"])
    // What is open still, and then as long as the probes take, which began with the next callers to arrive.
    expect(recovery).toBeLessThan(Math.max(0, due) + 1000)
  })
})
