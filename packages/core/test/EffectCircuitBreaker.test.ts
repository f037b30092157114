import { assert, describe } from "@effect/vitest"
import { Cause, Context, Deferred, Duration, Effect, Exit, Fiber, Scope, Stream } from "effect"
import { HttpClient, HttpClientRequest, HttpClientResponse } from "effect/http"
import * as Theirs from "effect/persistence/CircuitBreaker"
import * as EffectCircuitBreaker from "../src/EffectCircuitBreaker.ts"
import * as CircuitBreaker from "../src/policy/CircuitBreaker.ts"
import { adjust, Boom, boom, counted, test } from "./policy/fixtures.ts"

type KeyedMake = Parameters<typeof CircuitBreaker.makeKeyed>[0]

const make = (options: Partial<KeyedMake> = {}) =>
  Effect.map(
    CircuitBreaker.makeKeyed({ name: "hosts", failureThreshold: 1, resetTimeout: "1 second", ...options }),
    (ours) => ({ ours, breaker: EffectCircuitBreaker.fromKeyed(ours) })
  )

/** A client of a remote that answers with one status at a time, or hangs. */
const scripted = (breaker: Theirs.CircuitBreaker) => {
  const remote = { status: 200, seen: 0, hang: false, headers: {} as Record<string, string> }
  const client = HttpClient.make((request) =>
    Effect.suspend(() => {
      remote.seen++
      if (remote.hang) return Effect.never
      const { headers, status } = remote
      return Effect.succeed(HttpClientResponse.fromWeb(request, new Response(null, { status, headers })))
    })
  )
  const guarded = HttpClient.withCircuitBreaker(client, { breaker })
  const get = (host = "a.test") => guarded.execute(HttpClientRequest.get(`http://${host}/x`))
  return { remote, get, rejected: (host?: string) => Effect.flip(get(host)) }
}

const reasonOf = (error: unknown) => error instanceof Theirs.CircuitBreakerError ? error.reason : undefined

describe("EffectCircuitBreaker, under HttpClient.withCircuitBreaker", () => {
  test("a failing origin is not called any more, and the rejection is Effect's own; other origins are called", () =>
    Effect.gen(function*() {
      const { breaker } = yield* make({ failureThreshold: 2 })
      const { get, rejected, remote } = scripted(breaker)
      remote.status = 503
      yield* get()
      yield* get()
      const reason = reasonOf(yield* rejected())
      assert.deepStrictEqual(
        reason,
        new Theirs.CircuitOpen({ key: "http://a.test", retryAfter: Duration.seconds(1) })
      )
      assert.strictEqual(remote.seen, 2)
      yield* get("b.test")
      assert.strictEqual(remote.seen, 3)
    }))

  test("the remote's wish lengthens the open time; a 429 counts nowhere; a 404 is well", () =>
    Effect.gen(function*() {
      const { breaker } = yield* make()
      const { get, remote } = scripted(breaker)
      for (const status of [429, 404, 200]) {
        remote.status = status
        yield* get()
      }
      remote.status = 503
      remote.headers = { "retry-after": "20" }
      yield* get()
      assert.deepStrictEqual(yield* breaker.state("http://a.test"), {
        _tag: "Open",
        key: "http://a.test",
        retryAfter: Duration.seconds(20),
        consecutiveOpenings: 1
      })
    }))

  test("one probe at a time: others are rejected as half-open; interrupted, it frees its slot; well, it closes", () =>
    Effect.gen(function*() {
      const { breaker } = yield* make()
      const { get, rejected, remote } = scripted(breaker)
      remote.status = 500
      yield* get()
      yield* adjust("1 second")
      remote.hang = true
      const probe = yield* Effect.forkChild(get(), { startImmediately: true })
      assert.deepStrictEqual(reasonOf(yield* rejected()), new Theirs.CircuitHalfOpen({ key: "http://a.test" }))
      const probing = yield* breaker.state("http://a.test")
      assert.isTrue(probing._tag === "HalfOpen" && probing.probing)
      yield* Fiber.interrupt(probe)
      const free = yield* breaker.state("http://a.test")
      assert.isTrue(free._tag === "HalfOpen" && !free.probing)
      remote.hang = false
      remote.status = 200
      yield* get()
      assert.strictEqual((yield* breaker.state("http://a.test"))._tag, "Closed")
    }))

  test("after a reset calls go through at once, and those from before count nowhere", () =>
    Effect.gen(function*() {
      const { breaker, ours } = yield* make()
      const { get, remote } = scripted(breaker)
      remote.status = 500
      yield* get()
      yield* ours.get("http://a.test").reset
      yield* get()
      yield* ours.get("http://a.test").isolate
      const isolated = yield* breaker.state("http://a.test")
      assert.isTrue(isolated._tag === "Open" && isolated.retryAfter === Duration.infinity)
      assert.strictEqual(reasonOf(yield* Effect.flip(get()))?._tag, "CircuitOpen")
    }))

  test("an interrupted call counts nowhere", () =>
    Effect.gen(function*() {
      const { breaker } = yield* make()
      const { get, remote } = scripted(breaker)
      remote.hang = true
      yield* Fiber.interrupt(yield* Effect.forkChild(get(), { startImmediately: true }))
      assert.strictEqual((yield* breaker.state("http://a.test"))._tag, "Closed")
    }))
})

