/** Policies guard any effect, not only calls over HTTP: here a query of a database that is down. */
import { NodeRuntime } from "@effect/platform-node"
import * as Policy from "@switchboard/core/Policy"
import * as CircuitBreaker from "@switchboard/core/policy/CircuitBreaker"
import * as Timeout from "@switchboard/core/policy/Timeout"
import * as Stores from "@switchboard/core/Stores"
import { Console, Effect, Schema } from "effect"

class DatabaseDown extends Schema.TaggedError<DatabaseDown>()("DatabaseDown", {}) {}

const program = Effect.gen(function*() {
  let queries = 0
  const query = Effect.suspend(() => ++queries <= 2 ? Effect.fail(new DatabaseDown()) : Effect.succeed("3 rows"))

  const timeout = yield* Timeout.make({ timeout: "1 second" })
  const breaker = yield* CircuitBreaker.make({
    name: "coffee/Database",
    failureThreshold: 2,
    resetTimeout: "200 millis"
  })
  // The first is the outermost: a query that takes too long counts against the database.
  const guard = Policy.all(breaker.policy, timeout.policy)

  const ask = guard(query).pipe(
    Effect.catchTags({
      DatabaseDown: () => Effect.succeed("down"),
      AttemptTimeout: () => Effect.succeed("too late"),
      CircuitOpen: () => Effect.succeed("not asked")
    })
  )
  for (const wait of ["0 millis", "0 millis", "0 millis", "300 millis"] as const) {
    const answer = yield* Effect.delay(ask, wait)
    yield* Console.log(`${answer}; ${queries} queries so far, the circuit is ${(yield* breaker.state)._tag}`)
  }
})

program.pipe(Effect.scoped, Effect.provide(Stores.layerMemory), NodeRuntime.runMain)
