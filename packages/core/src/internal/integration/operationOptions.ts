/** What the settings of one operation say about sending it again, and about sharing its answers. */
import * as Context from "effect/Context"
import type { Problem } from "../../InvalidOptions.ts"
import { type OperationOptions, Settings } from "../../Resilience.ts"
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
export const keyHeaderOf = ({ idempotencyKey }: OperationOptions): string | undefined =>
  idempotencyKey === undefined || idempotencyKey === false
    ? undefined
    : idempotencyKey === true
    ? defaultKeyHeader
    : idempotencyKey.header.toLowerCase()

/** Settings that an annotation gives, if it gives some. */
export const settingsOf = (annotations: Context.Context<never>): OperationOptions =>
  Context.getOrUndefined(annotations, Settings) ?? {}

/** Whether one answer may serve several callers. */
export const isShareable = (operation: Operation): boolean =>
  operation._tag === "Buffered" &&
  (safeMethods.has(operation.method) || settingsOf(operation.annotations[2]).idempotent === true)

/** How long answers are kept has to be said by one of the scopes of an operation that keeps them. */
export const validateMerged = (operation: Operation, { cache }: OperationOptions): ReadonlyArray<Problem> =>
  problems(unless(!cache || cache.ttl !== undefined || !isShareable(operation), "cache.ttl", "must be given"))

/** What is asked for at an operation that may not be sent twice, or not be answered for another, is a contradiction. */
export const validateOwn = (operation: Operation, repeatable: boolean): ReadonlyArray<Problem> => {
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
