/** What the merged settings of one operation amount to: its plan, and what stands between its callers and the remote. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import { type InvalidOptions, refuse } from "../../InvalidOptions.ts"
import * as Cache from "../../policy/Cache.ts"
import * as Coalesce from "../../policy/Coalesce.ts"
import * as Resilience from "../../Resilience.ts"
import type { Stores } from "../../Stores.ts"
import { type Answered, freshnessOf } from "../cache/answered.ts"
import type { Operation } from "../contract/operation.ts"
import * as Chain from "../fallback/chain.ts"
import * as Layers from "../pipeline/layers.ts"
import type * as Run from "../pipeline/run.ts"
import { defaultKeyHeader, isShareable } from "./operationOptions.ts"
import type { Shared } from "./shared.ts"

export interface Planned {
  readonly plan: Run.Plan
  /** Absent where nothing stands there. */
  readonly layers: Layers.Layers | undefined
}

export interface Planner extends Planned {
  /** With settings given at a call site. */
  readonly planWith: (options: Resilience.OperationOptions) => Effect.Effect<Planned, InvalidOptions>
}

/** Its settings have been checked. An `Exit` where nothing stands between its callers and the remote. */
export const make = (
  operation: Operation,
  shared: Shared
): Effect.Effect<Planner, InvalidOptions, Stores | Scope.Scope> => {
  const { optionsOf, policies } = shared
  const options = optionsOf(operation)
  const planWith = ({ layers, plan: { attemptTimeout, deadlines } }: Planned): Planner["planWith"] =>
    Effect.fnUntraced(function*(own) {
      const merged = Resilience.merge(options, own)
      yield* refuse([...sharedAtCall(own, options), ...Resilience.validate(merged)])
      const plan = yield* policies.plan(merged, operation)
      return {
        layers: layersFor(layers, own),
        plan: {
          ...plan,
          // Whatever its timeout, a call shares the list of its operation: lists are as many as there are operations. What a
          // caller leaves of the total is no measure for the remote, so an attempt keeps its timeout unless it is given one.
          deadlines,
          attemptTimeout: own.attemptTimeout === undefined ? attemptTimeout : plan.attemptTimeout
        }
      }
    })
  return Effect.flatMapEager(
    policies.plan(options, operation),
    (plan) =>
      Effect.mapEager(layersOf(operation, options, shared, plan), (layers) => {
        const planned = { plan, layers }
        return { ...planned, planWith: planWith(planned) }
      })
  )
}

/** Whether something stands between callers and the remote. */
export const isLayered = (operation: Operation, shared: Shared): boolean =>
  chainOf(operation, shared).length > 0 || shared.answering.has(operation.name)

const layersOf = (
  operation: Operation,
  options: Resilience.OperationOptions,
  shared: Shared,
  plan: Run.Plan
): Effect.Effect<Layers.Layers | undefined, InvalidOptions, Stores | Scope.Scope> =>
  isLayered(operation, shared) ? between(operation, options, shared, plan) : Exit.succeed(undefined)

const between = Effect.fnUntraced(function*(
  operation: Operation,
  { cache: options, coalesce }: Resilience.OperationOptions,
  shared: Shared,
  plan: Run.Plan
): Effect.fn.Return<Layers.Layers, InvalidOptions, Stores | Scope.Scope> {
  const shareable = isShareable(operation)
  const chain = chainOf(operation, shared)
  return {
    plan,
    fallback: chain.length === 0
      ? undefined
      : { chain, storage: storageOf(`last-good/${operation.name}`, operation, shared, Chain.capacity) },
    cache: !options || !shareable ? undefined : yield* cacheOf(operation, shared, options),
    coalesce: coalesce === true && shareable ? yield* Coalesce.make<string>() : undefined
  }
})

const chainOf = ({ name }: Operation, { fallbacks }: Shared) => fallbacks.get(name) ?? []

const cacheOf = Effect.fnUntraced(function*(
  operation: Operation,
  shared: Shared,
  { cacheControl = false, capacity, ttl, ...options }: Partial<Resilience.CacheOptions>
): Effect.fn.Return<Cache.Cache<string, Answered>, InvalidOptions, Stores | Scope.Scope> {
  const clock = yield* Clock.Clock
  return yield* Cache.make<string, Answered>({
    ...options,
    // That it is there has been checked.
    ttl: ttl!,
    name: operation.name,
    storage: storageOf(operation.name, operation, shared, capacity, cacheControl),
    freshness: cacheControl ? (answered) => freshnessOf(answered, clock.currentTimeMillisUnsafe()) : undefined,
    classify: Layers.classify
  })
})

const storageOf = (
  name: string,
  operation: Operation,
  { audience }: Shared,
  capacity = 1000,
  headers = false
): Cache.Storage<string, Answered> => audience.storage({ name, operation, capacity, headers })

/** What is shared with other callers can be left out at a call site, but not made anew. */
const sharedAtCall = ({ cache, coalesce }: Resilience.OperationOptions, options: Resilience.OperationOptions) => {
  const problem = "can be switched off alone at a call site"
  return [
    ...(cache ? [{ option: "cache", problem }] : []),
    ...(coalesce === true && options.coalesce !== true ? [{ option: "coalesce", problem }] : [])
  ]
}

/** With a key of the caller's own: it may be repeated, and is one of its kind, so that no other's answer is for it. */
export const keyed = ({ layers, plan }: Planned): Planned => ({
  plan: { ...plan, keyHeader: plan.keyHeader ?? defaultKeyHeader, repeatable: true },
  layers: layers && alone(layers)
})

/** Settings that change what comes of a call keep it from being shared. */
const layersFor = (
  layers: Layers.Layers | undefined,
  { cache, coalesce, totalTimeout: _, ...own }: Resilience.OperationOptions
): Layers.Layers | undefined => {
  if (layers === undefined) return undefined
  return Object.values(own).some((setting) => setting !== undefined) ? alone(layers) : {
    ...layers,
    cache: cache === false ? undefined : layers.cache,
    coalesce: coalesce === false ? undefined : layers.coalesce
  }
}

const alone = (layers: Layers.Layers): Layers.Layers => ({ ...layers, cache: undefined, coalesce: undefined })
