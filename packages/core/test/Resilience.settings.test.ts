import { assert, describe, it } from "@effect/vitest"
import * as Integration from "@switchboard/core/Integration"
import * as Resilience from "@switchboard/core/Resilience"
import * as Answer from "@switchboard/testing/Answer"
import * as TestTransport from "@switchboard/testing/TestTransport"
import * as Cause from "effect/Cause"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import { charge, layer, Payments } from "./payments.ts"
import { begin } from "./policy/fixtures.ts"
import { remote, sent } from "./vault.ts"

const Thing = Schema.Struct({ id: Schema.String })
const wire = TestTransport.TestTransport

/** Settings of each scope there is, the widest first. */
interface Scopes {
  readonly definition?: Resilience.Options
  readonly api?: Resilience.OperationOptions
  readonly group?: Resilience.OperationOptions
  readonly endpoint?: Resilience.OperationOptions
  readonly configuration?: Resilience.Options
  readonly callSite?: Resilience.OperationOptions
}

/** A call under these settings. */
const call = (scopes: Scopes, method: "GET" | "POST" = "GET") => {
  const { api = {}, callSite, configuration = {}, definition = {}, endpoint = {}, group = {} } = scopes
  const make: typeof HttpApiEndpoint.get = method === "GET" ? HttpApiEndpoint.get : HttpApiEndpoint.post as never
  const Things = HttpApiGroup.make("things")
    .add(make("one", "/thing", { success: Thing }).annotate(Resilience.Settings, endpoint))
    .annotate(Resilience.Settings, group)
  const Api = HttpApi.make("api").add(Things).annotate(Resilience.Settings, api)
  const options = { api: Api, baseUrl: "https://things.example", resilience: definition }
  return Effect.flatMap(Integration.make("test/Things", options)(configuration), ({ things }) => {
    const one = (things as { readonly one: () => Effect.Effect<unknown, unknown> }).one()
    return callSite === undefined ? one : one.pipe(Resilience.withOptions(callSite))
  }).pipe(Effect.scoped)
}

/** When a call to a remote that is silent ends, in milliseconds. */
const endOf = (scopes: Scopes) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(Effect.exit(call(scopes)))
    yield* TestClock.adjust(0)
    for (let now = 0; now <= 40_000; now += 500) {
      if (fiber.pollUnsafe() !== undefined) return now
      yield* TestClock.adjust(500)
    }
    return undefined
  }).pipe(Effect.provide(remote(Answer.hang)))

const requestsOf = (scopes: Scopes, script: TestTransport.Script, method?: "POST") =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(Effect.exit(call(scopes, method)))
    yield* TestClock.adjust("2 minutes")
    yield* Fiber.join(fiber)
    return yield* sent
  }).pipe(Effect.provide(remote(script)))

const reasonOf = (exit: Exit.Exit<unknown, unknown>) =>
  Exit.isFailure(exit)
    ? (Cause.squash(exit.cause) as { readonly reason?: { readonly _tag: string } }).reason?._tag
    : undefined

const order = ["definition", "api", "group", "endpoint", "configuration", "callSite"] as const

const tries = (scopes: Scopes) => Effect.map(requestsOf(scopes, Answer.status(503)), ({ length }) => length)

