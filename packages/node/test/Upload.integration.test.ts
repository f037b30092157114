import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as HttpBody from "effect/http/HttpBody"
import * as Stream from "effect/Stream"
import { createHash } from "node:crypto"
import { Readable } from "node:stream"
import { open } from "./support/exchange.ts"
import { answer, serve, silent, until } from "./support/server.ts"

const openClient = Effect.map(open({}, { closeGrace: 1 }), (channel) => channel.client)

/** Answers when the request's last bytes have come. */
const sink = (last: string) =>
  serve((socket, text, server) => {
    if (server.received.endsWith(last) || text.endsWith(last)) socket.write(answer())
  })

describe("a request body of every kind is sent", () => {
  const form = new FormData()
  form.append("a", "1")
  form.append("file", new File(["contents"], "x.txt", { type: "text/plain" }))
  const cases: ReadonlyArray<readonly [name: string, body: HttpBody.HttpBody, last: string, expected: RegExp]> = [
    ["empty", HttpBody.empty, "\r\n\r\n", /content-length: 0\r\n\r\n$/],
    ["text", HttpBody.text("hé"), "h\xc3\xa9", /content-length: 3\r\n\r\nh/],
    ["bytes", HttpBody.uint8Array(new Uint8Array([33, 255, 35])), "\xff#", /content-length: 3\r\n\r\n!\xff#$/],
    ["raw string", HttpBody.raw("raw"), "raw", /\r\n\r\nraw$/],
    ["raw buffer", HttpBody.raw(new Uint8Array([114, 97, 119]).buffer), "raw", /\r\n\r\nraw$/],
    ["raw parameters", HttpBody.raw(new URLSearchParams({ a: "b" })), "a=b", /\r\n\r\na=b$/],
    ["raw blob", HttpBody.raw(new Blob(["blob"])), "0\r\n\r\n", /4\r\nblob\r\n0/],
    ["raw readable", HttpBody.raw(Readable.from(["one"], { objectMode: false })), "0\r\n\r\n", /3\r\none\r\n0/],
    ["raw iterable", HttpBody.raw([new Uint8Array([97]), new Uint8Array([98])]), "0\r\n\r\n", /1\r\na\r\n1\r\nb\r\n0/],
    [
      "form",
      HttpBody.formData(form),
      "--\r\n",
      /multipart\/form-data; boundary=(\S+)[^]*name="a"\r\n\r\n1\r\n--\1[^]*contents\r\n--\1--/
    ],
    [
      "stream",
      HttpBody.stream(Stream.make(new Uint8Array([97]), new Uint8Array([98]))),
      "0\r\n\r\n",
      /1\r\na\r\n1\r\nb\r\n0/
    ],
    [
      "stream of known length",
      HttpBody.stream(Stream.make(new Uint8Array([97, 98])), "text/plain", 2),
      "ab",
      /content-length: 2\r\n\r\nab$/
    ]
  ]
  for (const [name, body, last, expected] of cases) {
    it.live(name, () =>
      Effect.gen(function*() {
        const server = yield* sink(last)
        const response = yield* (yield* openClient).post(server.origin, { body })
        expect(yield* response.text).toBe("ok")
        expect(server.received).toMatch(expected)
      }))
  }

  it.live("a raw value that cannot be sent is a typed failure", () =>
    Effect.gen(function*() {
      const failure = yield* Effect.flip((yield* openClient).post("http://localhost", { body: HttpBody.raw(42) }))
      expect(failure.reason._tag).toBe("EncodeError")
    }))
})

describe("a stream that is sent", () => {
  const piece = new Uint8Array(64 * 1024).fill(7)

  it.live("is held back by a server that does not read, and arrives whole when it does", () =>
    Effect.gen(function*() {
      const pieces = 1_024 // 64 MiB
      let pulled = 0
      let arrived = 0
      const hash = createHash("sha256")
      const server = yield* serve((socket) => {
        if (arrived++ === 0) socket.pause()
      })
      const body = Stream.range(1, pieces).pipe(
        Stream.rechunk(1),
        Stream.map(() => {
          pulled++
          hash.update(piece)
          return piece
        })
      )
      const fiber = yield* Effect.forkChild(
        (yield* openClient).post(server.origin, { body: HttpBody.stream(body, "x/y", pieces * piece.length) })
      )
      yield* until(() => arrived > 0)
      let before = -1
      while (before !== pulled) {
        before = pulled
        for (let i = 0; i < 50; i++) yield* Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve)))
      }
      expect(pulled).toBeLessThan(pieces / 2)
      const received = createHash("sha256")
      let size = 0
      for (const socket of server.sockets) {
        const first = server.received.indexOf("\r\n\r\n") + 4
        const start = Buffer.from(server.received.slice(first), "latin1")
        received.update(start)
        size = start.length
        socket.removeAllListeners("data").on("data", (chunk) => {
          received.update(chunk)
          size += chunk.length
          if (size === pieces * piece.length) socket.write(answer())
        })
        socket.resume()
      }
      expect((yield* Fiber.join(fiber)).status).toBe(200)
      expect(received.digest("hex")).toBe(hash.digest("hex"))
    }))

  it.live("L2: is interrupted with the fiber, with the connection closed and its finalizers run", () =>
    Effect.gen(function*() {
      let finalized = false
      const server = yield* silent
      const body = Stream.concat(Stream.make(piece), Stream.never).pipe(
        Stream.ensuring(Effect.sync(() => void (finalized = true)))
      )
      const fiber = yield* Effect.forkChild((yield* openClient).post(server.origin, { body: HttpBody.stream(body) }))
      yield* until(() => server.received.length > piece.length)
      yield* Fiber.interrupt(fiber)
      yield* until(() => server.sockets.size === 0 && finalized)
    }))

  it.live("that fails is a typed failure with its cause, and the connection is closed", () =>
    Effect.gen(function*() {
      const server = yield* silent
      const body = Stream.concat(Stream.make(piece), Stream.fail("disk"))
      const failure = yield* Effect.flip((yield* openClient).post(server.origin, { body: HttpBody.stream(body) }))
      expect(failure.reason).toMatchObject({ _tag: "EncodeError", cause: "disk" })
      yield* until(() => server.sockets.size === 0)
    }))

  it.live("is ended when the answer comes before it is whole", () =>
    Effect.gen(function*() {
      let finalized = false
      const server = yield* serve((socket) => socket.write("HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno"))
      const body = Stream.concat(Stream.make(piece), Stream.never).pipe(
        Stream.ensuring(Effect.sync(() => void (finalized = true)))
      )
      const response = yield* (yield* openClient).post(server.origin, { body: HttpBody.stream(body) })
      expect([response.status, yield* response.text]).toEqual([413, "no"])
      yield* until(() => server.sockets.size === 0 && finalized)
    }))
})
