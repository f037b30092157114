/**
 * What a way of making calls does in an outage, found out in virtual time: how much load it puts on a remote that is in
 * trouble, what callers get meanwhile, and how long after the end of the trouble they are served again.
 *
 * The whole pipeline runs, over a simulated remote. Everything random comes from a seed: the same run gives the same
 * numbers, on any machine.
 *
 * @example
 * const reports = yield* OutageSimulator.compare({
 *   scenarios: [Outage.deadHost(), Outage.brownOut()],
 *   strategies: [OutageStrategy.fromSettings("defaults"), OutageStrategy.fromSettings("mine", { retry: { maxRetries: 1 } })]
 * })
 * console.log(OutageSimulator.table(reports))
 */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Load from "./internal/outage/load.ts"
import { measure, type Measures } from "./internal/outage/measure.ts"
import { Remote } from "./internal/outage/remote.ts"
import { table as rendered } from "./internal/outage/table.ts"
import { VirtualTime } from "./internal/outage/virtualTime.ts"
import { client } from "./internal/outage/wire.ts"
import type { Scenario } from "./Outage.ts"
import type { Strategy } from "./OutageStrategy.ts"

export type { Measures }

/** What one strategy did in one outage. */
export interface Report extends Measures {
  readonly scenario: Scenario
  readonly strategy: string
}

export interface Options {
  /** Makes a run repeat itself: default 1. */
  readonly seed?: string | number | undefined
}

/**
 * One strategy in one outage, in a world of its own: it takes no time on the clock of the caller. A call that waits for
 * something outside of that world, such as a real socket, is a defect.
 */
export const simulate = <E>(
  scenario: Scenario,
  strategy: Strategy<E>,
  { seed = 1 }: Options = {}
): Effect.Effect<Report, E> =>
  Effect.gen(function*() {
    // Callers arrive alike whatever the strategy draws for its waits.
    const random = (of: string) => Random.withSeed(Random.Random, `${seed} ${of}`)
    const [arrivals, remote, waits] = yield* Effect.all([random("arrivals"), random("remote"), random("waits")])
    const world = new VirtualTime()
    const far = new Remote(world, scenario, remote)
    const calls = yield* world.run(
      Effect.scoped(Effect.flatMap(strategy.prepare(client(far)), (call) => Load.run(world, scenario, arrivals, call))),
      waits
    )
    const { mostInFlight, sentAt } = far
    return { ...measure(scenario, { calls, sentAt, mostInFlight }), scenario, strategy: strategy.name }
  })

/** Every strategy in every outage. */
export const compare = <E>(
  { scenarios, seed, strategies }: Options & {
    readonly scenarios: ReadonlyArray<Scenario>
    readonly strategies: ReadonlyArray<Strategy<E>>
  }
): Effect.Effect<ReadonlyArray<Report>, E> =>
  Effect.forEach(
    scenarios.flatMap((scenario) => strategies.map((strategy) => [scenario, strategy] as const)),
    ([scenario, strategy]) => simulate(scenario, strategy, { seed })
  )

/**
 * Reports as Markdown, a heading and a table for each outage. All but the last column of failures, `recovered after`, `in
 * flight` and `waiting` are of the calls made while the outage lasted.
 */
export const table: (reports: ReadonlyArray<Report>) => string = rendered
