import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { open, request, send, sendOk, start, text } from "./support/exchange.ts"
import { answer, echo, serve, until } from "./support/server.ts"

it.live("sends method, path, headers and a string body, and answers with status, headers and body", () =>
  Effect.gen(function*() {
    const server = yield* serve((socket) =>
      socket.write(answer("{\"a\":1}", "X-Id: 7\r\nset-cookie: a\r\nset-cookie: b\r\n"))
    )
    const channel = yield* open()
    const response = yield* sendOk(
      channel,
      request(server.origin, { method: "POST", path: "/v1/x?y=1", headers: ["x-key", "k"], body: "héllo" })
    )
    expect(response.status).toBe(200)
    expect(response.headers).toMatchObject({ "x-id": "7", "set-cookie": ["a", "b"] })
    expect(text(response)).toBe("{\"a\":1}")
    expect(server.received).toMatch(
      /^POST \/v1\/x\?y=1 HTTP\/1\.1\r\nhost: localhost:\d+\r\nconnection: keep-alive\r\n/
    )
    expect(server.received).toContain(
      "x-key: k\r\naccept-encoding: gzip, deflate, br, zstd\r\ncontent-length: 6\r\n\r\n"
    )
    expect(Buffer.from(server.received, "latin1").toString()).toMatch(/héllo$/)
  }))

it.live("I4: sends the same bytes each time a body is sent", () =>
  Effect.gen(function*() {
    const server = yield* echo
    const channel = yield* open()
    const body = new Uint8Array([0, 255, 10, 13, 128]).subarray(1)
    yield* sendOk(channel, request(server.origin, { method: "PUT", body }))
    yield* sendOk(channel, request(server.origin, { method: "PUT", body }))
    const bodies = server.received.split("content-length: 4\r\n\r\n").slice(1).map((part) => part.slice(0, 4))
    expect(bodies).toEqual(["\xff\n\r\x80", "\xff\n\r\x80"])
  }))

it.live("keeps the accept-encoding of the request", () =>
  Effect.gen(function*() {
    const server = yield* echo
    const channel = yield* open()
    yield* sendOk(channel, request(server.origin, { headers: ["accept-encoding", "identity"] }))
    expect(server.received.match(/accept-encoding: .*/g)).toEqual(["accept-encoding: identity"])
  }))

it.live("answers to HEAD, 204 and 304 have no body, whatever their headers say", () =>
  Effect.gen(function*() {
    const server = yield* serve((socket, head) => {
      const status = head.startsWith("HEAD") ? "200 OK" : head.includes("/304") ? "304 Not Modified" : "204 No Content"
      const length = head.startsWith("HEAD") ? "content-length: 99999999\r\n" : ""
      socket.write(`HTTP/1.1 ${status}\r\n${length}content-encoding: gzip\r\n\r\n`)
    })
    const channel = yield* open()
    for (
      const [method, path, status] of [
        ["HEAD", "/", 200],
        ["GET", "/204", 204],
        ["GET", "/304", 304]
      ] as const
    ) {
      const response = yield* sendOk(channel, request(server.origin, { method, path }))
      expect([response.status, response.body.length]).toEqual([status, 0])
    }
  }))

it.live("ignores 102 and 103 before the answer", () =>
  Effect.gen(function*() {
    const server = yield* serve((socket) =>
      socket.write(`HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n${answer("late")}`)
    )
    const response = yield* sendOk(yield* open(), request(server.origin))
    expect([response.status, text(response), response.headers["link"]]).toEqual([200, "late", undefined])
  }))

it.live("an unexpected 100 is a typed failure and closes the connection, because undici does not pass it over", () =>
  Effect.gen(function*() {
    const server = yield* serve((socket) => socket.write(`HTTP/1.1 100 Continue\r\n\r\n${answer()}`))
    expect(yield* send(yield* open(), request(server.origin))).toMatchObject({ _tag: "Transport", wasSent: true })
    yield* until(() => server.sockets.size === 0)
  }))

it.live("V3: a line break in a header, a path or a method is a typed failure and is not sent", () =>
  Effect.gen(function*() {
    const server = yield* echo
    const channel = yield* open({ maxConnections: 1 })
    for (
      const bad of [
        { headers: ["x-a", "1\r\nx-evil: 1"] },
        { headers: ["x-a\r\nx-evil", "1"] },
        { path: "/a HTTP/1.1\r\nx-evil: 1" },
        { method: "GET /evil" },
        { headers: ["transfer-encoding", "chunked"] }
      ]
    ) {
      const { exchange, outcome } = start(channel, request(server.origin, bad))
      const failure = yield* Effect.promise(() => outcome)
      expect(failure).toMatchObject({ _tag: "InvalidRequest", wasSent: false })
      expect(exchange.wasSent).toBe(false)
    }
    expect(server.received).toBe("")
    yield* sendOk(channel, request(server.origin)) // the only connection is still to be had
    expect(server.received).not.toContain("evil")
  }))

it.live("an origin that is not http is a typed failure", () =>
  Effect.gen(function*() {
    const channel = yield* open()
    for (const origin of ["ftp://localhost", "nonsense", ""]) {
      expect(yield* send(channel, request(origin))).toMatchObject({ wasSent: false })
    }
  }))

it.live("tells the receiver after send has returned, once, even if the request is refused at once", () =>
  Effect.gen(function*() {
    const channel = yield* open()
    const { told, outcome } = start(channel, request("nonsense"))
    expect(told).toEqual([])
    yield* Effect.promise(() => outcome)
    expect(told).toHaveLength(1)
  }))

it.live("V1: an answer of exactly the limit is whole; a byte more is too large and closes the connection", () =>
  Effect.gen(function*() {
    const body = "x".repeat(1_000)
    const server = yield* serve((socket, head) =>
      socket.write(
        head.includes("/chunked")
          ? `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3e8\r\n${body}\r\n0\r\n\r\n`
          : answer(body)
      )
    )
    const channel = yield* open()
    for (const path of ["/length", "/chunked"]) {
      const fits = yield* sendOk(channel, request(server.origin, { path, maxResponseBytes: 1_000 }))
      expect(fits.body.length).toBe(1_000)
      const failure = yield* send(channel, request(server.origin, { path, maxResponseBytes: 999 }))
      expect(failure).toMatchObject({ _tag: "ResponseTooLarge", limit: 999 })
      yield* until(() => server.sockets.size === 0)
    }
  }))

it.live("V1: an endless body and endless headers stop at the limit and close the connection", () =>
  Effect.gen(function*() {
    let written = 0
    const server = yield* serve((socket, head) => {
      const body = head.includes("/body")
      socket.write(body ? "HTTP/1.1 200 OK\r\n\r\n" : "HTTP/1.1 200 OK\r\n")
      const piece = body ? "x".repeat(16_384) : `x-a: ${"y".repeat(1_000)}\r\n`
      const more = () => {
        while (!socket.destroyed && socket.write(piece)) written += piece.length
      }
      socket.on("drain", more)
      more()
    })
    const channel = yield* open()
    const body = yield* send(channel, request(server.origin, { path: "/body", maxResponseBytes: 100_000 }))
    expect(body).toMatchObject({ _tag: "ResponseTooLarge", limit: 100_000 })
    const headers = yield* send(channel, request(server.origin, { path: "/headers" }))
    expect(headers).toMatchObject({ _tag: "ResponseTooLarge", limit: 16_384 })
    yield* until(() => server.sockets.size === 0)
    expect(written).toBeLessThan(20_000_000)
  }))
