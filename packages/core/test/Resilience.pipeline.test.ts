import { assert, describe, it } from "@effect/vitest"
import * as Deadline from "@switchboard/core/Deadline"
import * as Outcome from "@switchboard/core/Outcome"
import * as Resilience from "@switchboard/core/Resilience"
import * as Answer from "@switchboard/testing/Answer"
import * as TestTransport from "@switchboard/testing/TestTransport"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { Busy, CardDeclined, charge, layer, Payments } from "./payments.ts"

const ok = Answer.json(200, charge)
const get = Effect.flatMap(Payments, (payments) => payments.charges.get({ params: { id: "ch_1" } }))
const create = Effect.flatMap(Payments, (payments) => payments.charges.create({ payload: { amount: 250 } }))
const capture = Effect.flatMap(Payments, (payments) => payments.charges.capture({ params: { id: "ch_1" } }))
const quick = Effect.flatMap(Payments, (payments) => payments.charges.quick())
const wire = TestTransport.TestTransport
const requests = Effect.flatMap(wire, (wire) => wire.requests)

/** Lets time pass while an effect runs, and gives its exit. */
const during = <A, E, R>(self: Effect.Effect<A, E, R>, time: Duration.Input) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(self)
    yield* TestClock.adjust(time)
    return yield* Fiber.await(fiber)
  })

const reasonOf = (exit: Exit.Exit<unknown, unknown>) =>
  Exit.isFailure(exit)
    ? exit.cause.reasons.map((reason) =>
      reason._tag === "Fail" ? (reason.error as { reason?: unknown }).reason : reason
    )[0]
    : undefined
const tagOf = (exit: Exit.Exit<unknown, unknown>) => (reasonOf(exit) as { readonly _tag?: string } | undefined)?._tag

describe("a call", () => {
  it.effect("answers with the declared success", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* get, charge)
      const [request] = yield* requests
      assert.strictEqual(request?.url, "https://payments.example/v1/charges/ch_1")
      assert.strictEqual(request?.headers["user-agent"], "Payments")
    }).pipe(Effect.provide(layer(ok))))

  it.effect("fails with the declared error, untouched", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(create)
      assert.deepStrictEqual(error, new CardDeclined({ code: "no_funds" }))
      assert.strictEqual((yield* requests).length, 1)
    }).pipe(Effect.provide(layer(Answer.json(402, { error: { code: "no_funds" } })))))

  it.effect("retries a declared error whose status says that it is transient, and gives that error in the end", () =>
    Effect.gen(function*() {
      const exit = yield* during(quick, "2 seconds")
      assert.deepStrictEqual(exit, Exit.fail(new Busy()))
      assert.isAbove((yield* requests).length, 1)
    }).pipe(Effect.provide(layer(Answer.json(503, { _tag: "Busy" })))))

  it.effect("has one request id on every attempt, and counts the repetitions", () =>
    Effect.gen(function*() {
      yield* during(get, "30 seconds")
      const sent = yield* requests
      assert.deepStrictEqual(sent.map((request) => request.headers["x-retry-attempt"]), [undefined, "1", "2"])
      assert.strictEqual(new Set(sent.map((request) => request.headers["x-request-id"])).size, 1)
    }).pipe(Effect.provide(layer([Answer.status(503), Answer.reset, ok]))))

  it.effect("refuses a body over the limit, counted in bytes, before anything is sent", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(create.pipe(Resilience.withOptions({ maxRequestBytes: 13 })))
      assert.strictEqual(error._tag === "IntegrationError" && error.reason._tag, "InvalidRequest")
      assert.deepStrictEqual(yield* requests, [])
      assert.deepStrictEqual(yield* create.pipe(Resilience.withOptions({ maxRequestBytes: 14 })), charge)
    }).pipe(Effect.provide(layer(ok))))

  it.effect("starts from the settings of the whole program, where there are some", () =>
    Effect.gen(function*() {
      assert.strictEqual(tagOf(yield* during(create, "3 seconds")), "AttemptTimeout")
      assert.isUndefined((yield* during(quick, "999 millis")).pipe(reasonOf))
    }).pipe(
      Effect.provide(
        layer([Answer.hang, Answer.delay("500 millis", ok)]).pipe(
          Layer.provide(Resilience.layerDefaults({ attemptTimeout: "3 seconds" }))
        )
      )
    ))

  it.effect("refuses a request that does not match the contract before anything is sent", () =>
    Effect.gen(function*() {
      const payments = yield* Payments
      const error = yield* Effect.flip(payments.charges.create({ payload: { amount: 1.5 } }))
      assert.strictEqual(error._tag === "IntegrationError" && error.reason._tag, "InvalidRequest")
      assert.strictEqual(error._tag === "IntegrationError" && error.attempts, 0)
      assert.deepStrictEqual(yield* requests, [])
    }).pipe(Effect.provide(layer(ok))))
})

