/**
 * What every `Transport` must do, judged against a server that speaks `protocol`.
 *
 * @example
 * import { it } from "@effect/vitest"
 *
 * TransportConformance.suite(it, "my transport", Effect.gen(function*() {
 *   const origin = yield* serve(TransportConformance.protocol)   // a server of your own, in the scope
 *   return { client: yield* makeMyClient, origin, refused: "http://127.0.0.1:1" }
 * }))
 */
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type Case, register, type TestApi } from "./Conformance.ts"
import { answers } from "./internal/conformance/answers.ts"
import { cancelling } from "./internal/conformance/cancelling.ts"
import { clients } from "./internal/conformance/clients.ts"
import { failures } from "./internal/conformance/failures.ts"
import type { Subject } from "./internal/conformance/subject.ts"

export { protocol, type ProtocolRequest } from "./internal/conformance/protocol.ts"
export type { Subject }

/** The claims. */
export const cases: ReadonlyArray<Case<Subject>> = [...answers, ...failures, ...cancelling, ...clients]

/** A test for each claim, each with a client and a server of its own; `it` is that of `@effect/vitest`. */
export const suite = (it: TestApi, name: string, subject: Effect.Effect<Subject, unknown, Scope.Scope>): void =>
  register(it, name, cases, subject)