describe("settings are merged", () => {
  it.effect("without any: an attempt ends after 10 seconds, a call after 30", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* endOf({ callSite: { retry: false } }), 10_000)
      assert.strictEqual(yield* endOf({ definition: { retry: { baseDelay: "0 seconds" } } }), 30_000)
    }))

  it.effect.each(order)("%s: wins over all wider scopes, in what a call does", (name) =>
    Effect.gen(function*() {
      // The widest has the longest timeout, so that each narrower scope is seen to win.
      const at = order.indexOf(name)
      const scopes: Record<string, Resilience.OperationOptions> = {}
      for (let i = 0; i <= at; i++) scopes[order[i]!] = { attemptTimeout: `${9 - i} seconds`, retry: false }
      assert.strictEqual(yield* endOf(scopes), (9 - at) * 1000)
      // And the other way about, so that it is not the shortest that wins.
      for (let i = 0; i <= at; i++) scopes[order[i]!] = { attemptTimeout: `${1 + i} seconds`, retry: false }
      assert.strictEqual(yield* endOf(scopes), (1 + at) * 1000)
    }))

  it.effect("field by field: each scope may say one thing", () =>
    Effect.gen(function*() {
      const requests = yield* requestsOf(
        {
          definition: { retry: { maxRetries: 1, baseDelay: "1 second" } },
          api: { retry: { jitter: "none" } },
          group: { retry: { factor: 3 } },
          endpoint: { idempotencyKey: { header: "X-Key" } },
          configuration: { retry: { maxRetries: 2 } },
          callSite: { totalTimeout: "20 seconds" }
        },
        Answer.status(503),
        "POST"
      )
      assert.deepStrictEqual(requests.map(({ at }) => at), [0, 1000, 4000])
      assert.isTrue(requests.every(({ headers }) => headers["x-key"] === requests[0]?.headers["x-key"]))
    }))

  it.effect("undefined says nothing", () =>
    Effect.gen(function*() {
      const scopes: Scopes = {
        definition: { attemptTimeout: "3 seconds", retry: { maxRetries: 0 } },
        configuration: { attemptTimeout: undefined, retry: { maxRetries: undefined } },
        callSite: { attemptTimeout: undefined, retry: undefined }
      }
      assert.strictEqual(yield* endOf(scopes), 3000)
    }))

  it.effect("false switches off, and a narrower scope on again", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* tries({ definition: { retry: false } }), 1)
      assert.strictEqual(yield* tries({ definition: { retry: false }, callSite: { retry: { maxRetries: 1 } } }), 2)
      assert.strictEqual(yield* tries({ callSite: { retry: false } }), 1)
    }))

  it.effect("a narrower total timeout alone takes the place of a wider attempt timeout that does not fit", () =>
    Effect.gen(function*() {
      const scopes: Scopes = { definition: { attemptTimeout: "8 seconds" }, callSite: { totalTimeout: "2 seconds" } }
      assert.strictEqual(yield* endOf(scopes), 2000)
    }))

  it.effect("call sites within call sites: the inner wins, field by field", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(Effect.exit(
        call({}).pipe(
          Resilience.withOptions({ attemptTimeout: "2 seconds" }),
          Resilience.withOptions({ attemptTimeout: "9 seconds", retry: false })
        )
      ))
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(reasonOf(yield* Fiber.join(fiber)), "AttemptTimeout")
      assert.strictEqual((yield* sent).length, 1)
    }).pipe(Effect.provide(remote(Answer.hang))))

  it.effect("of the environment come between the contract and the call", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(
        Effect.exit(Effect.flatMap(Payments, ({ charges }) => charges.quick())).pipe(
          Effect.provide(Payments.layerConfig)
        )
      )
      // The contract says one second.
      yield* TestClock.adjust("1500 millis")
      assert.strictEqual(yield* (yield* wire).cancelled, 1)
      assert.strictEqual(reasonOf(yield* Fiber.join(fiber)), "AttemptTimeout")
    }).pipe(
      Effect.provide(Layer.merge(
        remote(Answer.hang),
        ConfigProvider.layer(ConfigProvider.fromEnvRecord({
          PAYMENTS_TOKEN: "t",
          PAYMENTS_ATTEMPT_TIMEOUT: "1500 millis",
          PAYMENTS_RETRY_MAX_RETRIES: "0"
        }))
      ))
    ))
})

const isOff = (options: Resilience.Options) => options.retry === false || options.breaker === false

describe("merge", () => {
  const some: ReadonlyArray<Resilience.Options> = [
    {},
    { attemptTimeout: "1 second" },
    { totalTimeout: "2 seconds", retry: { maxRetries: 1 } },
    { retry: false },
    { retry: { baseDelay: "1 second", jitter: "none" }, breaker: { failureThreshold: 2 } },
    { breaker: false, bulkhead: { maxConcurrent: 2 } },
    { bulkhead: { maxQueue: 5 }, idempotencyKey: true },
    { hedge: { delay: "1 second" } },
    { retry: { budget: { ratio: 1 } } },
    Resilience.merge({ hedge: { maxHedges: 2 } }, { retry: { maxRetries: 4 } }),
    Resilience.merge({ retry: { maxRetries: 5 } }, { hedge: { maxHedges: 3 } })
  ]

  it("has nothing as its unit, on either side", () => {
    for (const options of some) {
      assert.deepStrictEqual(Resilience.merge(options, {}), options)
      assert.deepStrictEqual(Resilience.merge({}, options), options)
      assert.deepStrictEqual(Resilience.merge(undefined, options, undefined), options)
    }
    assert.deepStrictEqual(Resilience.merge(), {})
  })

  it("is idempotent, and does not change what it merges", () => {
    for (const options of some) {
      const before = { ...options, ...structuredClone(options) }
      assert.deepStrictEqual(Resilience.merge(options, options), options)
      for (const other of some) Resilience.merge(options, other)
      assert.deepStrictEqual(options, before)
    }
  })

  it("is a fold from the widest scope, and associative where nothing is switched off", () => {
    for (const a of some) {
      for (const b of some) {
        for (const c of some) {
          const all = Resilience.merge(a, b, c)
          assert.deepStrictEqual(Resilience.merge(Resilience.merge(a, b), c), all)
          if (!isOff(b)) {
            assert.deepStrictEqual(Resilience.merge(a, Resilience.merge(b, c)), all, JSON.stringify([a, b, c]))
          }
        }
      }
    }
  })
})