describe("timeouts", () => {
  it.effect("F1: the attempt timeout gives up the request", () =>
    Effect.gen(function*() {
      const exit = yield* during(create, "10 seconds")
      assert.strictEqual(tagOf(exit), "AttemptTimeout")
      assert.strictEqual(yield* (yield* wire).cancelled, 1)
      assert.strictEqual(yield* (yield* wire).inFlight, 0)
    }).pipe(Effect.provide(layer(Answer.hang))))

  it.effect("F2: an interrupted caller is interrupted, and its request given up", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(get)
      yield* (yield* wire).received(1)
      yield* Fiber.interrupt(fiber)
      assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(fiber)))
      assert.strictEqual(yield* (yield* wire).cancelled, 1)
    }).pipe(Effect.provide(layer(Answer.hang))))

  it.effect("F8: each attempt has its own timeout", () =>
    Effect.gen(function*() {
      const exit = yield* during(get.pipe(Resilience.withOptions({ attemptTimeout: "4 seconds" })), "9 seconds")
      assert.deepStrictEqual(exit, Exit.succeed(charge))
    }).pipe(Effect.provide(layer([Answer.hang, Answer.delay("3 seconds", ok)]))))

  it.effect("F9: headers at once and a body that never ends are one attempt, and time out", () =>
    Effect.gen(function*() {
      const exit = yield* during(create, "10 seconds")
      assert.strictEqual(tagOf(exit), "AttemptTimeout")
    }).pipe(Effect.provide(layer(Answer.cut(ok, "hang")))))

  it.effect("F5: a call of an integration whose layer is gone still ends in time", () =>
    Effect.gen(function*() {
      const payments = yield* Effect.provide(Payments, layer(Answer.hang))
      assert.include(
        ["AttemptTimeout", "Transport"],
        tagOf(yield* during(payments.charges.create({ payload: { amount: 1 } }), "10 seconds"))
      )
    }))

  it.effect("F9: a stream has its idle timeout anew for every chunk, however long it lasts", () =>
    Effect.gen(function*() {
      const payments = yield* Payments
      const wire_ = yield* wire
      const download = Effect.flatMap(
        payments.files.download({ params: { id: "1" } }),
        Stream.runFold(() => 0, (size, chunk) => size + chunk.length)
      )
      const drip = Stream.fromIterable([1, 2, 3, 4, 5]).pipe(
        Stream.mapEffect((n) => Effect.as(Effect.sleep("9 seconds"), new Uint8Array([n])))
      )
      const binary = { "content-type": "application/octet-stream" }
      yield* wire_.use(Answer.stream(200, drip, binary))
      const slow = yield* Effect.forkChild(download)
      for (let i = 0; i < 6; i++) yield* TestClock.adjust("9 seconds")
      assert.strictEqual(yield* Fiber.join(slow), 5)
      yield* wire_.use(Answer.stream(200, Stream.concat(Stream.make(new Uint8Array([1])), Stream.never), binary))
      const silent = yield* Effect.forkChild(download.pipe(Resilience.withOptions({ idleTimeout: "3 seconds" })))
      for (let i = 0; i < 4; i++) yield* TestClock.adjust("1 second")
      assert.strictEqual(tagOf(yield* Fiber.await(silent)), "AttemptTimeout")
      assert.strictEqual(yield* wire_.inFlight, 0)
    }).pipe(Effect.provide(layer(ok))))

  it.effect("F13: a deadline that has passed sends nothing", () =>
    Effect.gen(function*() {
      const late = Effect.andThen(Effect.sleep("2 seconds"), Effect.flip(get))
      const fiber = yield* Effect.forkChild(
        Effect.provideService(late, Deadline.CurrentDeadline, 1000)
      )
      yield* TestClock.adjust("2 seconds")
      const error = yield* Fiber.join(fiber)
      assert.strictEqual(error._tag === "IntegrationError" && error.reason._tag, "DeadlineExceeded")
      assert.strictEqual(error.wasSent, false)
      assert.deepStrictEqual(yield* requests, [])
    }).pipe(Effect.provide(layer(ok))))

  it.effect("Q1: a call inside a deadline has the time that is left, children included", () =>
    Effect.gen(function*() {
      const program = Effect.all([Effect.flip(get)], { concurrency: 2 }).pipe(Deadline.within("3 seconds"))
      const fiber = yield* Effect.forkChild(Effect.exit(program))
      yield* TestClock.adjust("2999 millis")
      assert.strictEqual(yield* (yield* wire).cancelled, 0)
      yield* TestClock.adjust("1 millis")
      yield* Fiber.join(fiber)
      assert.strictEqual(yield* (yield* wire).cancelled, 1)
    }).pipe(Effect.provide(layer(Answer.hang))))

  it.effect("the total timeout ends attempts and waits together, with the reason of the last attempt", () =>
    Effect.gen(function*() {
      const exit = yield* during(quick, "2 seconds")
      assert.include(["AttemptTimeout", "DeadlineExceeded"], tagOf(exit))
      assert.isAtMost((yield* requests).length, 3)
    }).pipe(Effect.provide(layer(Answer.hang))))

  it.effect("a narrower total timeout at a call site bounds the attempt as well", () =>
    Effect.gen(function*() {
      const exit = yield* during(quick.pipe(Resilience.withOptions({ totalTimeout: "500 millis" })), "500 millis")
      assert.strictEqual(tagOf(exit), "DeadlineExceeded")
    }).pipe(Effect.provide(layer(Answer.hang))))
})

