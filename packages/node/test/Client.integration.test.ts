import { describe, expect, it } from "@effect/vitest"
import * as Transport from "@switchboard/core/Transport"
import * as ByteSize from "effect/ByteSize"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as HttpBody from "effect/http/HttpBody"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpIncomingMessage from "effect/http/HttpIncomingMessage"
import * as UrlParams from "effect/http/UrlParams"
import * as Stream from "effect/Stream"
import { gzipSync } from "node:zlib"
import { open } from "./support/exchange.ts"
import { answer, echo, serve, silent, until } from "./support/server.ts"

const openClient = (maxConnections = 10, unreadTimeout = 30_000) =>
  Effect.map(open({ maxConnections }, { unreadTimeout, closeGrace: 1 }), (channel) => channel.client)

describe("a body", () => {
  it.live("is read into memory once, and every later read is answered from there", () =>
    Effect.gen(function*() {
      const server = yield* serve((socket) => socket.write(answer("{\"a\":\"é\"}")))
      const response = yield* (yield* openClient()).get(server.origin)
      expect(yield* response.json).toEqual({ a: "é" })
      expect(yield* response.text).toBe("{\"a\":\"é\"}")
      expect((yield* response.arrayBuffer).byteLength).toBe(10)
      expect(yield* response.stream.pipe(Stream.decodeText(), Stream.mkString)).toBe("{\"a\":\"é\"}")
      expect(server.received.match(/GET/g)).toHaveLength(1)
    }))

  it.live("two readers at once get the same", () =>
    Effect.gen(function*() {
      const server = yield* echo
      const response = yield* (yield* openClient()).get(server.origin)
      expect(yield* Effect.all([response.text, response.text], { concurrency: 2 })).toEqual(["ok", "ok"])
    }))

  it.live("read as a stream is read once; a second read is a typed failure", () =>
    Effect.gen(function*() {
      const server = yield* serve((socket) => socket.write(answer("abc")))
      const response = yield* (yield* openClient()).get(server.origin)
      expect(yield* response.stream.pipe(Stream.decodeText(), Stream.mkString)).toBe("abc")
      for (const read of [response.text, Stream.runDrain(response.stream)]) {
        expect(yield* Effect.flip(Effect.asVoid<unknown, unknown, never>(read))).toMatchObject({
          reason: { _tag: "DecodeError" }
        })
      }
    }))

  it.live("of a form is parsed, url-encoded or multipart", () =>
    Effect.gen(function*() {
      const multipart = "--b\r\ncontent-disposition: form-data; name=\"a\"\r\n\r\n1\r\n--b--\r\n"
      const server = yield* serve((socket, head) =>
        socket.write(
          head.includes("/multipart")
            ? answer(multipart, "content-type: multipart/form-data; boundary=b\r\n")
            : answer("?a=1&b=%20", "content-type: application/x-www-form-urlencoded\r\n")
        )
      )
      const client = yield* openClient()
      const params = yield* Effect.flatMap(client.get(server.origin), (response) => response.urlParamsBody)
      expect(UrlParams.toRecord(params)).toEqual({ "?a": "1", b: " " })
      const form = yield* Effect.flatMap(client.get(`${server.origin}/multipart`), (response) => response.formData)
      expect([...form]).toEqual([["a", "1"]])
    }))

  it.live("is decoded, as a whole and as a stream", () =>
    Effect.gen(function*() {
      const text = "0123456789".repeat(100_000)
      const packed = gzipSync(text)
      const server = yield* serve((socket) => {
        socket.write(`HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: ${packed.length}\r\n\r\n`)
        socket.write(packed)
      })
      const client = yield* openClient()
      const whole = yield* client.get(server.origin)
      expect([yield* whole.text, whole.headers["content-encoding"]]).toEqual([text, undefined])
      const streamed = HttpClient.execute(HttpClientRequest.get(server.origin)).pipe(
        Effect.map((response) => response.stream),
        Stream.unwrap,
        Stream.decodeText(),
        Stream.mkString,
        Effect.provideService(HttpClient.HttpClient, client)
      )
      expect(yield* streamed).toBe(text)
    }))

  it.live("V1: larger than 10 MiB, or than MaxBodySize, is not read into memory", () =>
    Effect.gen(function*() {
      const server = yield* serve((socket) => socket.write(answer("x".repeat(11_000_000))))
      const response = yield* (yield* openClient()).get(server.origin)
      const failure = yield* Effect.flip(response.text)
      expect(failure.reason).toMatchObject({
        _tag: "DecodeError",
        cause: { _tag: "ResponseTooLarge", limit: 10_485_760 }
      })
      yield* until(() => server.sockets.size === 0)
      const raised = yield* (yield* openClient()).get(server.origin)
      const text = yield* raised.text.pipe(
        Effect.provideService(HttpIncomingMessage.MaxBodySize, ByteSize.fromInputUnsafe(12_000_000))
      )
      expect(text.length).toBe(11_000_000)
    }))

  it.live("V4: cut short or reset is a typed failure, also in the middle of a stream", () =>
    Effect.gen(function*() {
      const server = yield* serve((socket) => socket.end(answer("12345", "", 10)))
      const client = yield* openClient()
      const response = yield* client.get(server.origin)
      const failure = yield* Effect.flip(response.text)
      expect(failure.reason).toMatchObject({ cause: { _tag: "Transport", kind: "Truncated", wasSent: true } })
      const chunks: Array<string> = []
      const exit = yield* (yield* client.get(server.origin)).stream.pipe(
        Stream.decodeText(),
        Stream.runForEach((chunk) => Effect.sync(() => void chunks.push(chunk))),
        Effect.exit
      )
      expect([chunks.join(""), Exit.isFailure(exit)]).toEqual(["12345", true])
    }))
})