describe("retrying or hedging, merged", () => {
  const repeats = (...scopes: ReadonlyArray<Resilience.Options>) => {
    const [, kind, count] = /(retries|hedges): (\d)/.exec(Resilience.explain(Resilience.merge(...scopes)).text) ?? []
    return kind === undefined ? "none" : `${count} ${kind}`
  }
  const hedge = { maxHedges: 2 }

  it("is what the narrowest scope asks for that asks for either", () => {
    assert.strictEqual(repeats({ retry: { maxRetries: 5 } }, { hedge }), "2 hedges")
    assert.strictEqual(repeats({ hedge }, { retry: { maxRetries: 5 } }), "5 retries")
    assert.strictEqual(repeats({ retry: { maxRetries: 5 } }, { hedge }, { retry: { maxRetries: 4 } }), "4 retries")
    assert.strictEqual(repeats({ retry: { maxRetries: 5 } }, { hedge }, { totalTimeout: "1 minute" }), "2 hedges")
  })

  it("is not changed by a budget, which pays for both, nor by what says nothing", () => {
    assert.strictEqual(repeats({ hedge }, { retry: { budget: { ratio: 0.5 } } }), "2 hedges")
    assert.strictEqual(repeats({ hedge }, { retry: { maxRetries: undefined, budget: false } }), "2 hedges")
    assert.strictEqual(repeats({ retry: { maxRetries: undefined }, hedge }), "2 hedges")
  })

  it("comes back to what the wider scope said where the narrower is switched off", () => {
    assert.strictEqual(repeats({ retry: false }, { hedge }, { hedge: false }), "none")
    assert.strictEqual(repeats({ retry: { maxRetries: 5 } }, { hedge }, { hedge: false }), "5 retries")
    assert.strictEqual(repeats({ hedge }, { retry: { maxRetries: 5 } }, { retry: false }), "2 hedges")
    assert.strictEqual(repeats({ retry: { budget: { ratio: 0 } } }, { hedge }, { hedge: false }), "3 retries")
  })

  it("is known of merged settings that are merged again, or copied", () => {
    const hedged = { ...Resilience.merge<Resilience.Options>({ retry: { maxRetries: 5 } }, { hedge }) }
    assert.deepStrictEqual(Resilience.validate(hedged), [])
    assert.strictEqual(repeats({ retry: { maxRetries: 4 } }, hedged), "2 hedges")
    assert.strictEqual(repeats(hedged, { hedge: false }), "5 retries")
    const retried = Resilience.merge<Resilience.Options>(hedged, { retry: { maxRetries: 4 } })
    assert.strictEqual(repeats({ hedge }, retried), "4 retries")
  })

  it("is refused where one scope asks for both, whatever the others say", () => {
    const both = { retry: { maxRetries: 1 }, hedge }
    for (const scopes of [[both], [{ hedge }, both], [{ retry: { maxRetries: 5 } }, { hedge }, both], [both, {}]]) {
      assert.throws(() => repeats(...scopes), /hedge must not stand beside retry/)
    }
  })
})

const problemsOf = (scopes: Scopes, method?: "POST") =>
  Effect.gen(function*() {
    const error = yield* Effect.flip(call(scopes, method)) as Effect.Effect<
      { readonly problems?: ReadonlyArray<{ readonly option: string; readonly problem: string }> }
    >
    assert.deepStrictEqual(yield* sent, [])
    return (error.problems ?? []).map(({ option, problem }) => `${option} ${problem}`)
  }).pipe(Effect.provide(remote(Answer.json(200, { id: "a" }))))

