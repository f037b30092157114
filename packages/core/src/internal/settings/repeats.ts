/**
 * A call is repeated one way: it is retried, or hedged. Of two scopes that say how, the narrower decides; what the wider
 * one says is kept, for where the narrower one is switched off again, or does not apply.
 */

/** Which of the two was asked for last. Stands in merged settings alone, and only where both are there. */
const latest = Symbol("switchboard/latest")

export interface Options {
  readonly retry?: false | object | undefined
  readonly hedge?: false | object | undefined
  readonly [latest]?: Way | undefined
}
type Way = "retry" | "hedge"

/** What was asked for last, where a scope is merged into what the wider ones say. */
export const latestOf = (wider: Options, narrower: Options): Way | undefined => {
  if (narrower[latest] !== undefined) return narrower[latest]
  const [retry, hedge] = [hasRetry(narrower), isSection(narrower.hedge)]
  if (retry && hedge) return undefined
  return retry ? "retry" : hedge ? "hedge" : wider[latest]
}

/** Notes it, where there is a choice. */
export const note = (merged: object & { [latest]?: Way | undefined }, way: Way | undefined): void => {
  if (hasBoth(merged) && way !== undefined) merged[latest] = way
  else delete merged[latest]
}

/** Whether one scope asks for both, so that nothing says which. */
export const contradict = (options: Options): boolean => hasBoth(options) && options[latest] === undefined

/** The hedges that these settings ask for, where they ask for hedges rather than for retries. */
export const hedgeOf = <Hedge extends object>(
  options: Options & { readonly hedge?: false | Hedge | undefined }
): Hedge | undefined => options.hedge && !(hasRetry(options) && options[latest] === "retry") ? options.hedge : undefined

/** A record of options, neither switched off nor absent. */
export const isSection = (value: unknown): value is object => typeof value === "object" && value !== null

const hasBoth = (options: Options): boolean => isSection(options.hedge) && hasRetry(options)

/** The budget pays for hedges as well. */
const hasRetry = ({ retry }: Options): boolean =>
  isSection(retry) && Object.entries(retry).some(([name, value]) => name !== "budget" && value !== undefined)
