/** Two processes, one Redis, one third party. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { fileURLToPath } from "node:url"
import { runFile } from "../../../tests/processes.ts"
import { redisServer, withoutRedis } from "./support/redis.ts"
import { answer, serve } from "./support/server.ts"

const program = fileURLToPath(new URL("support/shopper.ts", import.meta.url))

/** What came to each of two processes. */
const two = (redis: string, origin: string, settings: object, millis: number) =>
  Effect.all(
    Array.from({ length: 2 }, () =>
      Effect.map(
        Effect.promise(() => runFile(program, { args: [redis, origin, JSON.stringify(settings), String(millis)] })),
        ({ exit, output }): Record<string, number> => {
          assert.strictEqual(exit, 0, output)
          return JSON.parse(output)
        }
      )),
    { concurrency: "unbounded" }
  )

/** Counts what it is asked. */
const counting = Effect.gen(function*() {
  let requests = 0
  const { origin } = yield* serve((socket) => {
    requests++
    socket.write(answer("\"menu\"", "content-type: application/json\r\n"))
  })
  return { origin, count: () => requests }
})

describe.skipIf(withoutRedis)("two processes over one Redis", () => {
  it.live("R12: share one circuit, and one probe while that is under way", () =>
    Effect.gen(function*() {
      const { url } = yield* redisServer
      let requests = 0
      // The first answer opens the circuit; whatever comes after that is a probe, and gets none.
      const server = yield* serve((socket) => {
        if (++requests === 1) socket.write("HTTP/1.1 500 Down\r\ncontent-length: 0\r\n\r\n")
      })
      const settings = {
        retry: false,
        breaker: { failureThreshold: 1, resetTimeout: "300 millis" },
        bulkhead: { maxConcurrent: 1 }
      }
      const came = yield* two(url, server.origin, settings, 3000)
      assert.isAtLeast(requests, 2)
      // One of the other process may have been under way when the first failed.
      assert.isAtMost(requests, 3)
      for (const one of came) assert.isAtLeast(one["CircuitOpen"] ?? 0, 1)
    }), 30_000)

  it.live("share one limit", () =>
    Effect.gen(function*() {
      const { url } = yield* redisServer
      const { count, origin } = yield* counting
      const settings = { retry: false, rateLimit: { limit: 5, window: "1 minute", maxWait: 0 } }
      const came = yield* two(url, origin, settings, 1000)
      assert.strictEqual(count(), 5)
      for (const one of came) assert.isAtLeast(one["RateLimited"] ?? 0, 1)
    }), 30_000)

  it.live("share what one of them has fetched", () =>
    Effect.gen(function*() {
      const { url } = yield* redisServer
      const { count, origin } = yield* counting
      const came = yield* two(url, origin, { cache: { ttl: "1 minute" } }, 1000)
      // Both may have begun at the same moment.
      assert.isAtMost(count(), 2)
      for (const one of came) assert.isAtLeast(one["answered"] ?? 0, 2)
    }), 30_000)
})