describe("contradictions are refused when the layer is built", () => {
  it.effect("F5: a timeout of zero, below zero or without end", () =>
    Effect.gen(function*() {
      for (
        const timeout of [0, -1, Infinity, "-2 seconds", "soon" as Duration.Input] as ReadonlyArray<Duration.Input>
      ) {
        for (const option of ["attemptTimeout", "totalTimeout"] as const) {
          const [problem] = yield* problemsOf({ configuration: { [option]: timeout } })
          assert.match(problem!, new RegExp(`^${option} must be positive and finite`), String(timeout))
        }
      }
    }))

  it.effect("O5: an attempt that may take as long as the call", () =>
    Effect.gen(function*() {
      const attempt = "attemptTimeout must be shorter than totalTimeout, which is 5s"
      assert.deepStrictEqual(
        yield* problemsOf({
          definition: { totalTimeout: "5 seconds" },
          configuration: { attemptTimeout: "5 seconds" }
        }),
        [attempt]
      )
      assert.deepStrictEqual(
        yield* problemsOf({ definition: { totalTimeout: "5 seconds" }, endpoint: { attemptTimeout: "6 seconds" } }),
        [`things.one: ${attempt}`]
      )
    }))

  it.effect("O5: retries asked for at an operation that may not be sent twice", () =>
    Effect.gen(function*() {
      const endpoint = { retry: { maxRetries: 2 } }
      assert.deepStrictEqual(yield* problemsOf({ endpoint }, "POST"), [
        "things.one: retry needs idempotencyKey or idempotent, because a POST may not be sent twice"
      ])
      for (
        const scopes of [
          { endpoint: { ...endpoint, idempotencyKey: true } },
          { endpoint: { ...endpoint, idempotent: true } },
          { endpoint: { retry: { maxRetries: 0 } } },
          { definition: endpoint }
        ]
      ) {
        yield* Effect.provide(call(scopes, "POST"), remote(Answer.json(200, { id: "a" })))
      }
      yield* Effect.provide(call({ endpoint }), remote(Answer.json(200, { id: "a" })))
    }))

  it.effect("O5: answers that are kept, where no scope of the operation says how long", () =>
    Effect.gen(function*() {
      const cache = { capacity: 10 }
      assert.deepStrictEqual(yield* problemsOf({ definition: { cache } }), ["things.one: cache.ttl must be given"])
      for (const [wider, narrower] of [["definition", "endpoint"], ["api", "configuration"]] as const) {
        yield* Effect.provide(
          call({ [wider]: { cache }, [narrower]: { cache: { ttl: "1 minute" } } }),
          remote(Answer.json(200, { id: "a" }))
        )
      }
      // What keeps no answers needs no time.
      yield* Effect.provide(call({ definition: { cache } }, "POST"), remote(Answer.json(200, { id: "a" })))
      assert.include(Resilience.explain({ cache }).text, "answers kept ")
    }))

  it.effect("an idempotency key in the place of its header, which would be no key at all", () =>
    Effect.gen(function*() {
      for (const key of ["order-1", {}, { header: 1 }, null]) {
        assert.deepStrictEqual(yield* problemsOf({ configuration: { idempotencyKey: key as never } }, "POST"), [
          "idempotencyKey must be true, false or { header }; a key itself goes to withIdempotencyKey"
        ])
      }
    }))

  it.effect("a section that is neither off nor options", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* problemsOf({ configuration: { retry: "off" as never, breaker: true as never } }), [
        "retry must be false, or options by name",
        "breaker must be false, or options by name"
      ])
    }))

  it.effect("an idempotency key that is no header name, and sizes that cannot work", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(
        yield* problemsOf({
          configuration: { idempotencyKey: { header: "my key" }, maxResponseBytes: 0, breaker: { failureThreshold: 0 } }
        }),
        [
          "maxResponseBytes must be a whole number of at least 1, got 0",
          "idempotencyKey.header must be a header name",
          "breaker.failureThreshold must be a whole number of at least 1, got 0"
        ]
      )
    }))

  it.effect("at a call site they fail the call, with nothing sent", () =>
    Effect.gen(function*() {
      const one = Effect.flatMap(Payments, ({ charges }) => charges.get({ params: { id: "a" } }))
      const exit = yield* Effect.exit(one.pipe(Resilience.withOptions({ attemptTimeout: 0 })))
      assert.strictEqual(reasonOf(exit), "InvalidRequest")
      assert.include(String(exit), "attemptTimeout must be positive and finite")
      assert.deepStrictEqual(yield* (yield* wire).requests, [])
    }).pipe(Effect.provide(layer(Answer.json(200, charge)))))
})