describe("a body that nobody reads", () => {
  it.live("is taken off its connection if it fits into 64 KiB, so that the connection is used again", () =>
    Effect.gen(function*() {
      const server = yield* serve((socket) => socket.write(answer("x".repeat(60_000))))
      const client = yield* openClient(1)
      const responses = yield* Effect.forEach(Array.from({ length: 10 }), () => client.get(server.origin))
      expect(server.opened).toBe(1)
      expect((yield* responses[0]!.text).length).toBe(60_000) // and it can still be read
    }))

  it.live("is aborted after a while if it is larger or endless, so that the connection is not kept for ever", () =>
    Effect.gen(function*() {
      const server = yield* serve((socket, head) =>
        socket.write(head.includes("/endless") ? answer("drip", "", 100) : answer("x".repeat(5_000_000)))
      )
      const client = yield* openClient(1, 20)
      for (const path of ["/large", "/endless"]) {
        const response = yield* client.get(`${server.origin}${path}`)
        yield* until(() => server.sockets.size === 0)
        expect(Exit.isFailure(yield* Effect.exit(response.text))).toBe(true)
      }
    }))

  it.live("is aborted with the scope of HttpClient.withScope", () =>
    Effect.gen(function*() {
      const server = yield* serve((socket) => socket.write(answer("drip", "", 100)))
      const client = HttpClient.withScope(yield* openClient())
      yield* Effect.scoped(client.get(server.origin))
      yield* until(() => server.sockets.size === 0)
    }))
})

it.live("T9: a slow reader of 64 MiB holds the server back, and memory stays flat", () =>
  Effect.gen(function*() {
    const size = 64 * 1024 * 1024
    const piece = Buffer.alloc(256 * 1024)
    let written = 0
    let held = 0
    const server = yield* serve((socket) => {
      socket.write(answer("", "", size))
      const more = () => {
        while (written < size) {
          written += piece.length
          if (!socket.write(piece)) {
            held++
            return
          }
        }
      }
      socket.on("drain", more)
      more()
    })
    const response = yield* (yield* openClient()).get(server.origin)
    let read = 0
    let ahead = 0
    yield* Stream.runForEach(response.stream, (chunk) => {
      read += chunk.length
      ahead = Math.max(ahead, written - read)
      return read % 8 === 0 ? Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve))) : Effect.void
    })
    expect(read).toBe(size)
    expect(held).toBeGreaterThan(4)
    expect(ahead).toBeLessThan(24 * 1024 * 1024) // what the kernel's buffers hold, and not the body
  }))

describe("the fiber", () => {
  it.live("F1: interrupted before the answer, it closes the connection", () =>
    Effect.gen(function*() {
      const server = yield* silent
      const fiber = yield* Effect.forkChild((yield* openClient()).get(server.origin))
      yield* until(() => server.received !== "")
      yield* Fiber.interrupt(fiber)
      yield* until(() => server.sockets.size === 0)
    }))

  it.live("L2: interrupted while reading a body or a stream, it closes the connection", () =>
    Effect.gen(function*() {
      const server = yield* serve((socket) => socket.write(answer("half", "", 100)))
      const client = yield* openClient()
      for (const how of ["text", "stream"] as const) {
        const response = yield* client.get(server.origin)
        const fiber = yield* Effect.forkChild(how === "text" ? response.text : Stream.runDrain(response.stream), {
          startImmediately: true
        })
        yield* Fiber.interrupt(fiber)
        yield* until(() => server.sockets.size === 0)
      }
    }))

  it.live("a stream of which only the start is taken closes the connection", () =>
    Effect.gen(function*() {
      const server = yield* serve((socket) => socket.write(answer("half", "", 100)))
      const response = yield* (yield* openClient()).get(server.origin)
      yield* response.stream.pipe(Stream.take(1), Stream.runDrain)
      yield* until(() => server.sockets.size === 0)
    }))
})

it.live("no trace headers are sent unless that is asked for", () =>
  Effect.gen(function*() {
    const server = yield* echo
    const client = yield* openClient()
    const call = Effect.flatMap(client.get(server.origin), (response) => response.text).pipe(Effect.withSpan("caller"))
    yield* call
    expect(server.received).not.toMatch(/traceparent|b3/)
    yield* Effect.provideService(call, HttpClient.TracerPropagationEnabled, true)
    expect(server.received).toMatch(/traceparent/)
  }))

it.live("V4: a failure carries the reason; its message holds no header and no body", () =>
  Effect.gen(function*() {
    const server = yield* serve((socket) => socket.resetAndDestroy())
    const client = yield* openClient()
    const failure = yield* Effect.flip(
      client.post(server.origin, { body: HttpBody.text("secret"), headers: { a: "secret" } })
    )
    expect(failure.reason).toMatchObject({ _tag: "TransportError", cause: { kind: "Reset", wasSent: true } })
    expect(failure.message).not.toContain("secret")
    const refused = yield* Effect.flip(client.get(server.origin, { headers: { a: "1\r\nb: 2" } }))
    expect(refused.reason).toMatchObject({ cause: { _tag: "InvalidRequest", wasSent: false } })
    expect(Transport.of(client)).toBeUndefined()
  }))
