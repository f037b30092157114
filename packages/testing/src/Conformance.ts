/**
 * A suite of cases that every implementation of a port must pass. A case is an effect that dies where the
 * implementation is wrong, so that any test framework can run it.
 *
 * @example
 * Conformance.register(it, "layerMemory", StoresConformance.cases, Effect.succeed(Stores.layerMemory))
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

/** One claim about an implementation. */
export interface Case<Subject> {
  /** A sentence about any implementation. */
  readonly name: string
  /** Dies where the claim is wrong. Uses the live clock. */
  readonly run: (subject: Subject) => Effect.Effect<void, unknown, Scope.Scope>
}

/** The part of `it` of `@effect/vitest` that is needed. */
export interface TestApi {
  readonly live: (name: string, test: () => Effect.Effect<void, unknown, Scope.Scope>) => void
}

/** One test for each case, each with a subject of its own. */
export const register = <Subject>(
  it: TestApi,
  name: string,
  cases: ReadonlyArray<Case<Subject>>,
  subject: Effect.Effect<Subject, unknown, Scope.Scope>
): void => {
  for (const { name: claim, run } of cases) it.live(`${name}: ${claim}`, () => Effect.flatMap(subject, run))
}