describe("retries", () => {
  it.effect("G1: three retries are four attempts", () =>
    Effect.gen(function*() {
      const exit = yield* during(get, "30 seconds")
      assert.strictEqual(tagOf(exit), "UnexpectedStatus")
      assert.strictEqual((yield* requests).length, 4)
      assert.propertyVal(Exit.isFailure(exit) && exit.cause.reasons[0], "_tag", "Fail")
    }).pipe(Effect.provide(layer(Answer.status(500)))))

  it.effect("G2: the last reason is given, with the number of attempts", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(Effect.flip(get))
      yield* TestClock.adjust("30 seconds")
      const error = yield* Fiber.join(fiber)
      assert.strictEqual(error.attempts, 4)
      assert.strictEqual(error.reason._tag === "UnexpectedStatus" && error.reason.status, 502)
    }).pipe(Effect.provide(layer([Answer.reset, Answer.status(500), Answer.status(503), Answer.status(502)]))))

  it.effect("G3: interrupted while it waits for its next attempt, a call makes none", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(get)
      yield* (yield* wire).received(1)
      yield* Fiber.interrupt(fiber)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* requests).length, 1)
    }).pipe(Effect.provide(layer(Answer.status(503, { "retry-after": "5" })))))

  it.effect("H1: Retry-After in seconds is the least wait", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(get)
      yield* TestClock.adjust("4999 millis")
      assert.strictEqual((yield* requests).length, 1)
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual(yield* Fiber.join(fiber), charge)
    }).pipe(Effect.provide(layer([Answer.status(503, { "retry-after": "5" }), ok]))))

  it.effect("H2: Retry-After as a date is measured from the clock in use", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(get)
      yield* TestClock.adjust("8 seconds")
      assert.strictEqual((yield* requests).length, 1)
      yield* TestClock.adjust("3 seconds")
      assert.deepStrictEqual(yield* Fiber.join(fiber), charge)
    }).pipe(Effect.provide(layer([
      Answer.status(429, { "retry-after": "Thu, 01 Jan 1970 00:00:10 GMT" }),
      ok
    ]))))

  it.effect("H8: Retry-After means nothing on a status other than 429 and 503", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(get)
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* Fiber.join(fiber), charge)
    }).pipe(Effect.provide(layer([Answer.status(500, { "retry-after": "20" }), ok]))))

  it.effect("H9: a wait that does not fit the deadline fails now, with the last reason", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(get)
      assert.strictEqual(error.reason._tag, "RateLimited")
      assert.deepStrictEqual(error.retryAfter, Duration.seconds(3600))
      assert.strictEqual(error.attempts, 1)
    }).pipe(Effect.provide(layer(Answer.status(429, { "retry-after": "3600" })))))

  it.effect("I1: a POST is sent once; with a key it is repeated, and every attempt carries the same key", () =>
    Effect.gen(function*() {
      yield* during(create, "30 seconds")
      assert.strictEqual((yield* requests).length, 1)
      yield* (yield* wire).use([Answer.reset, Answer.status(503), ok])
      assert.deepStrictEqual(yield* during(capture, "30 seconds"), Exit.succeed(charge))
      const keys = (yield* requests).slice(1).map((request) => request.headers["idempotency-key"])
      assert.strictEqual(keys.length, 3)
      assert.strictEqual(new Set(keys).size, 1)
      assert.isString(keys[0])
    }).pipe(Effect.provide(layer(Answer.status(503)))))

  it.effect("I1: a key that the caller sends makes its call repeatable, and stays as it is", () =>
    Effect.gen(function*() {
      const payments = yield* Payments
      const keyed = payments.charges.create({ payload: { amount: 1 }, headers: { "idempotency-key": "order-1" } })
      assert.deepStrictEqual(yield* during(keyed, "30 seconds"), Exit.succeed(charge))
      assert.deepStrictEqual((yield* requests).map((request) => request.headers["idempotency-key"]), [
        "order-1",
        "order-1"
      ])
    }).pipe(Effect.provide(layer([Answer.reset, ok]))))

  it.effect("I2: what was never sent is sent again, whatever the method", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* during(create, "30 seconds"), Exit.succeed(charge))
      assert.strictEqual((yield* requests).length, 2)
    }).pipe(Effect.provide(layer([Answer.refused, ok]))))

  it.effect("I4: the body is the same, byte for byte, on every attempt", () =>
    Effect.gen(function*() {
      const keyed = create.pipe(Resilience.withOptions({ idempotencyKey: { header: "X-Key" } }))
      yield* during(keyed, "30 seconds")
      const sent = yield* requests
      assert.deepStrictEqual(sent.map((request) => request.text), ["{\"amount\":250}", "{\"amount\":250}"])
      assert.isString(sent[0]?.headers["x-key"])
    }).pipe(Effect.provide(layer([Answer.reset, ok]))))

  it.effect("V2: an answer that does not match the contract is not retried", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(get)
      assert.strictEqual(error.reason._tag, "InvalidResponse")
      assert.strictEqual((yield* requests).length, 1)
    }).pipe(Effect.provide(layer(Answer.json(200, { id: 7 })))))
})

