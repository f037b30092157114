import { describe, expect, it } from "@effect/vitest"
import * as Answer from "@switchboard/testing/Answer"
import * as Fault from "@switchboard/testing/Fault"
import * as Faults from "@switchboard/testing/Faults"
import * as TestTransport from "@switchboard/testing/TestTransport"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as Ref from "effect/Ref"
import * as TestClock from "effect/testing/TestClock"
import { get, open, send } from "./wire.ts"

const sound = TestTransport.layer(Answer.text(200, "the true answer"))

const faulty = (faults: ReadonlyArray<Fault.Fault>, options?: Partial<Faults.Options>) =>
  Faults.layer({ faults, seed: 1, ...options }).pipe(Layer.provideMerge(sound))

/** How each of some exchanges ended: its status, or what kind of failure it was. */
const ends = (count: number) =>
  Effect.gen(function*() {
    const channel = yield* open
    return yield* Effect.forEach(Array.from({ length: count }), () =>
      send(channel, get("/")).pipe(
        Effect.map(({ status }): number | string => status),
        Effect.catch((reason) => Effect.succeed(reason._tag === "Transport" ? reason.kind : reason._tag))
      ))
  })

const onBoth = (name: string, faults: ReadonlyArray<Fault.Fault>, expected: object, arrives: number) => {
  it.effect(`${name}, on an exchange and on a plain client`, () =>
    Effect.gen(function*() {
      const wire = yield* TestTransport.TestTransport
      const channel = yield* open
      const exchange = yield* Effect.result(send(channel, get("/")))
      const plain = yield* Effect.result(
        Effect.flatMap(HttpClient.get("https://payments.example/"), (response) =>
          Effect.map(response.text, (body) => ({ status: response.status, headers: response.headers, body }))).pipe(
            Effect.mapError(({ reason }) =>
              reason._tag === "StatusCodeError" ? reason : reason.cause
            )
          )
      )
      expect(exchange._tag === "Success" ? exchange.success : exchange.failure).toMatchObject(expected)
      expect(plain._tag === "Success" ? plain.success : plain.failure).toMatchObject(expected)
      expect(yield* wire.requests).toHaveLength(2 * arrives)
      expect(yield* wire.inFlight).toBe(0)
    }).pipe(Effect.provide(faulty(faults))))
}

describe("a fault", () => {
  onBoth("gives another status", [Fault.status(503, { headers: { "Retry-After": "2" } })], {
    status: 503,
    headers: { "retry-after": "2" },
    body: ""
  }, 0)
  onBoth("resets before the headers, without asking the remote", [Fault.reset()], { kind: "Reset", wasSent: true }, 0)
  onBoth("refuses", [Fault.refused()], { kind: "Refused", wasSent: false }, 0)
  onBoth("loses the answer of a remote that was asked", [Fault.lost()], { kind: "Reset", wasSent: true }, 1)
  onBoth("resets in the body", [Fault.resetInBody()], { kind: "Reset", wasSent: true }, 1)
  onBoth("cuts the body short", [Fault.truncated()], { kind: "Truncated", wasSent: true }, 1)
  onBoth("garbles the body, and keeps status and headers", [Fault.garbage()], {
    status: 200,
    headers: { "content-type": "text/plain; charset=utf-8" },
    body: expect.stringContaining("\ufffd")
  }, 1)
  onBoth("that is the first to strike wins", [Fault.status(500), Fault.reset()], { status: 500 }, 0)
  onBoth("that concerns other requests does not strike", [Fault.reset({ when: ({ method }) => method === "POST" })], {
    status: 200,
    body: "the true answer"
  }, 1)

  it.effect("may keep the body from ending", () =>
    Effect.gen(function*() {
      const wire = yield* TestTransport.TestTransport
      const channel = yield* open
      const exchange = yield* Effect.forkChild(send(channel, get("/")))
      const plain = yield* Effect.forkChild(
        Effect.flatMap(HttpClient.get("https://payments.example/"), ({ text }) => text)
      )
      yield* TestClock.adjust("1 hour")
      expect([exchange.pollUnsafe(), plain.pollUnsafe()]).toEqual([undefined, undefined])
      expect(yield* wire.requests).toHaveLength(2)
      yield* Fiber.interruptAll([exchange, plain])
      expect(yield* wire.inFlight).toBe(0)
    }).pipe(Effect.provide(faulty([Fault.hangInBody()]))))
})

