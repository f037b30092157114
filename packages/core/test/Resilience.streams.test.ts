/** Answers that are streams: what protects a call protects the whole of them. */
import { assert, describe, it } from "@effect/vitest"
import * as Deadline from "@switchboard/core/Deadline"
import * as Resilience from "@switchboard/core/Resilience"
import * as Stores from "@switchboard/core/Stores"
import * as Answer from "@switchboard/testing/Answer"
import * as TestTransport from "@switchboard/testing/TestTransport"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { charge, layer, Payments, token } from "./payments.ts"

const binary = { "content-type": "application/octet-stream" }
const byte = new Uint8Array([1])
const file = (chunks: Stream.Stream<Uint8Array>) => Answer.stream(200, chunks, binary)
const steady = Stream.forever(Stream.fromEffect(Effect.as(Effect.sleep("1 second"), byte)))
const download = Effect.flatMap(Payments, ({ files }) => files.download({ params: { id: "1" } }))
const drained = Effect.flatMap(download, Stream.runDrain)
const get = Effect.flatMap(Payments, ({ charges }) => charges.get({ params: { id: "ch_1" } }))
const wire = TestTransport.TestTransport
const inFlight = Effect.flatMap(wire, (wire) => wire.inFlight)
const circuit = Effect.flatMap(Payments.circuit, (circuit) => Effect.map(circuit!.state, ({ _tag }) => _tag))

/** Lets time pass second by second, so that whoever sleeps in turns gets them all. */
const after = <A, E, R>(self: Effect.Effect<A, E, R>, seconds: number) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(self, { startImmediately: true })
    for (let i = 0; i < seconds; i++) yield* TestClock.adjust("1 second")
    return yield* Fiber.await(fiber)
  })

const reasonOf = (exit: Exit.Exit<unknown, unknown>) =>
  Exit.isFailure(exit) && exit.cause.reasons[0]?._tag === "Fail"
    ? (exit.cause.reasons[0].error as { readonly reason?: { readonly _tag: string } }).reason?._tag
    : undefined

const single = { pool: { maxConnections: 1 }, retry: false, breaker: { failureThreshold: 1 } } as const

describe("how a stream ends", () => {
  it.effect("is what the circuit counts: one that breaks is a failure", () =>
    Effect.gen(function*() {
      assert.strictEqual(reasonOf(yield* Effect.exit(drained)), "Transport")
      assert.strictEqual(yield* circuit, "Open")
    }).pipe(Effect.provide(layer(Answer.cut(Answer.bytes(200, new Uint8Array(10)), "reset"), single))))

  it.effect("one that falls silent is a failure, too", () =>
    Effect.gen(function*() {
      const silent = yield* after(drained, 10)
      assert.strictEqual(reasonOf(silent), "AttemptTimeout")
      assert.strictEqual(yield* circuit, "Open")
      assert.strictEqual(yield* inFlight, 0)
    }).pipe(Effect.provide(layer(file(Stream.concat(Stream.make(byte), Stream.never)), single))))

  it.effect("one that ends is a success, and one that the caller leaves says nothing", () =>
    Effect.gen(function*() {
      const probing = { ...single, breaker: { failureThreshold: 1, resetTimeout: "1 second" } } as const
      yield* Effect.gen(function*() {
        yield* Effect.exit(get)
        yield* TestClock.adjust("1 second")
        yield* (yield* wire).use(file(Stream.concat(Stream.make(byte), Stream.never)))
        const left = yield* Effect.forkChild(drained, { startImmediately: true })
        yield* TestClock.adjust("1 second")
        yield* Fiber.interrupt(left)
        assert.strictEqual(yield* circuit, "HalfOpen")
        yield* (yield* wire).use(file(Stream.make(byte)))
        yield* drained
        assert.strictEqual(yield* circuit, "Closed")
      }).pipe(Effect.provide(layer(Answer.status(500), probing)))
    }))

  it.effect("one that is left before its end, or whose reader fails, is a success", () =>
    Effect.gen(function*() {
      const probing = { ...single, breaker: { failureThreshold: 1, resetTimeout: "1 second" } } as const
      const reads: ReadonlyArray<(stream: Stream.Stream<Uint8Array, unknown>) => Effect.Effect<void, unknown>> = [
        (stream) => Stream.runDrain(Stream.take(stream, 1)),
        Stream.runForEach(() => Effect.fail("mine"))
      ]
      for (const read of reads) {
        yield* Effect.gen(function*() {
          yield* Effect.exit(get)
          yield* TestClock.adjust("1 second")
          yield* (yield* wire).use(file(Stream.concat(Stream.make(byte), Stream.never)))
          yield* Effect.exit(Effect.flatMap(download, read))
          assert.strictEqual(yield* circuit, "Closed")
          assert.strictEqual(yield* inFlight, 0)
        }).pipe(Effect.provide(layer(Answer.status(500), probing)))
      }
    }))

  it.effect("settles its permit: nobody else is let in before", () =>
    Effect.gen(function*() {
      const reading = yield* Effect.forkChild(drained, { startImmediately: true })
      yield* (yield* wire).use(Answer.json(200, charge))
      const waiting = yield* Effect.forkChild(get, { startImmediately: true })
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual((yield* (yield* wire).requests).length, 1)
      yield* Fiber.interrupt(reading)
      assert.deepStrictEqual(yield* Fiber.join(waiting), charge)
    }).pipe(Effect.provide(layer(file(steady), single))))

  it.effect("I5: once it was handed out nothing is sent again", () =>
    Effect.gen(function*() {
      assert.strictEqual(reasonOf(yield* Effect.exit(drained)), "Transport")
      assert.strictEqual((yield* (yield* wire).requests).length, 1)
    }).pipe(Effect.provide(layer(Answer.cut(Answer.bytes(200, new Uint8Array(10)), "reset")))))
})