describe("a failure rate alone", () => {
  const rate = { threshold: 0.5, window: "10 seconds", minimumCalls: 20 } as const
  const built = (settings: Resilience.Options) =>
    Effect.flatMap(
      Integration.make("test/Rate", { api: HttpApi.make("rate"), baseUrl: "https://rate.example" })(settings),
      () => Effect.void
    )
      .pipe(Effect.scoped, Effect.provide(remote(Answer.hang)))

  it.effect("O5: is refused where a silent remote cannot reach its minimum of calls", () =>
    Effect.gen(function*() {
      const { message } = yield* Effect.flip(built({ breaker: { failureRate: rate } }))
      assert.include(
        message,
        "breaker.failureRate.minimumCalls is more than the 16 calls that can time out within the window"
      )
      yield* built({ breaker: { failureRate: rate, failureThreshold: 5 } })
      yield* built({ breaker: { failureRate: { ...rate, window: "20 seconds" } } })
      yield* built({ breaker: { failureRate: rate }, attemptTimeout: "5 seconds" })
      yield* built({ breaker: { failureRate: rate }, bulkhead: { maxConcurrent: 20 } })
      yield* built({ breaker: { failureRate: rate }, bulkhead: false })
    }))
})

describe("explain", () => {
  it("says the order, the longest time and the most requests of the defaults", () => {
    const { maxRequests, order, text, worstCase } = Resilience.explain()
    assert.deepStrictEqual(order, [
      "telemetry",
      "total timeout",
      "retry or hedge",
      "circuit check",
      "bulkhead",
      "circuit breaker",
      "attempt timeout",
      "auth",
      "transport"
    ])
    assert.deepStrictEqual(worstCase, Duration.seconds(30))
    assert.strictEqual(maxRequests, 4)
    assert.include(text, "worst case 30s, at most 4 requests per call")
    assert.include(text, "16 at once")
    assert.include(text, "opens at 5 failures in a row")
  })

  it("leaves out what is switched off, and shows what is set", () => {
    const { maxRequests, order, text } = Resilience.explain({
      totalTimeout: "5 seconds",
      retry: false,
      breaker: false,
      bulkhead: { maxConcurrent: 3 }
    })
    for (const off of ["retry or hedge", "circuit check", "circuit breaker"]) assert.notInclude(order, off)
    assert.strictEqual(maxRequests, 1)
    assert.include(text, "3 at once")
    assert.include(Resilience.explain({ bulkhead: { maxConcurrent: 3, adaptive: {} } }).text, "up to 3 at once")
    assert.include(text, "worst case 5s")
    const hedged = Resilience.explain({ hedge: { maxHedges: 2 }, cache: { ttl: "1 minute" }, coalesce: true })
    assert.include(hedged.text, "hedges: 2 at the most")
    assert.include(hedged.text, "answers kept for 1m, equal calls are one")
    assert.strictEqual(hedged.maxRequests, 3)
    const rate = { threshold: 0.5, window: "1 minute", minimumCalls: 9 } as const
    assert.include(Resilience.explain({ breaker: { failureRate: rate } }).text, "opens at 50 % failures")
    const slowCalls = { ...rate, duration: "2 seconds" } as const
    assert.include(
      Resilience.explain({ breaker: { slowCalls, mode: "metrics-only" } }).text,
      "only tells of 5 failures in a row or 50 % calls over 2s"
    )
    assert.match(Resilience.explain({ breaker: { mode: "disabled" } }).text, /circuit breaker +disabled/)
  })

  it("has as many at once as there are connections", () => {
    assert.include(Resilience.explain({ pool: { maxConnections: 7 } }).text, "7 at once")
    assert.include(
      Resilience.explain({ pool: { maxConnections: 7 }, bulkhead: { maxConcurrent: 3 } }).text,
      "3 at once"
    )
  })

  it("explains nothing that cannot be built: it throws all that is wrong", () => {
    const explain = () =>
      Resilience.explain({
        totalTimeout: "0 millis",
        retry: { maxRetries: -1 },
        bulkhead: { maxConcurrent: 0 },
        pool: { maxConnections: 0 }
      })
    assert.throws(explain, RangeError)
    for (const option of ["totalTimeout", "retry.maxRetries", "bulkhead.maxConcurrent", "pool.maxConnections"]) {
      assert.throws(explain, `${option} must be`)
    }
  })

  it("names the positions in the order of the table, each with its reason", () => {
    const positions = Resilience.order.map(({ position }) => position)
    assert.deepStrictEqual(positions, positions.toSorted((a, b) => a - b))
    const names = Resilience.order.map(({ name }): string => name)
    const explained = Resilience.explain().order.map((name) => names.indexOf(name))
    assert.deepStrictEqual(explained, explained.toSorted((a, b) => a - b))
    for (const { reason } of Resilience.order) assert.isAbove(reason.length, 10)
  })
})

