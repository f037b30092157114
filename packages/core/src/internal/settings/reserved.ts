/** The options that every integration has. The setting of an auth scheme may have none of these names. */
export const reserved = [
  "attemptTimeout",
  "baseUrl",
  "breaker",
  "bulkhead",
  "cache",
  "classify",
  "coalesce",
  "deadlineHeader",
  "fallback",
  "hedge",
  "idempotencyKey",
  "idempotent",
  "idleTimeout",
  "maxRequestBytes",
  "maxResponseBytes",
  "pool",
  "propagateTrace",
  "rateLimit",
  "retry",
  "streamTimeout",
  "totalTimeout"
] as const

export type Reserved = (typeof reserved)[number]

/** Fields of a scheme that hide none of the options. */
export type Unreserved = { readonly [Name in Reserved]?: never }
