/** What losers, readers who are gone and settings of before leave behind, on real sockets: nothing. */
import { assert, describe, it } from "@effect/vitest"
import * as Deadline from "@switchboard/core/Deadline"
import * as Integration from "@switchboard/core/Integration"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as HttpApiSchema from "effect/http-api/HttpApiSchema"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as NodeSwitchboard from "../src/NodeSwitchboard.ts"
import { answer, type RawServer, serve, until } from "./support/server.ts"

class Things extends HttpApiGroup.make("things", { topLevel: true }).add(
  HttpApiEndpoint.get("get", "/thing", { success: Schema.String }),
  HttpApiEndpoint.get("feed", "/feed", { success: HttpApiSchema.StreamUint8Array() })
) {}
class Shop extends Integration.Service<Shop>()("test/RealShop", { api: HttpApi.make("things").add(Things) }) {}

const against = (server: RawServer, settings: Parameters<typeof Shop.layer>[0] = {}) =>
  Effect.provide(Shop.layer({ baseUrl: server.origin, ...settings }).pipe(Layer.provide(NodeSwitchboard.layer)))

const ok = answer("\"thing\"", "content-type: application/json\r\n")
const get = Effect.flatMap(Shop, (shop) => shop.get())
const feed = Effect.flatMap(Shop, (shop) => shop.feed())
const sockets = (server: RawServer) => server.sockets.size

/** The head of an endless answer, then a byte every ten milliseconds. */
const dripping = serve((socket) => {
  socket.write("HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\ntransfer-encoding: chunked\r\n\r\n")
  const timer = setInterval(() => socket.write("1\r\nx\r\n"), 10)
  socket.on("close", () => clearInterval(timer))
})

describe("on real sockets", () => {
  it.live("M2: the connection of a hedge that lost is closed before the call ends, and that of the winner is kept", () =>
    Effect.gen(function*() {
      let requests = 0
      const server = yield* serve((socket) => {
        // The first is taken, and never answered.
        if (++requests > 1) socket.write(ok)
      })
      yield* Effect.gen(function*() {
        assert.strictEqual(yield* get, "thing")
        assert.strictEqual(requests, 2)
        yield* until(() => sockets(server) === 1)
        assert.strictEqual(yield* get, "thing")
        assert.strictEqual(server.opened, 2)
      }).pipe(against(server, { hedge: { delay: "50 millis" } }))
    }))

  it.live("a stream that nobody reads gives its connection back after the idle timeout", () =>
    Effect.gen(function*() {
      const server = yield* dripping
      yield* Effect.gen(function*() {
        const stream = yield* feed
        assert.strictEqual(sockets(server), 1)
        yield* until(() => sockets(server) === 0)
        assert.isTrue(Exit.isFailure(yield* Effect.exit(Stream.runDrain(stream))))
      }).pipe(against(server, { idleTimeout: "100 millis" }))
    }))

  it.live("F9: a stream that keeps sending ends with its timeout, and with the deadline of its reader", () =>
    Effect.gen(function*() {
      const server = yield* dripping
      const drained = Effect.flip(Effect.flatMap(feed, Stream.runDrain))
      yield* Effect.gen(function*() {
        const error = yield* drained
        assert.strictEqual(error._tag === "IntegrationError" && error.reason._tag, "DeadlineExceeded")
        yield* until(() => sockets(server) === 0)
        const [took] = yield* Effect.timed(
          Effect.exit(Effect.flatMap(feed, Stream.runDrain).pipe(Deadline.within("100 millis")))
        )
        assert.isBelow(Duration.toMillis(took), 1900)
        yield* until(() => sockets(server) === 0)
      }).pipe(against(server, { streamTimeout: "2 seconds" }))
    }))

  it.live("R1: the connections of old settings are closed after the last call on them, not before", () =>
    Effect.gen(function*() {
      let reply: (() => void) | undefined
      const server = yield* serve((socket) => {
        if (reply === undefined) reply = () => socket.write(ok)
        else socket.write(ok)
      })
      yield* Effect.gen(function*() {
        const old = yield* Effect.forkChild(get, { startImmediately: true })
        yield* until(() => reply !== undefined)
        yield* Shop.reload({ baseUrl: server.origin, totalTimeout: "5 seconds" })
        assert.strictEqual(yield* get, "thing")
        assert.strictEqual(sockets(server), 2)
        reply!()
        assert.strictEqual(yield* Fiber.join(old), "thing")
        yield* until(() => sockets(server) === 1)
        assert.strictEqual(yield* get, "thing")
        assert.strictEqual(server.opened, 2)
      }).pipe(against(server))
    }))
})
