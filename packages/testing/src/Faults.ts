/**
 * Faults between an integration and its transport, nearest to the wire, so that everything above is exercised.
 *
 * Wraps an `HttpClient` and, where it carries one, its transport. Reproducible by seed; can be changed, switched off
 * and on while it runs. A caller that gives up while it is made to wait has sent nothing.
 *
 * @example
 * const Unreliable = Faults.layer({
 *   seed: 1,
 *   faults: [
 *     Fault.latency({ min: "20 millis", max: "200 millis" }, { rate: 0.3 }),
 *     Fault.lost({ rate: 0.05 }),
 *     ...Fault.during("5 seconds", "12 seconds", [Fault.status(503, { headers: { "retry-after": "1" } })])
 *   ]
 * }).pipe(Layer.provide(NodeSwitchboard.layer))
 */
import * as Transport from "@switchboard/core/Transport"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as Ref from "effect/Ref"
import type { Fault } from "./Fault.ts"
import * as Faulty from "./internal/faulty.ts"
import { decide, prepare } from "./internal/injector.ts"

/** What goes wrong. */
export interface Plan {
  /** Asked in order; latencies add up, of the others the first that strikes wins. */
  readonly faults: ReadonlyArray<Fault>
  /** The part of the requests the faults are considered for, from 0 to 1; coerced to that. Default 1. */
  readonly rate?: number | undefined
}

export interface Options extends Plan {
  /** Makes a run repeat itself. Default: the `Random` service in the environment of the layer. */
  readonly seed?: string | number | undefined
  /** Whether the faults strike from the beginning. Default true. */
  readonly enabled?: boolean | undefined
}

/** The switch, and what has happened. */
export class Faults extends Context.Service<Faults, {
  /** Has the faults in front of it. */
  readonly client: HttpClient.HttpClient
  /** Replaces the plan; its times count from now. */
  readonly use: (plan: Plan) => Effect.Effect<void>
  /** Whether faults strike. Times go on while they do not. */
  readonly enabled: Ref.Ref<boolean>
  /** How often each fault has struck, by its name. */
  readonly struck: Effect.Effect<Readonly<Record<string, number>>>
}>()("@switchboard/testing/Faults") {}

/** Faults in front of a client. */
export const make = (
  client: HttpClient.HttpClient,
  options: Options
): Effect.Effect<Faults["Service"]> =>
  Effect.gen(function*() {
    const { seed } = options
    const random = yield* (seed === undefined ? Random.Random : Random.withSeed(Random.Random, seed))
    const plan = yield* Ref.make(yield* prepared(options))
    const enabled = yield* Ref.make(options.enabled ?? true)
    const struck = new Map<string, number>()
    const count = ({ name }: Fault) => {
      struck.set(name, (struck.get(name) ?? 0) + 1)
    }
    const decision: Faulty.Decide = (target, clock) =>
      Ref.getUnsafe(enabled) ? decide(Ref.getUnsafe(plan), target, { clock, random }, count) : undefined
    const transport = Transport.of(client)
    const faulty = Faulty.client(client, decision)
    return {
      client: transport === undefined
        ? faulty
        : Object.assign(faulty, { [Transport.TypeId]: Faulty.transport(transport, decision) }),
      use: (next: Plan) => Effect.flatMap(prepared(next), (prepared) => Ref.set(plan, prepared)),
      enabled,
      struck: Effect.sync(() => Object.fromEntries(struck))
    }
  })

const prepared = (plan: Plan) => Effect.map(Clock.Clock, (clock) => prepare(plan.faults, plan.rate, clock))

/** The client in the environment with faults in front of it, and the switch. */
export const layer = (
  options: Options
): Layer.Layer<HttpClient.HttpClient | Faults, never, HttpClient.HttpClient> =>
  Layer.effectContext(
    Effect.map(
      Effect.flatMap(HttpClient.HttpClient, (client) => make(client, options)),
      (service) => Context.make(Faults, service).pipe(Context.add(HttpClient.HttpClient, service.client))
    )
  )
