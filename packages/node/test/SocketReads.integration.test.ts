import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { selfSigned } from "./support/certificate.ts"
import { open, request, sendOk, start } from "./support/exchange.ts"
import { serve } from "./support/server.ts"

const sizes = [1, 100, 4096, 30_000, 65_535, 65_536, 65_537, 100_000, 1_000_000]

const certificate = selfSigned()

/** No two bodies have the same bytes at the same place. */
const bodyOf = (id: number, size: number): Buffer => {
  const body = Buffer.allocUnsafe(size)
  for (let i = 0; i < size; i++) body[i] = (i * 31 + id * 17 + (i >> 8)) % 251
  return body
}

/** Answers `GET /<id>/<size>`. */
const bodies = (secure?: { readonly key: string; readonly cert: string }) =>
  serve((socket, head) => {
    const [, id, size] = /^GET \/(\d+)\/(\d+) /.exec(head)!.map(Number)
    socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${size!}\r\n\r\n`)
    socket.write(bodyOf(id!, size!))
  }, secure)

const numbered = sizes.flatMap((size, i) => [{ id: 2 * i, size }, { id: 2 * i + 1, size }])

for (const scheme of ["http", "https"]) {
  it.live(`${scheme}: bodies of any size are their own, however many connections are read at a time`, () =>
    Effect.gen(function*() {
      const server = yield* bodies(scheme === "https" ? certificate : undefined)
      const channel = yield* open({ maxConnections: 6 }, { connect: { ca: certificate.cert } })
      // Several rounds: the first reads of a connection are others than those after a large body.
      const rounds = yield* Effect.forEach(
        [1, 2, 3],
        () =>
          Effect.forEach(
            numbered,
            ({ id, size }) =>
              sendOk(channel, request(server.origin, { path: `/${id}/${size}`, maxResponseBytes: 2_000_000 })),
            {
              concurrency: "unbounded"
            }
          )
      )
      for (const answers of rounds) {
        answers.forEach(({ body }, i) => {
          const { id, size } = numbered[i]!
          expect(bodyOf(id, size).equals(body), `${size} bytes`).toBe(true)
        })
      }
    }))

  it.live(`${scheme}: chunks that are kept stay as they were, and a reader that pauses misses nothing`, () =>
    Effect.gen(function*() {
      const server = yield* bodies(scheme === "https" ? certificate : undefined)
      const channel = yield* open({ maxConnections: 4 }, { connect: { ca: certificate.cert } })
      const read = (id: number) =>
        channel.client.get(`${server.origin}/${id}/1000000`).pipe(
          Effect.flatMap(({ stream }) => Stream.runCollect(Stream.tap(stream, () => Effect.promise(turns)))),
          Effect.map((chunks) => bodyOf(id, 1_000_000).equals(Buffer.concat(chunks)))
        )
      expect(yield* Effect.forEach([1, 2, 3, 4], read, { concurrency: "unbounded" })).toEqual([true, true, true, true])
    }))
}

it.live("connections that are opened while a large body is read have buffers of their own", () =>
  Effect.gen(function*() {
    // An address: a name would be looked up first.
    const origin = `http://127.0.0.1:${(yield* bodies()).port}`
    const channel = yield* open()
    const others = yield* Effect.forEach([2, 3, 4], () => open())
    const answers: Array<Promise<boolean>> = []
    let chunk = 0
    // The reader of the large body runs right after a read: what it opens asks for its first buffer then.
    const onChunk = () => {
      const other = others[chunk++ % 10]
      if (other === undefined) return
      const { outcome } = start(other, request(origin, { path: `/${chunk}/60000` }))
      const id = chunk
      answers.push(outcome.then((told) => "body" in told && bodyOf(id, 60_000).equals(told.body)))
    }
    const { stream } = yield* channel.client.get(`${origin}/1/4000000`)
    const chunks = yield* Stream.runCollect(Stream.tap(stream, () => Effect.sync(onChunk)))
    expect(bodyOf(1, 4_000_000).equals(Buffer.concat(chunks))).toBe(true)
    const right = yield* Effect.promise(() => Promise.all(answers))
    expect(right.length).toBeGreaterThan(0)
    expect(right).not.toContain(false)
  }))

it.live("a chunk is in memory of its own, which can be transferred", () =>
  Effect.gen(function*() {
    const server = yield* bodies()
    const channel = yield* open()
    const { stream } = yield* channel.client.get(`${server.origin}/1/5`)
    const [chunk] = yield* Stream.runCollect(stream)
    const bytes = structuredClone(chunk!, { transfer: [chunk!.buffer] })
    expect([...bytes]).toEqual([...bodyOf(1, 5)])
  }))

/** A few turns of the event loop. */
const turns = async (): Promise<void> => {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve))
}