describe("R9: the rate", () => {
  it.effect.each([[0, 0], [-3, 0], [Number.NaN, 0], [1, 20], [7, 20]] as const)(
    "R9: %d is coerced, and strikes %d of 20 requests",
    ([rate, expected]) =>
      Effect.gen(function*() {
        expect((yield* ends(20)).filter((end) => end === 500)).toHaveLength(expected)
      }).pipe(Effect.provide(faulty([Fault.status(500, { rate })])))
  )

  it.effect("R9: of the plan is coerced as well", () =>
    Effect.gen(function*() {
      const faults = yield* Faults.Faults
      yield* faults.use({ rate: 0, faults: [Fault.status(500)] })
      expect(yield* ends(3)).toEqual([200, 200, 200])
      yield* faults.use({ rate: 12, faults: [Fault.status(500)] })
      expect(yield* ends(3)).toEqual([500, 500, 500])
    }).pipe(Effect.provide(faulty([]))))

  it.effect("R9: and the seed make a run that repeats itself", () =>
    Effect.gen(function*() {
      const some = [
        Fault.latency({ min: 0, max: 0 }, { rate: 0.5 }),
        Fault.status(500, { rate: 0.3 }),
        Fault.reset({ rate: 0.3 })
      ]
      const run = (seed: string) => Effect.provide(ends(200), faulty(some, { seed }), { local: true })
      const first = yield* run("a")
      expect(yield* run("a")).toEqual(first)
      expect(yield* run("b")).not.toEqual(first)
      const struck = first.filter((end) => end === 500).length
      expect(struck).toBeGreaterThan(40)
      expect(struck).toBeLessThan(80)
    }))

  it.effect("R9: is drawn from the Random service where there is no seed", () =>
    Effect.gen(function*() {
      const run = Effect.provide(ends(50), faulty([Fault.status(500, { rate: 0.5 })], { seed: undefined }), {
        local: true
      })
      const first = yield* Random.withSeed(run, "x")
      expect(yield* Random.withSeed(run, "x")).toEqual(first)
    }))

  it.effect("R9: draws alike whether a window is open or not", () =>
    Effect.gen(function*() {
      const half = Fault.status(500, { rate: 0.5 })
      const alone = yield* Effect.provide(ends(50), faulty([half, Fault.reset({ rate: 0 })]), { local: true })
      const later = yield* Effect.provide(ends(50), faulty([half, Fault.reset({ from: "1 hour" })]), { local: true })
      expect(later).toEqual(alone)
    }))
})

