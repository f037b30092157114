/** How an integration's connections are pooled: options, their ranges and defaults. */
import type * as Duration from "effect/Duration"
import type { Problem } from "../../InvalidOptions.ts"
import { atLeast, positive, problems } from "../checks.ts"

/** How an integration's connections are pooled. */
export interface PoolOptions {
  /** Most connections to one origin, at least 1: default 16. */
  readonly maxConnections?: number | undefined
  /** How long an idle connection is kept: positive; default 30 seconds. */
  readonly keepAliveTimeout?: Duration.Input | undefined
  /** How long connecting, TLS included, may take: positive; default 5 seconds. */
  readonly connectTimeout?: Duration.Input | undefined
}

export const defaults = {
  maxConnections: 16,
  keepAliveTimeout: "30 seconds",
  connectTimeout: "5 seconds"
} as const satisfies PoolOptions

export const validate = (pool: PoolOptions): ReadonlyArray<Problem> =>
  problems(
    atLeast(1, "maxConnections", pool.maxConnections),
    positive("keepAliveTimeout", pool.keepAliveTimeout),
    positive("connectTimeout", pool.connectTimeout)
  )
