import * as NodeRedis from "@effect/platform-node/NodeRedis"
import { describe, it } from "@effect/vitest"
import * as Stores from "@switchboard/core/Stores"
import * as RedisStores from "@switchboard/node/RedisStores"
import * as SharedConformance from "@switchboard/testing/SharedConformance"
import * as StoresConformance from "@switchboard/testing/StoresConformance"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { redisServer, withoutRedis } from "./support/redis.ts"

const sharedOf = <E>(layer: Layer.Layer<Stores.Stores, E>) =>
  Effect.map(Layer.build(layer), (context) => Context.get(context, Stores.Stores).shared!)

// Long enough for a machine that has other things to do.
const timeout = "10 seconds"

describe.skipIf(withoutRedis)("Redis", () => {
  const own = (url: string) => sharedOf(RedisStores.layerConnect({ url, timeout }))
  const given = (url: string) => sharedOf(RedisStores.layer({ timeout }).pipe(Layer.provide(NodeRedis.layer({ url }))))

  SharedConformance.suite(
    it,
    "two connections",
    Effect.flatMap(redisServer, ({ url }) => Effect.all({ first: own(url), second: own(url) }))
  )
  SharedConformance.suite(
    it,
    "a connection of its own and one that was given",
    Effect.flatMap(redisServer, ({ url }) => Effect.all({ first: own(url), second: given(url) }))
  )
  StoresConformance.suite(it, "state of the process", RedisStores.layerConnect({ url: "redis://127.0.0.1:1" }))
})