describe("the circuit", () => {
  const settings = { breaker: { failureThreshold: 3, resetTimeout: "30 seconds" }, retry: false } as const

  it.effect("B1: opens after the configured failures, and then nothing is sent", () =>
    Effect.gen(function*() {
      for (let i = 0; i < 3; i++) yield* Effect.exit(get)
      const error = yield* Effect.flip(get)
      assert.strictEqual(error.reason._tag, "CircuitOpen")
      assert.strictEqual(error.wasSent, false)
      assert.deepStrictEqual(error.retryAfter, Duration.seconds(30))
      assert.strictEqual((yield* requests).length, 3)
    }).pipe(Effect.provide(layer(Answer.status(500), settings))))

  it.effect("F10: attempts that time out count as failures", () =>
    Effect.gen(function*() {
      for (let i = 0; i < 3; i++) yield* during(create, "10 seconds")
      assert.strictEqual((yield* Effect.flip(create))._tag, "IntegrationError")
      assert.strictEqual((yield* requests).length, 3)
    }).pipe(Effect.provide(layer(Answer.hang, settings))))

  it.effect("A14: an error that the contract declares says that the remote works", () =>
    Effect.gen(function*() {
      for (let i = 0; i < 10; i++) yield* Effect.exit(create)
      assert.strictEqual((yield* requests).length, 10)
    }).pipe(Effect.provide(layer(Answer.json(402, { error: { code: "no" } }), settings))))

  it.effect("A15: a result that is classified as a failure trips", () =>
    Effect.gen(function*() {
      for (let i = 0; i < 3; i++) assert.deepStrictEqual(yield* get, charge)
      assert.strictEqual((yield* Effect.flip(get)).reason._tag, "CircuitOpen")
    }).pipe(Effect.provide(layer(ok, {
      ...settings,
      classify: (exit) =>
        Exit.isSuccess(exit)
          ? Outcome.failure({ retryable: false })
          : undefined
    }))))

  it.effect("G19: an open circuit is not waited for, unless its time fits the deadline and what a wait may be", () =>
    Effect.gen(function*() {
      for (let i = 0; i < 3; i++) yield* Effect.exit(get)
      const brief = get.pipe(Resilience.withOptions({ retry: { maxRetries: 1 }, totalTimeout: "1 minute" }))
      assert.strictEqual((yield* Effect.flip(brief)).attempts, 1)
      const patient = get.pipe(Resilience.withOptions({ retry: { maxRetries: 1, maxDelay: "1 minute" } }))
      assert.strictEqual((yield* Effect.flip(patient)).attempts, 1)
      yield* (yield* wire).use(ok)
      const exit = yield* during(
        patient.pipe(Resilience.withOptions({ totalTimeout: "1 minute" })),
        "31 seconds"
      )
      assert.deepStrictEqual(exit, Exit.succeed(charge))
    }).pipe(Effect.provide(layer(Answer.status(500), settings))))

  it.effect("an error says that the call may have been sent if any of its attempts may have been", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(Effect.flip(capture))
      yield* TestClock.adjust("1 second")
      const error = yield* Fiber.join(fiber)
      assert.deepStrictEqual([error.reason._tag, error.reason.wasSent, error.attempts], ["CircuitOpen", false, 2])
      assert.isTrue(error.wasSent)
    }).pipe(Effect.provide(layer([Answer.reset], { breaker: { failureThreshold: 1, resetTimeout: "2 minutes" } }))))

  it.effect("C7: a probe that its caller's own deadline cuts short decides nothing", () =>
    Effect.gen(function*() {
      yield* Effect.exit(create)
      const hasty = create.pipe(Resilience.withOptions({ totalTimeout: "10 millis" }))
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(tagOf(yield* during(hasty, "10 millis")), "DeadlineExceeded")
      assert.strictEqual((yield* (yield* Payments.circuit)!.state)._tag, "HalfOpen")
      assert.deepStrictEqual(yield* during(create, "30 millis"), Exit.succeed(charge))
      assert.strictEqual((yield* (yield* Payments.circuit)!.state)._tag, "Closed")
    }).pipe(Effect.provide(layer([
      Answer.status(503),
      Answer.delay("30 millis", ok),
      Answer.delay("30 millis", ok)
    ], {
      retry: false,
      breaker: { failureThreshold: 1, resetTimeout: "2 seconds" }
    }))))

  it.effect("callers in a hurry do not open the circuit of a healthy remote", () =>
    Effect.gen(function*() {
      const hasty = create.pipe(Resilience.withOptions({ totalTimeout: "20 millis" }))
      for (let i = 0; i < 5; i++) assert.strictEqual(tagOf(yield* during(hasty, "20 millis")), "DeadlineExceeded")
      assert.deepStrictEqual(yield* during(create, "60 millis"), Exit.succeed(charge))
    }).pipe(Effect.provide(layer(Answer.delay("60 millis", ok), settings))))

  it.effect("a probe that is answered closes it, whatever the answer says", () =>
    Effect.gen(function*() {
      for (const answer of [Answer.status(401), Answer.json(200, { id: 7 })]) {
        yield* (yield* wire).use(Answer.status(503))
        for (let i = 0; i < 3; i++) yield* Effect.exit(get)
        assert.strictEqual(tagOf(yield* Effect.exit(get)), "CircuitOpen")
        yield* TestClock.adjust("1 minute")
        yield* (yield* wire).use(answer)
        yield* Effect.exit(get)
        assert.strictEqual((yield* (yield* Payments.circuit)!.state)._tag, "Closed")
      }
    }).pipe(Effect.provide(layer(ok, settings))))

  it.effect("an upload that its own source breaks says nothing about the remote", () =>
    Effect.gen(function*() {
      const payments = yield* Payments
      const payload = Stream.concat(Stream.make(new Uint8Array([1])), Stream.fail("file gone"))
      for (let i = 0; i < 5; i++) {
        const error = yield* Effect.flip(payments.files.upload({ params: { id: "1" }, payload }))
        assert.deepInclude(error.reason, { _tag: "InvalidRequest", wasSent: true })
      }
      assert.deepStrictEqual(yield* get, charge)
    }).pipe(Effect.provide(layer(ok, settings))))

  it.effect("an operator isolates it and resets it", () =>
    Effect.gen(function*() {
      const circuit = yield* Payments.circuit
      yield* circuit!.isolate
      const error = yield* Effect.flip(get)
      assert.isTrue(error.reason._tag === "CircuitOpen" && error.reason.isolated)
      yield* circuit!.reset
      assert.deepStrictEqual(yield* get, charge)
    }).pipe(Effect.provide(layer(ok, settings))))
})

