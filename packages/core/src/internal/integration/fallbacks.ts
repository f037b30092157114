/** The fallbacks of an integration by operation: those of its class, and over them those of its settings. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Fallback from "../../Fallback.ts"
import { isReason } from "../../IntegrationError.ts"
import type { Problem } from "../../InvalidOptions.ts"
import type { Compiled } from "../contract/compile.ts"
import type { Operation } from "../contract/operation.ts"
import { inTurn } from "../pipeline/inTurn.ts"
import type { FallbackSettings } from "../settings/fallbacks.ts"
import type { Shared } from "./shared.ts"

type Chain = ReadonlyArray<Fallback.Fallback<unknown, unknown, unknown, never>>

/**
 * What is given, and what is wrong with it. `declared`: by group and endpoint, those of a top-level group by endpoint; a
 * fallback alone is a chain of one, and the last chain that is given for an operation counts. They run with the services
 * the layer was built with.
 */
export const make = Effect.fnUntraced(function*(
  operations: ReadonlyArray<Compiled>,
  declared: ReadonlyArray<object>,
  settings: FallbackSettings
): Effect.fn.Return<{ readonly chains: Shared["fallbacks"]; readonly problems: ReadonlyArray<Problem> }> {
  const built = yield* Effect.context<never>()
  const chains = new Map<string, Chain>()
  const known = new Set(operations.map(({ operation }) => operation.name))
  const problems: Array<Problem> = [...declared.flatMap(namesIn(operations)), ...Object.keys(settings)]
    .filter((name) => !known.has(name))
    .map((name) => ({ option: `fallback.${name}`, problem: "is not an operation of the contract" }))
  for (const { endpoint, group, operation, topLevel } of operations) {
    const given = Object.hasOwn(settings, operation.name) ? settings[operation.name] : undefined
    const own = declared.map((record) => at(topLevel ? record : at(record, group), endpoint))
    const chain = given === undefined
      ? chainOf(own.findLast((chain) => chain !== undefined))
      : yield* fromSettings(operation, given, problems)
    for (const { option, problem } of Fallback.validate(chain)) {
      problems.push({ option: `fallback.${operation.name}.${option}`, problem })
    }
    if (chain.length > 0) chains.set(operation.name, chain.map((fallback) => provided(fallback, built)))
  }
  return { chains, problems }
})

/** The operations that a class declares fallbacks for. */
const namesIn = (operations: ReadonlyArray<Compiled>) => {
  const groups = new Set(operations.filter(({ topLevel }) => !topLevel).map(({ group }) => group))
  return (declared: object): ReadonlyArray<string> =>
    Object.entries(declared).flatMap(([name, own]) =>
      !groups.has(name) ? [name] : Object.keys(own ?? {}).map((endpoint) => `${name}.${endpoint}`)
    )
}

const at = (record: unknown, key: string): unknown =>
  Predicate.hasProperty(record, key) && Object.hasOwn(record, key) ? record[key] : undefined

/** What a class declares has the types of the contract, and the layer has the services it needs. */
const chainOf = (own: unknown): Chain => own === undefined ? [] : (Array.isArray(own) ? own : [own]) as Chain

/** The caller's own services are nearer: its deadline, its spans. A scope it gets for itself. */
const provided = (fallback: Chain[number], built: Context.Context<never>): Chain[number] => {
  const { answer } = fallback
  if (typeof answer !== "function") return fallback
  return {
    ...fallback,
    answer: (input, failed) =>
      Effect.contextWith((caller: Context.Context<never>) =>
        Effect.provideContext(Effect.scoped(answer(input, failed)), inTurn(Context.merge(built, caller)))
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
