import { assert, describe, it } from "@effect/vitest"
import * as Events from "@switchboard/core/Events"
import { InvalidOptions } from "@switchboard/core/InvalidOptions"
import * as Cache from "@switchboard/core/policy/Cache"
import * as Stores from "@switchboard/core/Stores"
import * as NodeSwitchboard from "@switchboard/node/NodeSwitchboard"
import * as RedisStores from "@switchboard/node/RedisStores"
import * as Clock from "effect/Clock"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import { once } from "node:events"
import { createServer, type Socket } from "node:net"
import { inspect } from "node:util"
import { createClient } from "redis"
import { run } from "../../../tests/processes.ts"
import { redisServer, redisServerLater, redisServerWith, withoutRedis } from "./support/redis.ts"

/** What was logged and told while `self` ran. */
const watched = <A, E, R>(
  self: (seen: { readonly logged: Array<string>; readonly told: Array<unknown> }) => Effect.Effect<A, E, R>
) =>
  Effect.suspend(() => {
    const logged: Array<string> = []
    const told: Array<unknown> = []
    const logger = Logger.make((entry) => void logged.push(`${entry.logLevel}: ${String(entry.message)}`))
    return self({ logged, told }).pipe(
      Effect.provideService(Events.CurrentListener, (event) => {
        if (event._tag === "StoreChanged") told.push(event.available)
      }),
      Effect.provide(Logger.layer([logger]))
    )
  })

// Long enough for a machine that has other things to do.
const timeout = "10 seconds"
const connect = (url: string, options: Partial<RedisStores.ConnectOptions> = {}) =>
  Effect.map(
    Layer.build(RedisStores.layerConnect({ url, retryAfter: 50, ...options })),
    (context) => Context.get(context, Stores.Stores).shared!
  )
const increment = (kept: string | undefined): Stores.Change<number> => {
  const answer = Number(kept ?? 0) + 1
  return { answer, keep: { value: String(answer), timeToLive: 60_000 } }
}
/** Asks until there is an answer. */
const eventually = <A, E>(self: Effect.Effect<A, E>) => Effect.retry(self, Schedule.spaced(20))
const millis = ([duration]: readonly [Duration.Duration, unknown]) => Duration.toMillis(duration)