describe("the rate limit", () => {
  const paced = { rateLimit: { limit: 2, window: "1 second" }, retry: false } as const

  it.effect("K8: lets as many through as it says, and the next ones when it is their turn", () =>
    Effect.gen(function*() {
      const fibers = yield* Effect.forEach(Array.from({ length: 5 }), () => Effect.forkChild(get))
      yield* (yield* wire).received(2)
      yield* TestClock.adjust("999 millis")
      assert.strictEqual((yield* requests).length, 2)
      yield* TestClock.adjust("1 millis")
      assert.strictEqual((yield* requests).length, 4)
      yield* TestClock.adjust("1 second")
      yield* Effect.forEach(fibers, Fiber.join)
      assert.strictEqual((yield* requests).length, 5)
    }).pipe(Effect.provide(layer(ok, paced))))

  it.effect("K12: a turn that comes after the deadline is refused at once, and K7: says nothing about the remote", () =>
    Effect.gen(function*() {
      yield* Effect.andThen(get, get)
      const hasty = get.pipe(Resilience.withOptions({ totalTimeout: "500 millis" }))
      for (let i = 0; i < 10; i++) {
        const { reason } = yield* Effect.flip(hasty)
        assert.deepInclude(reason, {
          _tag: "RateLimited",
          by: "local",
          retryAfter: Duration.seconds(1),
          wasSent: false
        })
      }
      assert.strictEqual((yield* (yield* Payments.circuit)!.state)._tag, "Closed")
    }).pipe(Effect.provide(layer(ok, paced))))

  it.effect("obeys what the remote says is left, for calls and for streams", () =>
    Effect.gen(function*() {
      const payments = yield* Payments
      yield* (yield* wire).use(Answer.json(200, charge, { "ratelimit-remaining": "0", "ratelimit-reset": "7" }))
      yield* get
      const waiting = yield* Effect.forkChild(get)
      yield* TestClock.adjust("6999 millis")
      assert.strictEqual((yield* requests).length, 1)
      yield* (yield* wire).use(Answer.bytes(200, new Uint8Array(1), {
        "content-type": "application/octet-stream",
        "x-ratelimit-remaining": "0",
        "x-ratelimit-reset": "5"
      }))
      yield* TestClock.adjust("1 second")
      assert.isTrue(Exit.isFailure(yield* Fiber.await(waiting)))
      yield* TestClock.adjust("5 seconds")
      yield* Stream.runDrain(yield* payments.files.download({ params: { id: "1" } }))
      const after = yield* Effect.forkChild(Effect.exit(get))
      yield* TestClock.adjust("4 seconds")
      assert.strictEqual((yield* requests).length, 3)
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(after)
    }).pipe(Effect.provide(layer(ok, { rateLimit: { limit: 100, window: "1 second" }, retry: false, breaker: false }))))

  it.effect("a limit without a window is refused when the layer is built, by its name", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Effect.scoped(Layer.build(layer(ok, { rateLimit: { limit: 5 } }))))
      assert.include(error.message, "rateLimit.window")
    }))
})

