/** The fallbacks of an integration by operation: those of its class, and over them those of its settings. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Fallback from "../../Fallback.ts"
import { isReason } from "../../IntegrationError.ts"
import type { Problem } from "../../InvalidOptions.ts"
import type { Compiled } from "../contract/compile.ts"
import type { Operation } from "../contract/operation.ts"
import type { FallbackSettings } from "../settings/fallbacks.ts"
import type { Shared } from "./shared.ts"

type Chain = ReadonlyArray<Fallback.Fallback<unknown, unknown, unknown, never>>

/**
 * What is given, and what is wrong with it. `declared`: by group and endpoint, those of a top-level group by endpoint; a
 * fallback alone is a chain of one. They run with the services the layer was built with.
 */
export const make = Effect.fnUntraced(function*(
  operations: ReadonlyArray<Compiled>,
  declared: object,
  settings: FallbackSettings
): Effect.fn.Return<{ readonly chains: Shared["fallbacks"]; readonly problems: ReadonlyArray<Problem> }> {
  const built = yield* Effect.context<never>()
  const chains = new Map<string, Chain>()
  const known = new Set(operations.map(({ operation }) => operation.name))
  const problems: Array<Problem> = [...namesOf(operations, declared), ...Object.keys(settings)]
    .filter((name) => !known.has(name))
    .map((name) => ({ option: `fallback.${name}`, problem: "is not an operation of the contract" }))
  for (const { endpoint, group, operation, topLevel } of operations) {
    const given = settings[operation.name]
    const chain = given === undefined
      ? chainOf(at(topLevel ? declared : at(declared, group), endpoint))
      : yield* fromSettings(operation, given, problems)
    for (const { option, problem } of Fallback.validate(chain)) {
      problems.push({ option: `fallback.${operation.name}.${option}`, problem })
    }
    if (chain.length > 0) chains.set(operation.name, chain.map((fallback) => provided(fallback, built)))
  }
  return { chains, problems }
})

/** Of the operations that a class declares fallbacks for. */
const namesOf = (operations: ReadonlyArray<Compiled>, declared: object): ReadonlyArray<string> => {
  const groups = new Set(operations.filter(({ topLevel }) => !topLevel).map(({ group }) => group))
  return Object.entries(declared).flatMap(([name, own]) =>
    groups.has(name) && own !== undefined ? Object.keys(own).map((endpoint) => `${name}.${endpoint}`) : [name]
  )
}

const at = (record: unknown, key: string): unknown => Predicate.hasProperty(record, key) ? record[key] : undefined

/** What a class declares has the types of the contract, and the layer has the services it needs. */
const chainOf = (own: unknown): Chain => own === undefined ? [] : (Array.isArray(own) ? own : [own]) as Chain

/** The caller's own services are nearer: its deadline, its spans. */
const provided = (fallback: Chain[number], built: Context.Context<never>): Chain[number] => {
  const { answer } = fallback
  if (typeof answer !== "function") return fallback
  return {
    ...fallback,
    answer: (input, failed) =>
      Effect.contextWith((caller: Context.Context<never>) =>
        Effect.provideContext(answer(input, failed), Context.merge(built, caller))
      )
  }
}

const fromSettings = Effect.fnUntraced(function*(
  operation: Operation,
  given: FallbackSettings[string],
  problems: Array<Problem>
): Effect.fn.Return<Chain> {
  const chain: Array<Chain[number]> = []
  for (const [index, fallback] of given.entries()) {
    if (fallback.type === "cache") {
      chain.push(Fallback.cache(fallback))
      continue
    }
    const decoded = yield* Effect.result(decode(operation, fallback))
    if (decoded._tag === "Success") chain.push(Fallback.value(decoded.success, { on: fallback.on }))
    else problems.push({ option: `fallback.${operation.name}.${index}.value`, problem: decoded.failure })
  }
  return chain
})

/** A value as the remote would send it. */
const decode = (
  operation: Operation,
  { status, value }: Extract<FallbackSettings[string][number], { readonly type: "value" }>
): Effect.Effect<unknown, string> =>
  operation._tag === "Streamed"
    ? Effect.fail("must not be given, because the answer is a stream")
    : Effect.mapError(
      operation.decode({
        status: status ?? 200,
        headers: { "content-type": "application/json" },
        body: new TextEncoder().encode(JSON.stringify(value))
      }, undefined),
      (error) => isReason(error) ? error.message : "is a declared error"
    )