describe("R10: latency", () => {
  it.effect("R10: keeps the request back, on the caller's clock", () =>
    Effect.gen(function*() {
      const wire = yield* TestTransport.TestTransport
      const channel = yield* open
      const fiber = yield* Effect.forkChild(send(channel, get("/")))
      yield* TestClock.adjust("2999 millis")
      expect(yield* wire.requests).toHaveLength(0)
      yield* TestClock.adjust("1 millis")
      expect(yield* Fiber.join(fiber)).toMatchObject({ status: 200 })
      expect((yield* wire.requests)[0]!.at).toBe(3_000)
    }).pipe(Effect.provide(faulty([Fault.latency("1 second"), Fault.latency("2 seconds")]))))

  it.effect("R10: is drawn from its range, whichever way round", () =>
    Effect.gen(function*() {
      const wire = yield* TestTransport.TestTransport
      const fiber = yield* Effect.forkChild(ends(20))
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(fiber)
      const times = (yield* wire.requests).map(({ at }) => at)
      const gaps = times.map((at, i) => at - (times[i - 1] ?? 0))
      expect(Math.min(...gaps)).toBeGreaterThanOrEqual(100)
      expect(Math.max(...gaps)).toBeLessThanOrEqual(200)
      expect(new Set(gaps).size).toBeGreaterThan(10)
    }).pipe(Effect.provide(faulty([Fault.latency({ min: "200 millis", max: "100 millis" })]))))

  it.effect("R10: that is negative is none", () =>
    Effect.gen(function*() {
      expect(yield* ends(1)).toEqual([200])
    }).pipe(Effect.provide(faulty([Fault.latency("-5 seconds")]))))

  it.effect("R10: is interruptible, and then nothing was sent and nothing more goes wrong", () =>
    Effect.gen(function*() {
      const wire = yield* TestTransport.TestTransport
      const faults = yield* Faults.Faults
      const channel = yield* open
      const receiver = { onResponse: () => {}, onFailure: () => {} }
      const exchange = channel.send(get("/"), receiver, yield* Effect.context<never>())
      const plain = yield* Effect.forkChild(HttpClient.get("https://payments.example/"))
      yield* TestClock.adjust("1 second")
      expect(exchange.wasSent).toBe(false)
      exchange.cancel()
      yield* Fiber.interrupt(plain)
      yield* TestClock.adjust("1 hour")
      expect(yield* wire.requests).toEqual([])
      expect(yield* faults.struck).toEqual({ latency: 2 })
    }).pipe(Effect.provide(faulty([Fault.latency("5 seconds")]))))

  it.effect("R10: no fault strikes a caller that has already given up", () =>
    Effect.gen(function*() {
      const faults = yield* Faults.Faults
      const fiber = yield* Effect.forkChild(
        Effect.andThen(Effect.interrupt, HttpClient.get("https://payments.example/"))
      )
      yield* Fiber.await(fiber)
      expect(yield* faults.struck).toEqual({})
    }).pipe(Effect.provide(faulty([Fault.status(500)]))))

  it.effect("L4: ends when the pool is closed", () =>
    Effect.gen(function*() {
      const failure = yield* Effect.scoped(Effect.gen(function*() {
        const channel = yield* open
        return yield* Effect.forkDetach(Effect.flip(send(channel, get("/"))), { startImmediately: true })
      }))
      expect(yield* Fiber.join(failure)).toMatchObject({ kind: "Closed", wasSent: false })
    }).pipe(Effect.provide(faulty([Fault.latency("5 seconds")]))))
})

describe("a window", () => {
  it.effect("opens and closes to the millisecond, counted from when the faults took effect", () =>
    Effect.gen(function*() {
      const seen: Array<number | string> = []
      for (const millis of [0, 4_999, 1, 6_999, 1]) {
        yield* TestClock.adjust(millis)
        seen.push(...yield* ends(1))
      }
      expect(seen).toEqual([200, 200, 503, 503, 200])
      const faults = yield* Faults.Faults
      yield* faults.use({ faults: Fault.during("1 second", "2 seconds", [Fault.reset()]) })
      expect(yield* ends(1)).toEqual([200])
      yield* TestClock.adjust("1 second")
      expect(yield* ends(1)).toEqual(["Reset"])
    }).pipe(Effect.provide(faulty(Fault.during("5 seconds", "12 seconds", [Fault.status(503)])))))
})

describe("the switch", () => {
  it.effect("turns faults off and on, and counts those that struck", () =>
    Effect.gen(function*() {
      const faults = yield* Faults.Faults
      expect(yield* ends(2)).toEqual([200, 200])
      yield* Ref.set(faults.enabled, true)
      expect(yield* ends(2)).toEqual([500, 500])
      yield* Ref.set(faults.enabled, false)
      expect(yield* ends(2)).toEqual([200, 200])
      expect(yield* faults.struck).toEqual({ "status 500": 2 })
    }).pipe(Effect.provide(faulty([Fault.status(500)], { enabled: false }))))

  it.effect("is there for a client that carries no transport, and gives it none", () =>
    Effect.gen(function*() {
      const wire = yield* TestTransport.make(Answer.status(200))
      const plain = HttpClient.mapRequest(wire.client, (request) => request)
      const faults = yield* Faults.make(plain, { faults: [Fault.status(500)] })
      expect((yield* faults.client.get("https://payments.example/")).status).toBe(500)
      expect("~switchboard/Transport" in faults.client).toBe(false)
    }))
})