describe("the order of the pipeline", () => {
  const settings = { retry: { maxRetries: 1, baseDelay: "1 second", jitter: "none" } } as const
  const one = Effect.flatMap(Payments, ({ charges }) => charges.get({ params: { id: "a" } }))

  it.effect("4 over 5: the total timeout bounds the attempts and the waits between them", () =>
    Effect.gen(function*() {
      const fiber = yield* begin(one)
      yield* TestClock.adjust("7 seconds")
      assert.strictEqual(reasonOf(yield* Fiber.join(fiber)), "DeadlineExceeded")
      assert.strictEqual((yield* (yield* wire).requests).length, 2)
    }).pipe(
      Effect.provide(
        layer(Answer.hang, { ...settings, attemptTimeout: "4 seconds", totalTimeout: "7 seconds" })
      )
    ))

  it.effect("5 over 7: each attempt asks the circuit anew, so that one that opened meanwhile stops the retries", () =>
    Effect.gen(function*() {
      const fiber = yield* begin(one)
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(reasonOf(yield* Fiber.join(fiber)), "CircuitOpen")
      assert.strictEqual((yield* (yield* wire).requests).length, 1)
    }).pipe(
      Effect.provide(
        layer(Answer.status(500), {
          ...settings,
          breaker: { failureThreshold: 1, resetTimeout: "2 seconds" }
        })
      )
    ))

  it.effect("7 over 9: an open circuit refuses without a permit", () =>
    Effect.gen(function*() {
      yield* begin(one)
      yield* (yield* wire).received(1)
      yield* (yield* Payments.circuit)!.isolate
      // With the bulkhead first, this would be BulkheadFull.
      assert.strictEqual(reasonOf(yield* Effect.exit(one)), "CircuitOpen")
    }).pipe(Effect.provide(layer(Answer.hang, { retry: false, bulkhead: { maxConcurrent: 1, maxQueue: 0 } }))))

  it.effect("9 over 10: who waits for a permit while the circuit opens is refused by it, and sends nothing", () =>
    Effect.gen(function*() {
      const first = yield* begin(one)
      const second = yield* begin(one)
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(reasonOf(yield* Fiber.join(first)), "UnexpectedStatus")
      assert.strictEqual(reasonOf(yield* Fiber.join(second)), "CircuitOpen")
      assert.strictEqual((yield* (yield* wire).requests).length, 1)
    }).pipe(Effect.provide(layer(Answer.delay("1 second", Answer.status(500)), {
      retry: false,
      breaker: { failureThreshold: 1 },
      bulkhead: { maxConcurrent: 1 }
    }))))

  it.effect("9 over 11: waiting for a permit is no part of the attempt's time", () =>
    Effect.gen(function*() {
      const fibers = yield* Effect.forEach([1, 2], () => begin(one))
      yield* TestClock.adjust("20 seconds")
      for (const fiber of fibers) assert.deepStrictEqual(yield* Fiber.join(fiber), Exit.succeed(charge))
    }).pipe(Effect.provide(layer(Answer.delay("9 seconds", Answer.json(200, charge)), {
      retry: false,
      bulkhead: { maxConcurrent: 1 }
    }))))

  it.effect("10 over 11: an attempt that times out counts towards the circuit", () =>
    Effect.gen(function*() {
      const fiber = yield* begin(one)
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.join(fiber)
      assert.strictEqual((yield* (yield* Payments.circuit)!.state)._tag, "Open")
    }).pipe(Effect.provide(layer(Answer.hang, { retry: false, breaker: { failureThreshold: 1 } }))))
})