describe.skipIf(withoutRedis)("state shared in Redis", () => {
  it.live("is one for two processes", () =>
    Effect.gen(function*() {
      const { url } = yield* redisServer
      const program = `
        import { NodeSwitchboard } from "@switchboard/node"
        import { Stores } from "@switchboard/core"
        import { Effect } from "effect"
        const change = (kept) => ({ answer: 0, keep: { value: String(Number(kept ?? 0) + 1), timeToLive: 60_000 } })
        await Effect.runPromise(Effect.gen(function*() {
          const { shared } = yield* Stores.Stores
          for (let i = 0; i < 200; i++) yield* shared.modify("n", change)
        }).pipe(Effect.provide(NodeSwitchboard.layerRedis({ url: ${JSON.stringify(url)}, timeout: "10 seconds" }))))
      `
      const args = ["--conditions=switchboard-source", "--input-type=module", "--eval", program]
      const others = [0, 1].map(() => Effect.promise(() => run(process.execPath, args)))
      assert.deepStrictEqual(yield* Effect.all(others, { concurrency: "unbounded" }), [
        { exit: 0, output: "" },
        { exit: 0, output: "" }
      ])
      assert.strictEqual(yield* (yield* connect(url)).get("n"), "400")
    }))

  it.live("lies behind the prefix, and programs with another one do not see it", () =>
    Effect.gen(function*() {
      const { url } = yield* redisServer
      const usual = yield* connect(url)
      const other = yield* connect(url, { prefix: "other:" })
      const none = yield* connect(url, { prefix: "s" })
      yield* usual.set("a", "1", 60_000)
      assert.isUndefined(yield* other.get("a"))
      assert.strictEqual(yield* none.get("witchboard:a"), "1")
    }))

  it.live("R11: Redis is killed: nobody waits, it is said once, and it goes on where Redis is back", () =>
    watched(({ logged, told }) =>
      Effect.gen(function*() {
        const server = yield* redisServer
        const shared = yield* connect(server.url, { timeout })
        yield* shared.modify("n", increment)
        yield* server.kill
        const began = yield* Clock.currentTimeMillis
        for (let i = 0; i < 200; i++) {
          const error = yield* Effect.flip(shared.modify("n", increment))
          assert.instanceOf(error, Stores.StoreUnavailable)
          assert.strictEqual(error.store, "redis")
        }
        assert.isBelow((yield* Clock.currentTimeMillis) - began, 5_000)
        yield* server.start
        assert.strictEqual(yield* eventually(shared.modify("n", increment)), 1)
        for (let i = 0; i < 20; i++) yield* shared.get("n")
        assert.deepStrictEqual(told, [false, true])
        assert.strictEqual(logged.length, 2, logged.join("\n"))
        assert.match(logged[0]!, /^Warn: the store redis cannot be reached \(\w+\); each process goes on by itself$/)
        assert.strictEqual(logged[1], "Info: the store redis can be reached again")
      })
    ))

  it.live("R11: and where it shall refuse, the policies know", () =>
    Effect.gen(function*() {
      const server = yield* redisServer
      assert.strictEqual((yield* connect(server.url)).whenUnavailable, "local")
      const shared = yield* connect(server.url, { whenUnavailable: "refuse" })
      yield* server.kill
      yield* Effect.flip(shared.get("n"))
      assert.strictEqual(shared.whenUnavailable, "refuse")
    }))

  it.live("Redis hangs: no operation takes longer than its time, and what comes later none", () =>
    watched(({ told }) =>
      Effect.gen(function*() {
        const server = yield* redisServer
        const shared = yield* connect(server.url, { timeout: 500, retryAfter: "2 seconds" })
        yield* eventually(shared.modify("n", increment))
        told.length = 0
        yield* server.stop
        const all = [shared.get("n"), shared.set("a", "1", 1_000), shared.modify("n", increment), shared.remove("a")]
        const first = yield* Effect.timed(
          Effect.forEach(all, (self) => Effect.flip(Effect.asVoid(self)), { concurrency: "unbounded" })
        )
        const second = yield* Effect.timed(Effect.forEach(all, (self) => Effect.flip(Effect.asVoid(self))))
        assert.isBelow(millis(first), 2_000)
        assert.isBelow(millis(second), 450)
        assert.deepStrictEqual(told, [false])
        yield* server.resume
        yield* eventually(shared.modify("n", increment))
        assert.deepStrictEqual(told, [false, true])
      })
    ))

  it.live("Redis hangs: those find out too who never wait as long as it may take", () =>
    watched(({ told }) =>
      Effect.gen(function*() {
        const server = yield* redisServer
        const shared = yield* connect(server.url, { timeout: 500, retryAfter: "1 minute" })
        yield* eventually(shared.modify("n", increment))
        told.length = 0
        yield* server.stop
        yield* Effect.timeoutOption(shared.modify("n", increment), 10)
        yield* Effect.repeat(Effect.sync(() => told.length), { until: (n) => n > 0, schedule: Schedule.spaced(10) })
        assert.isUndefined((yield* Effect.flip(shared.get("n"))).cause)
        assert.deepStrictEqual(told, [false])
        yield* server.resume
      })
    ))

  it.live("one key that 40 change at the same time keeps none of them from anything else", () =>
    watched(({ logged }) =>
      Effect.gen(function*() {
        const { url } = yield* redisServer
        const all = yield* Effect.replicateEffect(connect(url, { timeout: "5 seconds" }), 40)
        const changes = Effect.forEach(all, (shared) => Effect.replicateEffect(shared.modify("hot", increment), 5), {
          concurrency: "unbounded"
        })
        const answers = (yield* changes).flat(2).toSorted((a, b) => a - b)
        assert.deepStrictEqual(answers, Array.from({ length: 200 }, (_, i) => i + 1))
        for (const shared of all) assert.isUndefined(yield* shared.get("other"))
        assert.deepStrictEqual(logged, [])
      })
    ))

  it.live("a key of another type fails by itself, whether it is read or changed", () =>
    watched(({ logged, told }) =>
      Effect.gen(function*() {
        const { url } = yield* redisServer
        const shared = yield* connect(url, { timeout })
        const client = createClient({ url })
        yield* Effect.promise(() => client.connect())
        yield* Effect.promise(() => client.lPush("switchboard:bad", "x"))
        client.destroy()
        for (const operation of [Effect.asVoid(shared.modify("bad", increment)), Effect.asVoid(shared.get("bad"))]) {
          assert.strictEqual((yield* Effect.flip(operation)).cause, "WRONGTYPE")
          assert.strictEqual(yield* shared.modify("good", () => ({ answer: 1 })), 1)
        }
        assert.deepStrictEqual(told, [])
        assert.deepStrictEqual(logged, ["Warn: the store redis refused an operation (WRONGTYPE)"])
      })
    ))

  it.live("a Redis that is full is still read", () =>
    Effect.gen(function*() {
      const { url } = yield* redisServer
      const shared = yield* connect(url, { timeout })
      yield* shared.set("a", "1", 60_000)
      const client = createClient({ url })
      yield* Effect.promise(() => client.connect())
      yield* Effect.promise(() => client.configSet("maxmemory", "1"))
      client.destroy()
      assert.strictEqual((yield* Effect.flip(shared.modify("n", increment))).cause, "OOM")
      assert.strictEqual((yield* Effect.flip(shared.set("n", "1", 60_000))).cause, "OOM")
      assert.strictEqual(yield* shared.get("a"), "1")
    }))

  it.live("a program starts without Redis, and shares from the moment it is there", () =>
    watched(({ told }) =>
      Effect.gen(function*() {
        const server = yield* redisServerLater()
        const context = yield* Layer.build(NodeSwitchboard.layerRedis({ url: server.url, timeout, retryAfter: 50 }))
        const shared = Context.get(context, Stores.Stores).shared!
        assert.isTrue(HttpClient.isHttpClient(Context.get(context, HttpClient.HttpClient)))
        const error = yield* Effect.flip(Effect.andThen(Effect.exit(shared.get("n")), shared.get("n")))
        assert.instanceOf(error, Stores.StoreUnavailable)
        yield* server.start
        assert.strictEqual(yield* eventually(shared.modify("n", increment)), 1)
        assert.deepStrictEqual(told, [false, true])
      })
    ))

  it.live("closes at once, whether Redis answers, hangs or never was there", () =>
    Effect.gen(function*() {
      const [answers, hangs, absent] = yield* Effect.all([redisServer, redisServer, redisServerLater()])
      for (const server of [answers, hangs, absent]) {
        const scope = yield* Scope.make()
        const shared = yield* Scope.provide(connect(server.url), scope)
        yield* Effect.exit(shared.get("n"))
        if (server === hangs) {
          yield* server.stop
          yield* Effect.exit(shared.get("n"))
        }
        const closing = yield* Effect.timed(Scope.close(scope, Exit.void))
        assert.isBelow(millis(closing), 900)
      }
      yield* hangs.resume
    }))

  it.live("takes a password, and tells it to no one", () =>
    watched(({ logged }) =>
      Effect.gen(function*() {
        const { url } = yield* redisServerWith("--requirepass", "CANARY")
        const withPassword = url.replace("//", "//:CANARY@")
        const config = Effect.provideService(
          Config.Redacted("REDIS_URL"),
          ConfigProvider.ConfigProvider,
          ConfigProvider.fromUnknown({ REDIS_URL: withPassword })
        )
        const secret = Layer.unwrap(Effect.map(config, (url) => RedisStores.layerConnect({ url })))
        const shared = Context.get(yield* Layer.build(secret), Stores.Stores).shared!
        assert.strictEqual(yield* eventually(shared.modify("n", increment)), 1)
        const apart = yield* connect(url, { password: Redacted.make("CANARY") })
        assert.strictEqual(yield* eventually(apart.modify("n", increment)), 2)

        const wrong = yield* connect(url.replace("//", "//:CANARY-2@"), { timeout })
        const error = yield* Effect.flip(wrong.get("n"))
        assert.strictEqual(error.cause, "WRONGPASS")
        assert.notInclude(inspect(error, { depth: 10 }), "CANARY")
        assert.notInclude(logged.join("\n"), "CANARY")
        assert.isNotEmpty(logged)
      })
    ))
})