class Word extends Context.Service<Word, Theirs.Outcome>()("test/Word") {}

describe("EffectCircuitBreaker, execute", () => {
  test("takes the effect first or last; the caller gets what the effect came to", () =>
    Effect.gen(function*() {
      const { breaker } = yield* make({ failureThreshold: 3 })
      assert.strictEqual(yield* breaker.execute(Effect.succeed(1), { key: "a" }), 1)
      assert.strictEqual(yield* Effect.succeed(2).pipe(breaker.execute({ key: "a" })), 2)
      assert.instanceOf(yield* Effect.flip(breaker.execute(boom, { key: "a" })), Boom)
      assert.strictEqual((yield* breaker.state("a"))._tag, "Closed")
    }))

  test("by default every failure counts, defects included", () =>
    Effect.gen(function*() {
      const { breaker } = yield* make()
      yield* Effect.exit(breaker.execute(boom, { key: "a" }))
      yield* Effect.exit(breaker.execute(Effect.die("bug"), { key: "b" }))
      assert.deepStrictEqual([(yield* breaker.state("a"))._tag, (yield* breaker.state("b"))._tag], ["Open", "Open"])
    }))

  test("a classifier decides, at once or as an effect that needs something", () =>
    Effect.gen(function*() {
      const { breaker } = yield* make()
      yield* Effect.exit(breaker.execute(boom, { key: "a", classify: () => Theirs.ignored }))
      const asked = breaker.execute(Effect.succeed("bad"), {
        key: "a",
        classify: (exit) => Exit.isSuccess(exit) ? Effect.delay(Word, "1 second") : Theirs.success
      })
      const fiber = yield* Effect.forkChild(
        Effect.provideService(asked, Word, Theirs.failure({ retryAfter: "1 minute" })),
        { startImmediately: true }
      )
      assert.strictEqual((yield* breaker.state("a"))._tag, "Closed")
      yield* adjust("1 second")
      assert.strictEqual(yield* Fiber.join(fiber), "bad")
      const state = yield* breaker.state("a")
      assert.deepStrictEqual(state._tag === "Open" && state.retryAfter, Duration.minutes(1))
    }))

  test("the time that a classifier takes is not the call's", () =>
    Effect.gen(function*() {
      const slowCalls = { duration: "1 second", threshold: 0.1, window: "1 minute", minimumCalls: 1 } as const
      const { breaker } = yield* make({ slowCalls })
      const call = (took: Duration.Input, classifying: Duration.Input) =>
        Effect.gen(function*() {
          const fiber = yield* Effect.forkChild(
            breaker.execute(Effect.sleep(took), {
              key: "a",
              classify: () => Effect.delay(Effect.succeed(Theirs.success), classifying)
            }),
            { startImmediately: true }
          )
          yield* adjust("10 seconds")
          yield* Fiber.join(fiber)
          return (yield* breaker.state("a"))._tag
        })
      assert.strictEqual(yield* call("1 second", "5 seconds"), "Closed")
      assert.strictEqual(yield* call("2 seconds", "1 second"), "Open")
    }))

  test("a classifier that throws ends the call with its defect, beside the call's own error, and frees the probe", () =>
    Effect.gen(function*() {
      const { breaker } = yield* make()
      yield* Effect.exit(breaker.execute(boom, { key: "a" }))
      yield* adjust("1 second")
      const classify = () => {
        throw new Error("bug")
      }
      const exit = yield* Effect.exit(breaker.execute(boom, { key: "a", classify }))
      assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause) && Cause.hasFails(exit.cause))
      assert.strictEqual(yield* breaker.execute(Effect.succeed("ok"), { key: "a" }), "ok")
      assert.strictEqual((yield* breaker.state("a"))._tag, "Closed")
    }))

  test("L1: interrupted while it classifies, a probe frees its slot", () =>
    Effect.gen(function*() {
      const { breaker } = yield* make()
      yield* Effect.exit(breaker.execute(boom, { key: "a" }))
      yield* adjust("1 second")
      const began = yield* Deferred.make<void>()
      const classify = () => Effect.andThen(Deferred.succeed(began, undefined), Effect.never)
      const probe = yield* Effect.forkChild(breaker.execute(Effect.void, { key: "a", classify }))
      yield* Deferred.await(began)
      yield* Fiber.interrupt(probe)
      const call = counted(Effect.void)
      yield* breaker.execute(call.run, { key: "a" })
      assert.strictEqual(call.count, 1)
    }))
})

