import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as net from "node:net"
import { selfSigned } from "./support/certificate.ts"
import { open, request, send, sendOk, start, text } from "./support/exchange.ts"
import { answer, echo, serve, until } from "./support/server.ts"

describe("I2: before the request is sent, wasSent is false", () => {
  it.live("connection refused", () =>
    Effect.gen(function*() {
      const server = yield* Effect.scoped(echo) // closed again: nobody listens on this port
      yield* until(() => server.sockets.size === 0)
      const failure = yield* send(yield* open(), request(server.origin, { method: "POST", body: "x" }))
      expect(failure).toMatchObject({ kind: "Refused", code: "ECONNREFUSED", wasSent: false })
    }))

  it.live("a name that does not resolve", () =>
    Effect.gen(function*() {
      const channel = yield* open({}, { connect: { lookup: notFound } })
      const failure = yield* send(channel, request("http://secret.example"))
      expect(failure).toMatchObject({ kind: "NameNotResolved", code: "ENOTFOUND", wasSent: false })
      expect(JSON.stringify(failure)).not.toContain("secret")
    }))

  it.live("connecting takes too long", () =>
    Effect.gen(function*() {
      const channel = yield* open({ connectTimeout: 20 }, { connect: { lookup: neverFound } })
      const failure = yield* send(channel, request("http://somewhere.example"))
      expect(failure).toMatchObject({ kind: "ConnectTimeout", code: "UND_ERR_CONNECT_TIMEOUT", wasSent: false })
    }))

  it.live("a handshake that never ends takes too long", () =>
    Effect.gen(function*() {
      const server = yield* serve(() => {})
      const channel = yield* open({ connectTimeout: 20 })
      const failure = yield* send(channel, request(`https://localhost:${server.port}`))
      expect(failure).toMatchObject({ kind: "ConnectTimeout", wasSent: false })
      yield* until(() => server.sockets.size === 0)
    }))

  it.live("a peer that does not speak TLS", () =>
    Effect.gen(function*() {
      const server = yield* serve((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"))
      const failure = yield* send(yield* open(), request(`https://localhost:${server.port}`))
      expect(failure).toMatchObject({ kind: "Tls", wasSent: false })
    }))

  it.live("a peer that hangs up in the handshake", () =>
    Effect.gen(function*() {
      const server = yield* serve((socket) => socket.destroy())
      const failure = yield* send(yield* open(), request(`https://localhost:${server.port}`))
      expect(failure).toMatchObject({ kind: "Reset", code: "ECONNRESET", wasSent: false })
    }))

  it.live("a certificate that is not trusted, until it is", () =>
    Effect.gen(function*() {
      const certificate = selfSigned()
      const server = yield* serve((socket) => socket.write(answer("secret")), certificate)
      const failure = yield* send(yield* open(), request(server.origin))
      expect(failure).toMatchObject({
        kind: "Tls",
        code: "DEPTH_ZERO_SELF_SIGNED_CERT",
        wasSent: false,
        isRetryable: false
      })
      expect(server.received).toBe("")
      const trusting = yield* open({}, { connect: { ca: certificate.cert } })
      expect(text(yield* sendOk(trusting, request(server.origin)))).toBe("secret")
      const wrongName = yield* send(trusting, request(`https://127.0.0.1:${server.port}`))
      expect(wrongName).toMatchObject({ kind: "Tls", code: "ERR_TLS_CERT_ALTNAME_INVALID", wasSent: false })
    }))
})

describe("V4: afterwards it is true, and the connection is closed", () => {
  const cases: ReadonlyArray<readonly [name: string, kind: string, answerWith: (socket: net.Socket) => void]> = [
    ["reset before the answer", "Reset", (socket) => socket.resetAndDestroy()],
    ["closed before the answer", "Reset", (socket) => socket.end()],
    ["closed in the status line", "Reset", (socket) => socket.end("HTTP/1.1 20")],
    ["closed in the headers", "Reset", (socket) => socket.end("HTTP/1.1 200 OK\r\ncontent-len")],
    ["closed after the headers", "Truncated", (socket) => socket.end(answer("", "", 10))],
    ["closed in the body", "Truncated", (socket) => socket.end(answer("12345", "", 10))],
    [
      "closed in a body of a connection that was to close",
      "Truncated",
      (socket) => socket.end(answer("12345", "connection: close\r\n", 10))
    ],
    [
      "closed between two chunks",
      "Truncated",
      (socket) => socket.end("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n12345\r\n")
    ],
    [
      "reset in the body",
      "Reset",
      (socket) => socket.write(answer("12345", "", 10), () => setImmediate(() => socket.resetAndDestroy()))
    ],
    ["not HTTP at all", "Other", (socket) => socket.end("SSH-2.0-OpenSSH_9.6\r\n")],
    [
      "a length that its chunks do not fill",
      "Truncated",
      (socket) => socket.end("HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n")
    ]
  ]
  for (const [name, kind, answerWith] of cases) {
    it.live(name, () =>
      Effect.gen(function*() {
        const server = yield* serve(answerWith)
        const { exchange, outcome } = start(yield* open(), request(server.origin))
        expect(exchange.wasSent).toBe(false)
        const failure = yield* Effect.promise(() => outcome)
        expect(failure).toMatchObject({ _tag: "Transport", kind, wasSent: true })
        expect(exchange.wasSent).toBe(true)
        yield* until(() => server.sockets.size === 0)
      }))
  }

  it.live("a body that ends with the connection is whole", () =>
    Effect.gen(function*() {
      const server = yield* serve((socket) => socket.end("HTTP/1.1 200 OK\r\n\r\nall of it"))
      expect(text(yield* sendOk(yield* open(), request(server.origin)))).toBe("all of it")
    }))

  it.live("an idle connection that was closed or reset is not used: the request goes out once, on another", () =>
    Effect.gen(function*() {
      let requests = 0
      const server = yield* serve((socket) => {
        requests++
        socket.write(answer())
      })
      const channel = yield* open({ maxConnections: 1 })
      for (const close of ["end", "resetAndDestroy"] as const) {
        yield* sendOk(channel, request(server.origin))
        for (const socket of server.sockets) socket[close]()
        yield* until(() => server.sockets.size === 0)
        yield* sendOk(channel, request(server.origin, { method: "POST", body: "x" }))
      }
      expect(requests).toBe(4)
    }))

  it.live("a connection that is reset by the next request is a Reset that was sent, and is not repeated", () =>
    Effect.gen(function*() {
      let requests = 0
      const server = yield* serve((socket) => {
        if (++requests === 1) socket.write(answer())
        else socket.resetAndDestroy()
      })
      const channel = yield* open({ maxConnections: 1 })
      yield* sendOk(channel, request(server.origin))
      expect(yield* send(channel, request(server.origin))).toMatchObject({ kind: "Reset", wasSent: true })
      expect([requests, server.opened]).toEqual([2, 1])
    }))
})

const notFound: net.LookupFunction = (_, __, done) =>
  done(Object.assign(new Error("secret.example"), { code: "ENOTFOUND" }), "", 4)
const neverFound: net.LookupFunction = () => {}
