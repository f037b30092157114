/** Policies guard any effect, not only calls over HTTP: here a query of a database that is down. */
import { NodeRuntime } from "@effect/platform-node"
import * as Policy from "@switchboard/core/Policy"
import * as CircuitBreaker from "@switchboard/core/policy/CircuitBreaker"
import * as Retry from "@switchboard/core/policy/Retry"
import * as Stores from "@switchboard/core/Stores"
import { Console, Effect, Schema } from "effect"

class DatabaseDown extends Schema.TaggedError<DatabaseDown>()("DatabaseDown", {}) {}

const program = Effect.gen(function*() {
  let queries = 0
  const query = Effect.suspend(() => ++queries <= 4 ? Effect.fail(new DatabaseDown()) : Effect.succeed("3 rows"))

  const retry = yield* Retry.make({ name: "coffee/Database", maxRetries: 1, baseDelay: "10 millis" })
  const breaker = yield* CircuitBreaker.make({
    name: "coffee/Database",
    failureThreshold: 4,
    resetTimeout: "200 millis"
  })
  // The first is the outermost: each attempt asks the breaker.
  const guard = Policy.all(retry.policy, breaker.policy)

  const ask = guard(query).pipe(
    Effect.catchTag("DatabaseDown", () => Effect.succeed("down")),
    Effect.catchTag("CircuitOpen", () => Effect.succeed("not asked"))
  )
  for (const wait of ["0 millis", "0 millis", "0 millis", "300 millis"] as const) {
    const answer = yield* Effect.delay(ask, wait)
    yield* Console.log(`${answer} after ${queries} queries; the circuit is ${(yield* breaker.state)._tag}`)
  }
})

program.pipe(Effect.provide(Stores.layerMemory), NodeRuntime.runMain)
