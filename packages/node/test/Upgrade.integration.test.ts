import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"
import { open } from "./support/exchange.ts"
import { answer, serve, until } from "./support/server.ts"

const headers = { connection: "upgrade", upgrade: "chat" }

it.live("an upgrade hands the connection over as a Socket, which closes with its scope", () =>
  Effect.gen(function*() {
    const server = yield* serve((socket, text) => {
      if (text.startsWith("GET")) {
        socket.write("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: chat\r\n\r\nearly")
      } else socket.write(text.toUpperCase())
    })
    const channel = yield* open({ maxConnections: 1 })
    const response = yield* channel.client.get(server.origin, { headers })
    expect(response.status).toBe(101)
    expect(server.received).toMatch(/connection: upgrade\r\nupgrade: chat/)
    const socket = yield* response.upgrade
    const reads: Array<string> = []
    yield* Effect.scoped(
      Effect.gen(function*() {
        const pull = yield* Socket.readerString(socket)
        const writer = yield* socket.writer
        reads.push(...(yield* pull))
        yield* writer.write("hello")
        reads.push(...(yield* pull))
      })
    )
    expect(reads).toEqual(["early", "HELLO"])
    yield* until(() => server.sockets.size === 0)
  }))

it.live("an upgrade that is refused is an answer like any other, and `upgrade` a typed failure", () =>
  Effect.gen(function*() {
    const server = yield* serve((socket) => socket.write(answer("no")))
    const response = yield* (yield* open()).client.get(server.origin, { headers })
    expect([response.status, yield* response.text]).toEqual([200, "no"])
    expect(yield* Effect.flip(response.upgrade)).toMatchObject({ reason: { _tag: "StatusCodeError" } })
  }))

it.live("the end of an upgraded connection is noticed while nobody reads it", () =>
  Effect.gen(function*() {
    const server = yield* serve((socket) => {
      socket.write("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: chat\r\n\r\n")
    })
    const response = yield* (yield* open()).client.get(server.origin, { headers })
    const socket = yield* response.upgrade
    yield* socket.reader
    for (const accepted of server.sockets) accepted.end()
    yield* until(() => server.sockets.size === 0)
  }))

it.live("L4: an upgraded connection does not outlive its pool", () =>
  Effect.gen(function*() {
    const server = yield* serve((socket) =>
      socket.write("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: chat\r\n\r\n")
    )
    const scope = yield* Scope.make()
    const channel = yield* open().pipe(Scope.provide(scope))
    const response = yield* channel.client.get(server.origin, { headers })
    yield* Scope.close(scope, Exit.void)
    yield* until(() => server.sockets.size === 0)
    expect(response.status).toBe(101)
  }))