describe("EffectCircuitBreaker, transitions", () => {
  test("L4: end when the scope of the breakers is closed, after what has been told; those asked for later are empty", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const { breaker, ours } = yield* Scope.provide(make(), scope)
      const all = () => Effect.forkChild(Stream.runCollect(breaker.transitions), { startImmediately: true })
      const seen = yield* all()
      const changes = yield* Effect.forkChild(Stream.runCollect(ours.get("a").changes), { startImmediately: true })
      yield* Effect.exit(breaker.execute(boom, { key: "a" }))
      yield* Scope.close(scope, Exit.void)
      assert.lengthOf(yield* Fiber.join(seen), 1)
      assert.lengthOf(yield* Fiber.join(changes), 1)
      assert.lengthOf(yield* Effect.flatMap(all(), Fiber.join), 0)
    }))

  test("are told in Effect's words; what it has none for is left out", () =>
    Effect.gen(function*() {
      const { breaker, ours } = yield* make()
      const seen = yield* Effect.forkChild(
        breaker.transitions.pipe(
          Stream.take(5),
          Stream.map(({ from, key, to }) => `${key}: ${from} → ${to}`),
          Stream.runCollect
        ),
        { startImmediately: true }
      )
      yield* adjust(0)
      yield* ours.get("a").disable
      yield* ours.get("a").observe
      yield* ours.get("a").reset
      yield* Effect.exit(breaker.execute(boom, { key: "a" }))
      yield* adjust("1 second")
      yield* breaker.execute(Effect.void, { key: "a" })
      yield* ours.get("b").isolate
      yield* ours.get("b").reset
      yield* Effect.exit(breaker.execute(boom, { key: "b" }))
      assert.deepStrictEqual(yield* Fiber.join(seen), [
        "a: Closed → Open",
        "a: Open → HalfOpen",
        "a: HalfOpen → Closed",
        "b: Closed → Open",
        "b: Closed → Open"
      ])
    }))

  test("the layer provides the service", () =>
    Effect.gen(function*() {
      const breaker = yield* Theirs.CircuitBreaker
      yield* Effect.exit(breaker.execute(boom, { key: "a" }))
      assert.deepStrictEqual(yield* breaker.state("a"), {
        _tag: "Open",
        key: "a",
        retryAfter: Duration.seconds(30),
        consecutiveOpenings: 1
      })
      assert.deepStrictEqual(yield* breaker.state("b"), { _tag: "Closed", key: "b" })
    }).pipe(Effect.provide(EffectCircuitBreaker.layer({ name: "hosts", failureThreshold: 1 }))))
})
