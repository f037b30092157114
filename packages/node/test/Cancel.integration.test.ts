import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as net from "node:net"
import { gzipSync } from "node:zlib"
import { open, request, sendOk, start } from "./support/exchange.ts"
import { answer, serve, silent, until } from "./support/server.ts"

it.live("L1: a request cancelled in the queue leaves it: never sent, and the connection it waited for lives on", () =>
  Effect.gen(function*() {
    const server = yield* silent
    const channel = yield* open({ maxConnections: 1 })
    const running = start(channel, request(server.origin, { path: "/running" }))
    const queued = ["/a", "/b", "/c"].map((path) => start(channel, request(server.origin, { path })))
    yield* until(() => server.received.includes("/running"))
    queued[1]!.exchange.cancel()
    queued[1]!.exchange.cancel()
    const reply = () => server.sockets.forEach((socket) => socket.write(answer()))
    for (const one of [running, queued[0]!, queued[2]!]) {
      yield* until(() => one.exchange.wasSent)
      reply()
      expect(yield* Effect.promise(() => one.outcome)).toMatchObject({ status: 200 })
    }
    expect(server.received).not.toContain("/b")
    expect([queued[1]!.told, queued[1]!.exchange.wasSent, server.opened]).toEqual([[], false, 1])
  }))

it.live("L1: a request cancelled while connecting is never sent, and the connection serves the next", () =>
  Effect.gen(function*() {
    const server = yield* serve((socket) => socket.write(answer()))
    const channel = yield* open({ maxConnections: 1 })
    const { exchange, told } = start(channel, request(server.origin, { path: "/cancelled" }))
    exchange.cancel()
    yield* sendOk(channel, request(server.origin, { path: "/next" }))
    expect([server.received.includes("/cancelled"), server.opened, told, exchange.wasSent]).toEqual([
      false,
      1,
      [],
      false
    ])
  }))

it.live("L1: requests cancelled while a connection hangs cost no further connection attempts", () =>
  Effect.gen(function*() {
    let lookups = 0
    const answers: Array<() => void> = []
    const lookup: net.LookupFunction = (_, __, done) => {
      lookups++
      answers.push(() => done(Object.assign(new Error(), { code: "ENOTFOUND" }), "", 4))
    }
    const channel = yield* open({ maxConnections: 1 }, { connect: { lookup } })
    const cancelled = Array.from({ length: 100 }, () => start(channel, request("http://dead.example")))
    for (const { exchange } of cancelled) exchange.cancel()
    const alive = start(channel, request("http://dead.example"))
    yield* until(() => answers.length === 1)
    answers[0]!()
    yield* until(() => answers.length === 2)
    answers[1]!()
    expect(yield* Effect.promise(() => alive.outcome)).toMatchObject({ kind: "NameNotResolved" })
    expect([lookups, cancelled.flatMap(({ told }) => told)]).toEqual([2, []])
  }))

it.live("F1: a request cancelled in flight closes its connection, and the receiver hears nothing", () =>
  Effect.gen(function*() {
    const server = yield* silent
    const channel = yield* open()
    const { exchange, told } = start(channel, request(server.origin))
    yield* until(() => server.received !== "")
    exchange.cancel()
    yield* until(() => server.sockets.size === 0)
    expect([told, exchange.wasSent]).toEqual([[], true])
  }))

it.live("V1: a body that drips can be cancelled at any time, compressed or not", () =>
  Effect.gen(function*() {
    const packed = gzipSync(Buffer.alloc(100_000, "slow"))
    const server = yield* serve((socket, head) =>
      socket.write(head.includes("/gzip") ? answer("", "content-encoding: gzip\r\n", 99_999) : answer("", "", 99_999))
    )
    const channel = yield* open()
    for (const path of ["/plain", "/gzip"]) {
      const { exchange, told } = start(channel, request(server.origin, { path }))
      yield* until(() => exchange.wasSent && server.sockets.size === 1)
      for (const socket of server.sockets) for (let i = 0; i < 20; i++) socket.write(packed.subarray(i, i + 1))
      exchange.cancel()
      yield* until(() => server.sockets.size === 0)
      expect(told).toEqual([])
    }
  }))

it.live("an exchange cancelled after its answer is complete leaves the connection alone", () =>
  Effect.gen(function*() {
    const server = yield* serve((socket) => socket.write(answer()))
    const channel = yield* open()
    const { exchange, outcome } = start(channel, request(server.origin))
    yield* Effect.promise(() => outcome)
    exchange.cancel()
    yield* sendOk(channel, request(server.origin))
    expect(server.opened).toBe(1)
  }))

it.live("L1: 2,000 calls cancelled at random leave nothing behind, and every other one is answered once", () =>
  Effect.gen(function*() {
    const random = mulberry(42)
    let inFlight = 0
    const server = yield* serve((socket, head) => {
      inFlight++
      const reply = () => {
        inFlight--
        const dice = Number(/x-dice: (\d+)/.exec(head)?.[1])
        if (dice < 5) socket.resetAndDestroy()
        else if (dice < 10) socket.end(answer("ok", "connection: close\r\n"))
        else socket.write(answer("x".repeat(dice * 10)))
      }
      if (random() < 0.5) setImmediate(reply)
      else reply()
    })
    const channel = yield* open({ maxConnections: 8 })
    const cancelled = new Set<number>()
    const sent = Array.from({ length: 2_000 }, () => {
      const dice = Math.floor(random() * 100)
      return { dice, ...start(channel, request(server.origin, { headers: ["x-dice", String(dice)] })) }
    })
    const toldWhenCancelled = new Map<number, number>()
    while (sent.some(({ told }, i) => told.length === 0 && !cancelled.has(i))) {
      const i = Math.floor(random() * 2_000)
      if (random() < 0.3) {
        sent[i]!.exchange.cancel()
        cancelled.add(i)
        toldWhenCancelled.set(i, toldWhenCancelled.get(i) ?? sent[i]!.told.length)
      }
      if (random() < 0.1) yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
    }
    for (const [i, { told }] of sent.entries()) expect(told.length).toBe(toldWhenCancelled.get(i) ?? 1)
    expect(sent.filter(({ told }) => told.length === 1).length).toBeGreaterThan(100)
    // every connection is to be had again: eight at once, on at most eight sockets
    yield* until(() => inFlight === 0)
    const last = Array.from({ length: 8 }, () => start(channel, request(server.origin, { headers: ["x-dice", "50"] })))
    const outcomes = yield* Effect.promise(() => Promise.all(last.map(({ outcome }) => outcome)))
    expect(outcomes.every((outcome) => "status" in outcome)).toBe(true)
    expect(server.sockets.size).toBeLessThanOrEqual(8)
  }))

/** A small seeded generator, so that a failure can be repeated. */
const mulberry = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
}
