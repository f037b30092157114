import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import { Exchange } from "../src/internal/exchange.ts"
import { Pool } from "../src/internal/pool.ts"
import { open, request, send, sendOk, start } from "./support/exchange.ts"
import { answer, echo, serve, silent, until } from "./support/server.ts"

it.live("one call after the other uses one connection", () =>
  Effect.gen(function*() {
    const server = yield* echo
    const channel = yield* open()
    for (let i = 0; i < 20; i++) yield* sendOk(channel, request(server.origin))
    expect(server.opened).toBe(1)
  }))

it.live("500 at a time share the connections that are allowed", () =>
  Effect.gen(function*() {
    const server = yield* serve((socket) => void setImmediate(() => socket.write(answer())))
    const channel = yield* open({ maxConnections: 4 })
    const sent = Array.from({ length: 500 }, () => start(channel, request(server.origin)))
    yield* Effect.promise(() => Promise.all(sent.map((one) => one.outcome)))
    expect(sent.every(({ told }) => told.length === 1 && "status" in told[0]!)).toBe(true)
    expect(server.opened).toBe(4)
  }))

it.live("those that wait are served first come first served", () =>
  Effect.gen(function*() {
    const server = yield* echo
    const channel = yield* open({ maxConnections: 1 })
    const sent = Array.from({ length: 50 }, (_, i) => start(channel, request(server.origin, { path: `/${i}` })))
    yield* Effect.promise(() => Promise.all(sent.map((one) => one.outcome)))
    const order = [...server.received.matchAll(/GET \/(\d+)/g)].map((match) => Number(match[1]))
    expect(order).toEqual(Array.from({ length: 50 }, (_, i) => i))
  }))

it.live("no request is lost on a connection that the server ends behind its answer without a word", () =>
  Effect.gen(function*() {
    const server = yield* serve((socket) => void socket.end(answer()))
    for (const [maxConnections, atATime] of [[1, 1], [2, 4], [5, 5]] as const) {
      const channel = yield* open({ maxConnections })
      const posts = (n: number): Effect.Effect<void> =>
        n === 0
          ? Effect.void
          : Effect.andThen(sendOk(channel, request(server.origin, { method: "POST" })), posts(n - 1))
      yield* Effect.all(Array.from({ length: atATime }, () => posts(20)), { concurrency: "unbounded" })
    }
    expect(server.opened).toBe(20 + 80 + 100)
  }))

it.live("an idle connection is closed after its time", () =>
  Effect.gen(function*() {
    const server = yield* echo
    const channel = yield* open({ keepAliveTimeout: 20 })
    yield* sendOk(channel, request(server.origin))
    expect(server.sockets.size).toBe(1)
    yield* until(() => server.sockets.size === 0)
    yield* sendOk(channel, request(server.origin))
    expect(server.opened).toBe(2)
  }))

it.live("a connection that the server wants closed is not used again", () =>
  Effect.gen(function*() {
    const server = yield* serve((socket) => socket.end(answer("ok", "connection: close\r\n")))
    const channel = yield* open({ maxConnections: 1 })
    for (let i = 0; i < 5; i++) yield* sendOk(channel, request(server.origin))
    expect(server.opened).toBe(5)
  }))

it.live("two pools share no connection, and one origin's requests do not wait for another's", () =>
  Effect.gen(function*() {
    const [stuck, server] = [yield* silent, yield* echo]
    const [one, two] = [yield* open({ maxConnections: 1 }), yield* open({ maxConnections: 1 })]
    const waiting = start(one, request(stuck.origin))
    yield* sendOk(one, request(server.origin))
    yield* sendOk(two, request(server.origin))
    expect(server.opened).toBe(2)
    waiting.exchange.cancel()
  }))

it.live("an origin is forgotten when it has no connection and nothing to do", () =>
  Effect.gen(function*() {
    const pool = new Pool({ maxConnections: 2, keepAliveTimeout: Infinity, connectTimeout: Infinity }, {})
    yield* Effect.addFinalizer(() => Effect.promise(() => pool.close(0)))
    const get = (origin: string) =>
      Effect.promise(() => {
        const { promise, resolve } = Promise.withResolvers<unknown>()
        const request = { method: "GET", origin, path: "/", headers: [], body: undefined, maxResponseBytes: 1_000 }
        pool.run(origin, new Exchange(request, { onResponse: resolve, onFailure: resolve }))
        return promise
      })
    const server = yield* echo
    yield* get(server.origin)
    expect(pool.size).toBe(1)
    for (const socket of server.sockets) socket.end()
    yield* until(() => pool.size === 0)
    yield* get(server.origin)
    expect(pool.size).toBe(1)
    yield* get("http://localhost:1") // refused
    yield* get("http://[bad")
    yield* until(() => pool.size === 1)
  }))

describe("L4: when the scope closes no socket is left", () => {
  it.live("idle connections are closed at once, and later requests are refused", () =>
    Effect.gen(function*() {
      const server = yield* echo
      const { channel, close } = yield* opened(60_000)
      yield* sendOk(channel, request(server.origin))
      yield* close
      yield* until(() => server.sockets.size === 0)
      const failure = yield* send(channel, request(server.origin))
      expect(failure).toMatchObject({ kind: "Closed", code: "UND_ERR_CLOSED", wasSent: false })
    }))

  it.live("what runs may finish within the grace, what waits is refused", () =>
    Effect.gen(function*() {
      const server = yield* silent
      const { channel, close } = yield* opened(60_000, 1)
      const running = start(channel, request(server.origin))
      const waiting = start(channel, request(server.origin))
      yield* until(() => server.received !== "")
      const closing = yield* Effect.forkChild(close, { startImmediately: true })
      expect(yield* Effect.promise(() => waiting.outcome)).toMatchObject({ code: "UND_ERR_CLOSED", wasSent: false })
      for (const socket of server.sockets) socket.write(answer())
      expect(yield* Effect.promise(() => running.outcome)).toMatchObject({ status: 200 })
      yield* Fiber.join(closing)
      yield* until(() => server.sockets.size === 0)
    }))

  it.live("what still runs after the grace is destroyed", () =>
    Effect.gen(function*() {
      const server = yield* silent
      const { channel, close } = yield* opened(10)
      const running = start(channel, request(server.origin))
      yield* until(() => server.received !== "")
      yield* close
      expect(yield* Effect.promise(() => running.outcome)).toMatchObject({ code: "UND_ERR_DESTROYED", wasSent: true })
      yield* until(() => server.sockets.size === 0)
    }))

  it.live("what is still connecting is destroyed", () =>
    Effect.gen(function*() {
      const server = yield* silent // never answers the handshake
      const { channel, close } = yield* opened(10)
      const connecting = start(channel, request(`https://localhost:${server.port}`))
      yield* until(() => server.sockets.size === 1)
      yield* close
      expect(yield* Effect.promise(() => connecting.outcome)).toMatchObject({ _tag: "Transport", wasSent: false })
      yield* until(() => server.sockets.size === 0)
    }))
})

const opened = (grace: number, maxConnections = 2) =>
  Effect.gen(function*() {
    const scope = yield* Scope.make()
    const channel = yield* open({ maxConnections }, { closeGrace: grace }).pipe(Scope.provide(scope))
    return { channel, close: Scope.close(scope, Exit.void) }
  })