it.live.skipIf(withoutRedis)(
  "a cache in Redis: two processes fetch once, and one clears for both",
  () =>
    Effect.gen(function*() {
      const { url } = yield* redisServer
      const make = Effect.gen(function*() {
        const storage = Cache.sharedStorage<string, { readonly price: number }>({
          shared: yield* connect(url, { timeout }),
          name: "coffee/Menu",
          encode: JSON.stringify,
          decode: (text) => Effect.sync(() => JSON.parse(text)),
          keyOf: (key) => key
        })
        return yield* Cache.make<string, { readonly price: number }>({ name: "coffee/Menu", ttl: "1 minute", storage })
      }).pipe(Effect.provide(Stores.layerMemory))
      const [first, second] = [yield* make, yield* make]
      let fetched = 0
      const fetch = Effect.sync(() => ({ price: ++fetched }))
      assert.deepStrictEqual(yield* first.policy("berlin")(fetch), { price: 1 })
      const known = yield* second.reported("berlin")(fetch)
      assert.deepStrictEqual([known.value, known.source, known.stale], [{ price: 1 }, "cache", false])
      assert.isBelow(Duration.toMillis(known.age), 10_000)
      yield* second.clear
      assert.deepStrictEqual(yield* first.policy("berlin")(fetch), { price: 2 })
      yield* second.invalidate("berlin")
      assert.deepStrictEqual(yield* first.policy("berlin")(fetch), { price: 3 })
    })
)