describe("a stream that nobody reads", () => {
  it.effect("is given up after its idle timeout: permit and connection are free, and reading it fails", () =>
    Effect.gen(function*() {
      const stream = yield* download
      assert.strictEqual(yield* inFlight, 1)
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(yield* inFlight, 0)
      yield* (yield* wire).use(Answer.json(200, charge))
      assert.deepStrictEqual(yield* get, charge)
      assert.strictEqual(reasonOf(yield* Effect.exit(Stream.runDrain(stream))), "AttemptTimeout")
    }).pipe(Effect.provide(layer(file(Stream.never), single))))

  it.effect("is given up with its layer, and its permit is free for the next one", () =>
    Effect.gen(function*() {
      const remote = yield* TestTransport.make(file(Stream.never))
      const stores = yield* Effect.provide(Stores.Stores, Stores.layerMemory)
      const live = Payments.layer({ token, ...single }).pipe(
        Layer.provide(Layer.mergeAll(
          Layer.succeed(HttpClient.HttpClient, remote.client),
          Layer.succeed(Stores.Stores, stores)
        ))
      )
      yield* Effect.asVoid(Effect.provide(download, live))
      assert.strictEqual(yield* remote.inFlight, 0)
      yield* remote.use(Answer.json(200, charge))
      assert.deepStrictEqual(yield* Effect.provide(get, live), charge)
    }))

  it.effect("is not given up while it is read, however slowly", () =>
    Effect.gen(function*() {
      const slow = Effect.flatMap(download, (stream) =>
        Stream.runForEach(Stream.take(stream, 3), () => Effect.sleep("9 seconds")))
      assert.isTrue(Exit.isSuccess(yield* after(slow, 40)))
    }).pipe(Effect.provide(layer(file(steady), single))))
})

describe("a stream that keeps sending", () => {
  it.effect("F9: ends with its own absolute timeout", () =>
    Effect.gen(function*() {
      const exit = yield* after(drained, 21)
      assert.strictEqual(reasonOf(exit), "DeadlineExceeded")
      assert.include(String(exit), "after 20s")
      assert.strictEqual(yield* inFlight, 0)
    }).pipe(Effect.provide(layer(file(steady), { streamTimeout: "20 seconds" }))))

  it.effect("Q1: ends with the deadline of the caller, which is not the remote's fault", () =>
    Effect.gen(function*() {
      const exit = yield* after(Effect.provideService(drained, Deadline.CurrentDeadline, 5000), 6)
      assert.strictEqual(reasonOf(exit), "DeadlineExceeded")
      assert.strictEqual(yield* inFlight, 0)
    }).pipe(Effect.provide(layer(file(steady)))))

  it.effect("goes on otherwise, past the timeouts of a call", () =>
    Effect.gen(function*() {
      const some = Effect.flatMap(download, (stream) => Stream.runDrain(Stream.take(stream, 50)))
      assert.isTrue(Exit.isSuccess(yield* after(some, 60)))
    }).pipe(Effect.provide(layer(file(steady)))))
})

describe("the time left", () => {
  const header = "X-Time-Left"
  const sentIn = Effect.map(
    Effect.flatMap(wire, (wire) => wire.requests),
    (requests) => requests.map(({ headers }) => headers["x-time-left"])
  )

  it.effect("Q4: is told to the remote where asked, for every attempt anew, and not otherwise", () =>
    Effect.gen(function*() {
      yield* after(Effect.exit(get), 1)
      assert.deepStrictEqual(yield* sentIn, ["10000"])
      yield* (yield* wire).use(Answer.json(200, charge))
      yield* get.pipe(Resilience.withOptions({ attemptTimeout: "3 seconds" }))
      const inherited = (yield* Clock.currentTimeMillis) + 1500
      yield* Effect.provideService(get, Deadline.CurrentDeadline, inherited)
      yield* (yield* wire).use(file(Stream.empty))
      yield* drained
      assert.deepStrictEqual(yield* sentIn, ["10000", "3000", "1500", "10000"])
      yield* Payments.reload({ token, retry: false })
      yield* drained
      assert.deepStrictEqual((yield* sentIn).at(-1), undefined)
    }).pipe(Effect.provide(layer(Answer.status(500), { deadlineHeader: header, retry: false }))))

  it.effect("has a name that a header may have", () =>
    Effect.gen(function*() {
      const { message } = yield* Effect.flip(
        Effect.provide(Payments, layer(Answer.hang, { deadlineHeader: "time left" }))
      )
      assert.include(message, "deadlineHeader must be a header name")
    }))
})
