/** What one attempt and a whole call may take. */
import * as Duration from "effect/Duration"
import { millis } from "../checks.ts"

interface Options {
  readonly attemptTimeout?: Duration.Input | undefined
  readonly totalTimeout?: Duration.Input | undefined
  readonly idleTimeout?: Duration.Input | undefined
}

export const defaults = { attemptTimeout: Duration.seconds(10), totalTimeout: Duration.seconds(30) } as const

/** In milliseconds. */
export const timeoutsOf = (
  options: Options
): { readonly attempt: number; readonly total: number; readonly idle: number } => {
  const total = millis(options.totalTimeout ?? defaults.totalTimeout)
  const attempt = Math.min(millis(options.attemptTimeout ?? defaults.attemptTimeout), total)
  return { attempt, total, idle: options.idleTimeout === undefined ? attempt : millis(options.idleTimeout) }
}

/** Whether an attempt ends before the call does. */
export const fits = ({ attemptTimeout }: Options, total: Duration.Input): boolean =>
  attemptTimeout === undefined || millis(attemptTimeout) < millis(total)
