/** What the settings of one operation say about sending it again, and about sharing its answers. */
import * as Context from "effect/Context"
import { memoize } from "effect/Function"
import type { Fallback } from "../../Fallback.ts"
import type { Problem } from "../../InvalidOptions.ts"
import { merge, type OperationOptions, Settings } from "../../Resilience.ts"
import { problems, unless } from "../checks.ts"
import type { Operation } from "../contract/operation.ts"

const safeMethods = new Set(["GET", "HEAD", "OPTIONS", "QUERY"])
const idempotentMethods = new Set([...safeMethods, "PUT", "DELETE", "TRACE"])

/** Where a key stands, unless the settings name another header. */
export const defaultKeyHeader = "idempotency-key"

/** Whether an operation may be sent again. */
export const isRepeatable = (options: OperationOptions, method: string): boolean =>
  options.idempotent ?? (keyHeaderOf(options) !== undefined || idempotentMethods.has(method))

/** The header of an operation's idempotency key, in lower case, if it has one. */
export const keyHeaderOf = ({ idempotencyKey }: OperationOptions): string | undefined => {
  if (idempotencyKey === true) return defaultKeyHeader
  // Also asked before it is known to be one.
  const header: unknown = idempotencyKey && idempotencyKey.header
  return typeof header === "string" ? header.toLowerCase() : undefined
}

/** Settings that an annotation gives, if it gives some. */
export const settingsOf = (annotations: Context.Context<never>): OperationOptions =>
  Context.getOrUndefined(annotations, Settings) ?? none

const none: OperationOptions = {}

/**
 * The merged settings of an operation: its own, and those of its group and API, stand between those of the definition and
 * of the configuration. Most operations have none of their own: those with the same annotations have one record, so that
 * what follows from it is found once.
 */
export const optionsOf = (
  wider: OperationOptions,
  configured: OperationOptions
): (operation: Operation) => OperationOptions => {
  const within = memoize((wider: OperationOptions) => memoize((own: OperationOptions) => merge(wider, own)))
  return memoize(({ annotations }) =>
    [...annotations.map(settingsOf), configured].reduce((wider, own) => within(wider)(own), wider)
  )
}

/** Whether one answer may serve several callers. */
export const isShareable = (operation: Operation): boolean =>
  operation._tag === "Buffered" &&
  (safeMethods.has(operation.method) || settingsOf(operation.annotations[2]).idempotent === true)

type Chain = ReadonlyArray<Pick<Fallback<never, unknown, unknown, unknown>, "answer">>

const keepsLast = (chain: Chain): boolean => chain.some(({ answer }) => typeof answer !== "function")

/** Whether these settings, and this chain of fallbacks, let an answer serve more than one call. */
export const isAnswering = (operation: Operation, { cache, coalesce }: OperationOptions, chain: Chain): boolean =>
  isShareable(operation) && (Boolean(cache) || coalesce === true || keepsLast(chain))

/**
 * What in its merged settings, or its chain of fallbacks, is wrong for this operation. `anonymous`: nobody can say whose its
 * answers are.
 */
export const validate = (
  operation: Operation,
  options: OperationOptions,
  chain: Chain,
  anonymous: boolean
): ReadonlyArray<Problem> => {
  const { _tag, method } = operation
  const shareable = isShareable(operation)
  const kept = keepsLast(chain)
  const unknown = "an audience of the auth scheme, because credentials may differ from call to call"
  return [
    ...validateOwn(operation, isRepeatable(options, method)),
    ...problems(
      // One of its scopes has to say how long answers are kept.
      unless(!options.cache || options.cache.ttl !== undefined || !shareable, "cache.ttl", "must be given"),
      unless(
        !kept || shareable,
        "fallback",
        _tag === "Streamed"
          ? "must have no cache, because a stream is not kept"
          : `must have no cache unless it is idempotent, because a ${method} is not answered for another`
      ),
      unless(!anonymous || !shareable || !options.cache, "cache", `needs ${unknown}`),
      unless(!anonymous || !shareable || options.coalesce !== true, "coalesce", `needs ${unknown}`),
      unless(!anonymous || !shareable || !kept, "fallback", `has a cache, which needs ${unknown}`)
    )
  ]
}

/** What is asked for at an operation that may not be sent twice, or not be answered for another, is a contradiction. */
const validateOwn = (operation: Operation, repeatable: boolean): ReadonlyArray<Problem> => {
  const { _tag, annotations, method } = operation
  const { cache, coalesce, hedge, retry } = settingsOf(annotations[2])
  const twice = `needs idempotencyKey or idempotent, because a ${method} may not be sent twice`
  const shared = _tag === "Streamed"
    ? "is not for streams"
    : `needs idempotent, because a ${method} is not answered for another`
  return problems(
    unless(!retry || retry.maxRetries === 0 || repeatable, "retry", twice),
    unless(!hedge || repeatable, "hedge", twice),
    unless(!cache || isShareable(operation), "cache", shared),
    unless(coalesce !== true || isShareable(operation), "coalesce", shared)
  )
}