describe("a process ends soon after the scope of its connection", () => {
  const program = (url: string) => `
    import { RedisStores } from "@switchboard/node"
    import { Effect, Layer } from "effect"
    const { url } = { url: ${JSON.stringify(url)} }
    await Effect.runPromise(Effect.scoped(Effect.andThen(Layer.build(RedisStores.layerConnect({ url })), Effect.sleep(100))))
    const closed = performance.now()
    process.on("exit", () => console.log(Math.round(performance.now() - closed)))
  `
  const outlives = (url: string) =>
    Effect.map(
      Effect.promise(() =>
        run(process.execPath, ["--conditions=switchboard-source", "--input-type=module", "--eval", program(url)])
      ),
      ({ exit, output }) => {
        assert.strictEqual(exit, 0, output)
        return Number(output)
      }
    )
  /** Takes connections and says nothing. */
  const silent = Effect.acquireRelease(
    Effect.promise(async () => {
      const sockets = new Set<Socket>()
      const server = createServer((socket) => {
        sockets.add(socket)
        socket.on("error", () => undefined)
      })
      server.listen(0, "127.0.0.1")
      await once(server, "listening")
      const address = server.address()
      assert.isObject(address)
      return { server, sockets, port: typeof address === "object" ? address?.port : undefined }
    }),
    ({ server, sockets }) =>
      Effect.sync(() => {
        for (const socket of sockets) socket.destroy()
        server.close()
      })
  )

  it.live("where the other side says nothing", () =>
    Effect.gen(function*() {
      const { port } = yield* silent
      assert.isBelow(yield* outlives(`redis://127.0.0.1:${port}`), 3_000)
    }), 30_000)

  it.live("where the other side says nothing of TLS either", () =>
    Effect.gen(function*() {
      const { port } = yield* silent
      assert.isBelow(yield* outlives(`rediss://127.0.0.1:${port}`), 3_000)
    }), 30_000)

  it.live("where there is nobody", () =>
    Effect.gen(function*() {
      const { url } = yield* redisServerLater()
      assert.isBelow(yield* outlives(url), 3_000)
    }), 30_000)

  it.live.skipIf(withoutRedis)("where Redis answers", () =>
    Effect.gen(function*() {
      const { url } = yield* redisServer
      assert.isBelow(yield* outlives(url), 3_000)
    }), 30_000)
})

describe("options that cannot work", () => {
  it.live("are refused, all at once, and no url is repeated", () =>
    Effect.gen(function*() {
      const wrong = { url: "http://user:CANARY@redis", prefix: "", timeout: 0, tls: {} }
      const error = yield* Effect.flip(Layer.build(NodeSwitchboard.layerRedis(wrong)))
      assert.instanceOf(error, InvalidOptions)
      assert.deepStrictEqual(error.problems.map(({ option }) => option), ["timeout", "prefix", "url", "tls"])
      assert.notInclude(error.message, "CANARY")
      for (const url of ["", "redis", "redis://localhost/a", "redis://:%ff@localhost", "unix:///redis"]) {
        const error = yield* Effect.flip(Layer.build(RedisStores.layerConnect({ url: Redacted.make(url) })))
        assert.deepStrictEqual(error.problems.map(({ option }) => option), ["url"])
      }
    }))

  it.live("as is a word that is none", () =>
    Effect.gen(function*() {
      const text = JSON.parse(`{ "url": "redis://localhost", "whenUnavailable": "ignore" }`)
      const error = yield* Effect.flip(Layer.build(RedisStores.layerConnect(text)))
      assert.strictEqual(error.message, "Redis: invalid options: whenUnavailable must be local or refuse")
    }))
})

it.live("a program that shares nothing does not need the package redis", () =>
  Effect.gen(function*() {
    const program = `
      import { registerHooks } from "node:module"
      registerHooks({
        resolve(specifier, context, next) {
          if (/^(redis|@effect\\/platform-node)(\\/|$)/.test(specifier)) throw new Error(specifier + " is not there")
          return next(specifier, context)
        }
      })
      const { NodeSwitchboard } = await import("@switchboard/node")
      const { Effect, Layer } = await import("effect")
      await Effect.runPromise(Effect.scoped(Layer.build(NodeSwitchboard.layer)))
      const shares = NodeSwitchboard.layerRedis({ url: "redis://localhost" })
      const exit = await Effect.runPromiseExit(Effect.scoped(Layer.build(shares)))
      console.log(exit._tag, String(exit.cause).includes("redis is not there"))
    `
    const args = ["--conditions=switchboard-source", "--input-type=module", "--eval", program]
    assert.deepStrictEqual(yield* Effect.promise(() => run(process.execPath, args)), {
      exit: 0,
      output: "Failure true\n"
    })
  }))
