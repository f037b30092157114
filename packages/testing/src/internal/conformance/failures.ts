/** How a transport reports what breaks. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import type { Case } from "../../Conformance.ts"
import { exchanged } from "../exchanged.ts"
import { holds, same } from "./expect.ts"
import { get, listen, open, roundTrip, type Subject, until } from "./subject.ts"

const breaks = (claim: string, path: string, kinds: ReadonlyArray<string>): Case<Subject> => ({
  name: `V4: ${claim}`,
  run: (subject) =>
    Effect.gen(function*() {
      const channel = yield* open(subject)
      const failure = yield* Effect.flip(exchanged(channel, get(subject, path)))
      yield* holds(`a Transport failure, not ${failure._tag}`, failure._tag === "Transport")
      if (failure._tag === "Transport") {
        yield* holds(`${kinds.join(" or ")}, not ${failure.kind}`, kinds.includes(failure.kind))
      }
      yield* same("wasSent", failure.wasSent, true)
      yield* roundTrip(subject, channel)
    })
})

export const failures: ReadonlyArray<Case<Subject>> = [
  breaks("a reset before the headers is a Reset that may have been processed", "/reset", ["Reset"]),
  // A peer cannot always tell a reset in the body from a close.
  breaks("a reset in the body is typed", "/reset-in-body", ["Reset", "Truncated"]),
  breaks("a body cut short is Truncated, never a shorter answer", "/truncated", ["Truncated"]),
  {
    name: "V4: a refused connection is Refused, and nothing was sent",
    run: (subject) =>
      Effect.gen(function*() {
        const channel = yield* open(subject)
        const failure = yield* Effect.flip(exchanged(channel, { ...get(subject, "/echo"), origin: subject.refused }))
        yield* same("the failure", failure._tag === "Transport" ? failure.kind : failure._tag, "Refused")
        yield* same("wasSent", failure.wasSent, false)
        yield* same("isRetryable", failure.isRetryable, true)
      })
  },
  {
    name: "says of a request on its way that it was sent",
    run: (subject) =>
      Effect.gen(function*() {
        const channel = yield* open(subject)
        const { calls, exchange } = yield* listen(channel, get(subject, "/hang"))
        yield* until("wasSent", subject, channel, () => exchange.wasSent)
        exchange.cancel()
        yield* same("what the receiver was told", calls, [])
      })
  },
  {
    name: "says of a request that waits for a connection that it was not sent",
    run: (subject) =>
      Effect.gen(function*() {
        if (subject.queues === false) return
        const channel = yield* open(subject, 1)
        const other = yield* open(subject)
        const first = yield* listen(channel, get(subject, "/hang"))
        const second = yield* listen(channel, get(subject, "/echo"))
        yield* until("the first was sent", subject, other, () => first.exchange.wasSent)
        yield* same("wasSent of the second", second.exchange.wasSent, false)
        second.exchange.cancel()
        first.exchange.cancel()
        yield* roundTrip(subject, channel)
        yield* same("what the receivers were told", [...first.calls, ...second.calls], [])
      })
  },
  {
    name: "L4: closing the scope ends what hangs, typed and once",
    run: (subject) =>
      Effect.gen(function*() {
        const scope = yield* Scope.make()
        const channel = yield* Scope.provide(open(subject), scope)
        yield* roundTrip(subject, channel)
        const fiber = yield* Effect.forkChild(Effect.flip(exchanged(channel, get(subject, "/hang"))), {
          startImmediately: true
        })
        yield* roundTrip(subject, channel)
        yield* Scope.close(scope, Exit.void)
        yield* same("the failure", (yield* Fiber.join(fiber))._tag, "Transport")
      })
  },
  {
    name: "L4: sends nothing once the scope is closed, and says so",
    run: (subject) =>
      Effect.gen(function*() {
        const scope = yield* Scope.make()
        const channel = yield* Scope.provide(open(subject), scope)
        yield* Scope.close(scope, Exit.void)
        const failure = yield* Effect.flip(exchanged(channel, get(subject, "/echo")))
        yield* same("the failure", [failure._tag, failure.wasSent], ["Transport", false])
      })
  },
  {
    name: "L4: a pool that is closed leaves another one alone",
    run: (subject) =>
      Effect.gen(function*() {
        const channel = yield* open(subject)
        yield* Effect.scoped(Effect.flatMap(open(subject), (other) => roundTrip(subject, other)))
        yield* roundTrip(subject, channel)
      })
  }
]
