/** What the settings of one operation say about sending it again. */
import * as Context from "effect/Context"
import type { Problem } from "../../InvalidOptions.ts"
import { type OperationOptions, Settings } from "../../Resilience.ts"
import { problems, unless } from "../checks.ts"

const idempotentMethods = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "QUERY", "TRACE"])

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

/** Retries asked for at an operation that may not be sent twice are a contradiction. */
export const validateRetry = (
  method: string,
  own: OperationOptions | undefined,
  repeatable: boolean
): ReadonlyArray<Problem> =>
  problems(unless(
    !own?.retry || own.retry.maxRetries === 0 || repeatable,
    "retry",
    `needs idempotencyKey or idempotent, because a ${method} may not be sent twice`
  ))