describe("many at once", () => {
  it.effect("O4: 100 callers of a dead host send at most 20 requests before everything is refused", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(Effect.forEach(
        Array.from({ length: 100 }),
        () => Effect.exit(get),
        { concurrency: "unbounded" }
      ))
      yield* TestClock.adjust("5 seconds")
      const exits = yield* Fiber.join(fiber)
      assert.isAtMost((yield* requests).length, 20)
      assert.isTrue(exits.every(Exit.isFailure))
      // It would wait for the circuit, which fits its deadline, if it were allowed to.
      assert.strictEqual(tagOf(yield* Effect.exit(get.pipe(Resilience.withOptions({ retry: false })))), "CircuitOpen")
    }).pipe(Effect.provide(layer(Answer.refused))))

  it.effect("O4: the same where the host accepts connections and never answers", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(Effect.forEach(
        Array.from({ length: 100 }),
        () => Effect.exit(get),
        { concurrency: "unbounded" }
      ))
      yield* TestClock.adjust("1 minute")
      assert.isTrue((yield* Fiber.join(fiber)).every(Exit.isFailure))
      assert.isAtMost((yield* requests).length, 20)
    }).pipe(Effect.provide(layer(Answer.hang))))

  it.effect("a full queue is refused at once when the circuit opens, however long it is", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(Effect.forEach(
        Array.from({ length: 1500 }),
        () => Effect.exit(create),
        { concurrency: "unbounded" }
      ))
      yield* TestClock.adjust("10 seconds")
      const tags = (yield* Fiber.join(fiber)).map(tagOf)
      assert.strictEqual(tags.filter((tag) => tag === "AttemptTimeout").length, (yield* requests).length)
      assert.strictEqual(tags.filter((tag) => tag === "BulkheadFull").length, 1500 - 1016)
      assert.strictEqual(tags.filter((tag) => tag === "CircuitOpen").length, 1016 - (yield* requests).length)
    }).pipe(Effect.provide(layer(Answer.hang))))

  it.effect("as many are in flight as the pool has connections; the others wait, within their deadline", () =>
    Effect.gen(function*() {
      const fibers = yield* Effect.forEach(Array.from({ length: 5 }), () => Effect.forkChild(Effect.exit(create)))
      yield* (yield* wire).received(2)
      assert.strictEqual(yield* (yield* wire).inFlight, 2)
      yield* TestClock.adjust("30 seconds")
      const exits = yield* Effect.forEach(fibers, Fiber.join)
      assert.deepStrictEqual(exits.map(tagOf), [
        "AttemptTimeout",
        "AttemptTimeout",
        "AttemptTimeout",
        "AttemptTimeout",
        "CircuitOpen"
      ])
    }).pipe(Effect.provide(layer(Answer.hang, {
      pool: { maxConnections: 2 },
      breaker: { failureThreshold: 3 }
    }))))

  it.effect("a stream that is read counts as one in flight until it ends, so that calls wait for its connection", () =>
    Effect.gen(function*() {
      const payments = yield* Payments
      const endless = Stream.concat(Stream.make(new Uint8Array([1])), Stream.never)
      yield* (yield* wire).use(Answer.stream(200, endless, { "content-type": "application/octet-stream" }))
      const reading = yield* Effect.forkChild(
        Stream.runDrain(yield* payments.files.download({ params: { id: "1" } }))
      )
      yield* Effect.yieldNow
      yield* (yield* wire).use(ok)
      const waiting = yield* Effect.forkChild(get)
      for (let i = 0; i < 8; i++) yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* requests).length, 1)
      yield* Fiber.interrupt(reading)
      assert.deepStrictEqual(yield* Fiber.join(waiting), charge)
    }).pipe(Effect.provide(layer(ok, { pool: { maxConnections: 1 } }))))

  it.effect("K4: a caller whose time is up while it waits leaves the queue, and nothing was sent for it", () =>
    Effect.gen(function*() {
      const first = yield* Effect.forkChild(Effect.exit(create))
      yield* (yield* wire).received(1)
      const waiting = yield* Effect.forkChild(
        Effect.exit(create.pipe(Resilience.withOptions({ totalTimeout: "1 second" })))
      )
      yield* TestClock.adjust("1 second")
      const reason = reasonOf(yield* Fiber.join(waiting))
      assert.deepInclude(reason, { _tag: "DeadlineExceeded", wasSent: false })
      yield* Fiber.interrupt(first)
      assert.strictEqual((yield* requests).length, 1)
    }).pipe(Effect.provide(layer(Answer.hang, { pool: { maxConnections: 1 } }))))

  it.effect("K4: one who waits is sent with half of the time of an attempt at least, or not at all", () =>
    Effect.gen(function*() {
      const options = { attemptTimeout: "4 seconds", totalTimeout: "10 seconds" } as const
      yield* Effect.forkChild(Effect.exit(create.pipe(Resilience.withOptions({ attemptTimeout: "29 seconds" }))))
      yield* (yield* wire).received(1)
      const waiting = yield* Effect.forkChild(Effect.exit(create.pipe(Resilience.withOptions(options))))
      yield* TestClock.adjust("7999 millis")
      assert.isUndefined(waiting.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      const reason = reasonOf(yield* Fiber.join(waiting))
      assert.deepInclude(reason, { _tag: "DeadlineExceeded", wasSent: false })
      assert.include(String(reason), "after 8s")
      assert.strictEqual((yield* requests).length, 1)
    }).pipe(Effect.provide(layer(Answer.hang, { pool: { maxConnections: 1 } }))))

  it.effect("K2: an interrupted waiter leaves the queue, and the next one gets the permit", () =>
    Effect.gen(function*() {
      const first = yield* Effect.forkChild(Effect.exit(create))
      yield* (yield* wire).received(1)
      const second = yield* Effect.forkChild(create)
      const third = yield* Effect.forkChild(create)
      yield* Effect.yieldNow
      yield* Fiber.interrupt(second)
      yield* (yield* wire).use(ok)
      yield* Fiber.interrupt(first)
      assert.deepStrictEqual(yield* Fiber.join(third), charge)
    }).pipe(Effect.provide(layer(Answer.hang, { pool: { maxConnections: 1 } }))))
})
