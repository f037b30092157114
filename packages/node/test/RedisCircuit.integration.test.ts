import { assert, describe, it } from "@effect/vitest"
import * as CircuitBreaker from "@switchboard/core/policy/CircuitBreaker"
import * as RedisStores from "@switchboard/node/RedisStores"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import { redisServer, withoutRedis } from "./support/redis.ts"

const boom = Effect.fail("boom")

/** A breaker as of a process of its own. */
const connect = (url: string, resetTimeout: Duration.Input) =>
  Effect.flatMap(
    Layer.build(RedisStores.layerConnect({ url, retryAfter: 50, timeout: "10 seconds" })),
    (context) =>
      CircuitBreaker.make({ name: "test", failureThreshold: 1, resetTimeout, resetFactor: 1 }).pipe(
        Effect.provide(context)
      )
  )

const becomes = (breaker: CircuitBreaker.CircuitBreaker, is: (state: CircuitBreaker.State) => boolean) =>
  Effect.repeat(breaker.state, { until: is, schedule: Schedule.spaced(10) })

const isDue = (state: CircuitBreaker.State): boolean =>
  state._tag === "Open" && Duration.toMillis(state.retryAfter) === 0

describe.skipIf(withoutRedis)("a circuit shared in Redis", () => {
  it.live("R12: what one opens refuses in all, and of 200 callers in four exactly one is the probe", () =>
    Effect.gen(function*() {
      const { url } = yield* redisServer
      const breakers = yield* Effect.replicateEffect(connect(url, "100 millis"), 4)
      yield* Effect.exit(breakers[0]!.policy(boom))
      for (const breaker of breakers) yield* becomes(breaker, isDue)
      let probes = 0
      const answer = yield* Deferred.make<string>()
      const probe = Effect.suspend(() => (probes++, Deferred.await(answer)))
      const calls = yield* Effect.forEach(breakers, ({ policy }) =>
        Effect.forkChild(
          Effect.all(Array.from({ length: 50 }, () => Effect.exit(policy(probe))), { concurrency: "unbounded" })
        ))
      yield* Effect.repeat(Effect.sync(() => probes), { until: (n) => n > 0, schedule: Schedule.spaced(10) })
      for (const breaker of breakers) {
        assert.deepStrictEqual(yield* breaker.state, { _tag: "HalfOpen", openings: 1, probing: 1 })
      }
      yield* Deferred.succeed(answer, "ok")
      const exits = (yield* Effect.forEach(calls, Fiber.join)).flat()
      assert.strictEqual(exits.filter(Exit.isSuccess).length, 1)
      assert.strictEqual(probes, 1)
      for (const breaker of breakers) yield* becomes(breaker, ({ _tag }) => _tag === "Closed")
    }))

  it.live("R11: without Redis each goes on alone; an operator's word is told when it is back", () =>
    Effect.gen(function*() {
      const server = yield* redisServer
      const [one, other] = [yield* connect(server.url, "1 hour"), yield* connect(server.url, "1 hour")]
      yield* server.kill
      yield* Effect.exit(one.policy(boom))
      yield* becomes(one, ({ _tag }) => _tag === "Open")
      assert.strictEqual(yield* other.policy(Effect.succeed("ok")), "ok")
      yield* other.isolate
      yield* server.start
      yield* becomes(one, ({ _tag }) => _tag === "Isolated")
    }))
})
