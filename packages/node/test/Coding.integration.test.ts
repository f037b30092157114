import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as zlib from "node:zlib"
import { open, request, send, sendOk, text } from "./support/exchange.ts"
import { serve, until } from "./support/server.ts"

const packers: Record<string, (body: Buffer) => Buffer> = {
  gzip: (body) => zlib.gzipSync(body),
  "x-gzip": (body) => zlib.gzipSync(body),
  deflate: (body) => zlib.deflateSync(body),
  "deflate without its header": (body) => zlib.deflateRawSync(body),
  br: (body) => zlib.brotliCompressSync(body, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 4 } }),
  zstd: (body) => zlib.zstdCompressSync(body),
  "GZIP, br": (body) => zlib.brotliCompressSync(zlib.gzipSync(body))
}

/** Answers with these bytes, `path` being the coding. */
const serveBytes = (bodyOf: (coding: string) => Buffer) =>
  serve((socket, head) => {
    const coding = decodeURIComponent(head.slice(5, head.indexOf(" HTTP")))
    const body = bodyOf(coding)
    const name = coding.replace(" without its header", "")
    socket.write(`HTTP/1.1 200 OK\r\ncontent-encoding: ${name}\r\ncontent-length: ${body.length}\r\n\r\n`)
    socket.write(body)
  })

/** Text that does not compress to almost nothing. */
const noise = (bytes: number): Buffer => {
  const out = Buffer.alloc(bytes)
  for (let i = 0, x = 1; i < bytes; i++) {
    x = (Math.imul(x, 1_103_515_245) + 12_345) >>> 0
    out[i] = 97 + ((x >>> 16) % 26)
  }
  return out
}

describe("an answer is decoded", () => {
  for (
    const [size, body] of [
      ["small", Buffer.from("{\"a\":\"é\"}")],
      ["large", noise(400_000)],
      ["very compressible", Buffer.alloc(600_000, "ab")]
    ] as const
  ) {
    it.live(`${size}, in every coding, and its headers describe what is handed out`, () =>
      Effect.gen(function*() {
        const server = yield* serveBytes((coding) => packers[coding]!(body))
        const channel = yield* open({ maxConnections: 1 })
        for (const coding of Object.keys(packers)) {
          const response = yield* sendOk(channel, request(server.origin, { path: `/${encodeURIComponent(coding)}` }))
          const { "content-encoding": left, "content-length": length } = response.headers
          expect([coding, Buffer.compare(response.body, body), left, length]).toEqual([coding, 0, undefined, undefined])
        }
        expect(server.opened).toBe(1)
      }))
  }

  it.live("an unknown coding is handed out as it came", () =>
    Effect.gen(function*() {
      const server = yield* serveBytes(() => Buffer.from("raw"))
      const response = yield* sendOk(yield* open(), request(server.origin, { path: "/aws-chunked" }))
      expect([text(response), response.headers["content-encoding"]]).toEqual(["raw", "aws-chunked"])
    }))

  it.live("an empty body is empty, whatever coding it claims", () =>
    Effect.gen(function*() {
      const server = yield* serveBytes(() => Buffer.alloc(0))
      const response = yield* sendOk(yield* open(), request(server.origin, { path: "/gzip" }))
      expect(response.body.length).toBe(0)
    }))
})

it.live("V1: the limit applies to decoded bytes, to the byte", () =>
  Effect.gen(function*() {
    for (const size of [1_000, 600_000]) {
      const server = yield* serveBytes((coding) => packers[coding]!(Buffer.alloc(size, "a")))
      const channel = yield* open()
      for (const path of ["/gzip", "/deflate", "/br", "/zstd"]) {
        const fits = yield* sendOk(channel, request(server.origin, { path, maxResponseBytes: size }))
        expect(fits.body.length).toBe(size)
        const failure = yield* send(channel, request(server.origin, { path, maxResponseBytes: size - 1 }))
        expect(failure).toMatchObject({ _tag: "ResponseTooLarge", limit: size - 1 })
      }
    }
  }))

it.live("V1: an endless bomb stops at the limit with its connection closed, long before it is whole", () =>
  Effect.gen(function*() {
    const gzip = zlib.createGzip()
    const zeros = Buffer.alloc(1_048_576)
    let written = 0
    const server = yield* serve((socket) => {
      socket.write("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n")
      gzip.on("data", (chunk: Buffer) => socket.write(chunk))
      const more = () => {
        if (socket.destroyed) return void gzip.destroy()
        gzip.write(zeros, () => {
          written += zeros.length
          more()
        })
      }
      more()
    })
    const failure = yield* send(yield* open(), request(server.origin, { maxResponseBytes: 10_000_000 }))
    expect(failure).toMatchObject({ _tag: "ResponseTooLarge", limit: 10_000_000 })
    yield* until(() => server.sockets.size === 0)
    expect(written).toBeLessThan(2_000_000_000)
  }))

describe("V1: a body that does not decode is a typed failure", () => {
  for (const size of [200, 400_000]) {
    it.live(`of ${size} bytes, corrupt or truncated`, () =>
      Effect.gen(function*() {
        const damage = { corrupt: "Other", truncated: "Truncated" } as const
        for (const [how, kind] of Object.entries(damage)) {
          const server = yield* serveBytes((coding) => {
            const body = packers[coding]!(noise(size))
            if (how === "truncated") return body.subarray(0, body.length - 12)
            return body.fill(0x55, 0, 10)
          })
          const channel = yield* open()
          for (const path of ["/gzip", "/deflate", "/br", "/zstd"]) {
            const failure = yield* send(channel, request(server.origin, { path }))
            expect({ path, ...failure }).toMatchObject({ path, _tag: "Transport", kind, wasSent: true })
          }
        }
      }))
  }
})
