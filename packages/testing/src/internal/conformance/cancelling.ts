/** What happens to a request whose caller gives up. */
import * as Effect from "effect/Effect"
import type { Case } from "../../Conformance.ts"
import { holds, same } from "./expect.ts"
import { get, listen, open, roundTrip, type Subject, until } from "./subject.ts"

const givenUp = (claim: string, path: string): Case<Subject> => ({
  name: `L2: ${claim}`,
  run: (subject) =>
    Effect.gen(function*() {
      const channel = yield* open(subject)
      const { calls, exchange } = yield* listen(channel, get(subject, path))
      yield* until("wasSent", subject, channel, () => exchange.wasSent)
      exchange.cancel()
      exchange.cancel()
      yield* roundTrip(subject, channel)
      yield* same("what the receiver was told", calls, [])
    })
})

export const cancelling: ReadonlyArray<Case<Subject>> = [
  givenUp("a request that waits for its answer ends without a call, twice over", "/hang"),
  givenUp("a request whose body hangs ends without a call", "/hang-in-body"),
  {
    name: "L2: a request cancelled at once never calls back",
    run: (subject) =>
      Effect.gen(function*() {
        const channel = yield* open(subject)
        const { calls, exchange } = yield* listen(channel, get(subject, "/status/200"))
        exchange.cancel()
        yield* roundTrip(subject, channel)
        yield* roundTrip(subject, channel)
        yield* same("what the receiver was told", calls, [])
      })
  },
  {
    name: "L2: cancelling after the answer changes nothing",
    run: (subject) =>
      Effect.gen(function*() {
        const channel = yield* open(subject)
        const { calls, exchange } = yield* listen(channel, get(subject, "/status/200"))
        yield* until("an answer", subject, channel, () => calls.length > 0)
        exchange.cancel()
        yield* roundTrip(subject, channel)
        yield* same("what the receiver was told", calls, ["response 200"])
        yield* holds("wasSent", exchange.wasSent)
      })
  },
  {
    name: "L1: 50 cancelled requests leave the pool as it was",
    run: (subject) =>
      Effect.gen(function*() {
        const channel = yield* open(subject, 2)
        for (let i = 0; i < 50; i++) {
          const { calls, exchange } = yield* listen(channel, get(subject, i % 2 === 0 ? "/hang" : "/bytes/50000"))
          if (i % 3 === 0) yield* Effect.yieldNow
          exchange.cancel()
          yield* holds("at most one call", calls.length <= 1)
        }
        yield* Effect.all(Array.from({ length: 10 }, () => roundTrip(subject, channel)), { concurrency: "unbounded" })
      })
  }
]
