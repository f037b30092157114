import { assert, describe, it } from "@effect/vitest"
import * as Auth from "@switchboard/core/Auth"
import * as Call from "@switchboard/core/Call"
import * as Deadline from "@switchboard/core/Deadline"
import { Unauthenticated } from "@switchboard/core/IntegrationError"
import * as Stores from "@switchboard/core/Stores"
import * as Answer from "@switchboard/testing/Answer"
import * as TestTransport from "@switchboard/testing/TestTransport"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Base64 from "effect/encoding/Base64"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { client, item, remote, sent } from "./vault.ts"

const secret = Redacted.make("s3cret/€ &=?")
const ascii = Redacted.make("s3cret/ &=?")
const ok: TestTransport.Script = ({ path }) =>
  path.includes("/files") || path.includes("/ask") ? Answer.bytes(200, Uint8Array.of(1)) : Answer.json(200, item)

type Client = Effect.Success<ReturnType<typeof client<{}>>>

/** One buffered and one streamed request each. */
const get = (client: Client) => client.get({ params: { id: "a" } })
const download = (client: Client) => Effect.flatMap(client.download({ params: { id: "a" } }), Stream.runDrain)

/** A scheme that puts credentials where it is told. */
const fixed = (credentials: Auth.Credentials) =>
  Auth.custom({
    settings: {},
    places: Object.entries(credentials).flatMap(([where, values]) =>
      Object.keys(values).map((name) => ({ in: where as "header", name }))
    ),
    authenticator: () => credentials
  })

/** A scheme that is asked in every attempt. */
const signing = (authorize: Auth.Authorize) => Auth.custom({ settings: {}, places: [], authenticator: () => authorize })

describe("credentials of the built-in schemes", () => {
  it.effect("none: nothing is attached", () =>
    Effect.gen(function*() {
      const vault = yield* client(Auth.none, {})
      yield* get(vault)
      yield* download(vault)
      for (const request of yield* sent) {
        assert.notProperty(request.headers, "authorization")
        assert.notProperty(request.headers, "cookie")
        assert.strictEqual(request.query.size, 0)
      }
    }).pipe(Effect.provide(remote(ok))))

  it.effect("bearer: Authorization: Bearer, buffered and streamed, with the headers of every request", () =>
    Effect.gen(function*() {
      const vault = yield* client(Auth.bearer, { token: ascii })
      yield* get(vault)
      yield* download(vault)
      const requests = yield* sent
      assert.strictEqual(requests.length, 2)
      for (const request of requests) {
        assert.strictEqual(request.headers["authorization"], "Bearer s3cret/ &=?")
        assert.strictEqual(request.headers["user-agent"], "Vault")
        assert.isString(request.headers["x-request-id"])
      }
    }).pipe(Effect.provide(remote(ok))))

  it.effect("basic: user name and password in UTF-8, base64", () =>
    Effect.gen(function*() {
      const vault = yield* client(Auth.basic, { username: "jürgen", password: secret })
      yield* get(vault)
      yield* download(vault)
      for (const request of yield* sent) {
        const [scheme, value] = request.headers["authorization"]!.split(" ")
        assert.strictEqual(scheme, "Basic")
        const bytes = Base64.decode(value!)
        assert.strictEqual(bytes._tag === "Success" && new TextDecoder().decode(bytes.success), "jürgen:s3cret/€ &=?")
      }
    }).pipe(Effect.provide(remote(ok))))

  it.effect("apiKey in a header: under its name, in place of one that the caller sends", () =>
    Effect.gen(function*() {
      const vault = yield* client(Auth.apiKey({ header: "X-API-Key" }), { apiKey: ascii })
      yield* vault.get({ params: { id: "a" }, headers: { "x-api-key": "mine" } })
      yield* download(vault)
      for (const request of yield* sent) assert.strictEqual(request.headers["x-api-key"], "s3cret/ &=?")
    }).pipe(Effect.provide(remote(ok))))

  it.effect("apiKey in the query: percent-encoded, after the parameters of the contract", () =>
    Effect.gen(function*() {
      const vault = yield* client(Auth.apiKey({ query: "api_key" }), { apiKey: secret })
      yield* get(vault)
      yield* vault.get({ params: { id: "a" }, query: { q: "x y" } })
      yield* Stream.runDrain(yield* vault.download({ params: { id: "a" }, query: { q: "x y" } }))
      const requests = yield* sent
      for (const request of requests) assert.deepStrictEqual(request.query.getAll("api_key"), ["s3cret/€ &=?"])
      assert.deepStrictEqual(requests.map((request) => request.query.get("q")), [null, "x y", "x y"])
    }).pipe(Effect.provide(remote(ok))))

  it.effect("apiKey in the query: replaces the caller's parameter of that name, so that there is one", () =>
    Effect.gen(function*() {
      const vault = yield* client(Auth.apiKey({ query: "api_key" }), { apiKey: secret })
      yield* vault.get({ params: { id: "a" }, query: { api_key: "mine", q: "1" } })
      const [request] = yield* sent
      assert.deepStrictEqual(request?.query.getAll("api_key"), ["s3cret/€ &=?"])
      assert.strictEqual(request?.query.get("q"), "1")
    }).pipe(Effect.provide(remote(ok))))

  it.effect("apiKey in a cookie: percent-encoded, beside the cookies of the contract", () =>
    Effect.gen(function*() {
      const vault = yield* client(Auth.apiKey({ cookie: "session" }), { apiKey: secret })
      yield* vault.get({ params: { id: "a" }, headers: { cookie: "theme=dark" } })
      yield* Stream.runDrain(yield* vault.download({ params: { id: "a" }, headers: { cookie: "theme=dark" } }))
      yield* get(vault)
      const session = `session=${encodeURIComponent("s3cret/€ &=?")}`
      assert.deepStrictEqual((yield* sent).map((request) => request.headers["cookie"]), [
        `theme=dark; ${session}`,
        `theme=dark; ${session}`,
        session
      ])
    }).pipe(Effect.provide(remote(ok))))
})

describe("credentials of a scheme of one's own", () => {
  it.effect("all places at once, made from its own settings", () =>
    Effect.gen(function*() {
      const scheme = Auth.custom({
        settings: { account: Schema.String, key: Auth.Secret },
        places: [{ in: "header", name: "x-key" }],
        authenticator: ({ account, key }) => ({
          header: { "X-Account": account, "X-Key": Redacted.value(key), Cookie: "a=1" },
          query: { account },
          cookie: { b: "2" }
        })
      })
      const vault = yield* client(scheme, { account: "acme", key: ascii })
      yield* vault.get({ params: { id: "a" }, headers: { cookie: "theme=dark" } })
      const [request] = yield* sent
      assert.strictEqual(request?.headers["x-account"], "acme")
      assert.strictEqual(request?.headers["x-key"], "s3cret/ &=?")
      assert.strictEqual(request?.headers["cookie"], "theme=dark; a=1; b=2")
      assert.strictEqual(request?.query.get("account"), "acme")
    }).pipe(Effect.provide(remote(ok))))

  it.effect("a header whose value is the word cookie does not lose the caller's cookie", () =>
    Effect.gen(function*() {
      const vault = yield* client(fixed({ header: { "x-kind": "cookie" } }), {})
      yield* vault.get({ params: { id: "a" }, headers: { cookie: "theme=dark" } })
      assert.strictEqual((yield* sent)[0]?.headers["cookie"], "theme=dark")
    }).pipe(Effect.provide(remote(ok))))

  it.effect("fields of a JSON body, empty bodies included, in place of the caller's", () =>
    Effect.gen(function*() {
      const vault = yield* client(fixed({ body: { apiKey: "k\"1" } }), {})
      yield* vault.create({ payload: { name: "n" } })
      yield* vault.create({ payload: { name: "n", apiKey: "mine" } })
      yield* vault.touch()
      const requests = yield* sent
      assert.deepStrictEqual(requests.map((request) => request.json), [
        { name: "n", apiKey: "k\"1" },
        { name: "n", apiKey: "k\"1" },
        { apiKey: "k\"1" }
      ])
      assert.strictEqual(requests[2]?.headers["content-type"], "application/json")
    }).pipe(Effect.provide(remote(ok))))

  it.effect("fields of a JSON body whose answer is a stream", () =>
    Effect.gen(function*() {
      const vault = yield* client(fixed({ body: { apiKey: "k" } }), {})
      yield* Effect.flatMap(vault.ask({ payload: { prompt: "why" } }), Stream.runDrain)
      const [request] = yield* sent
      assert.deepStrictEqual(request?.json, { prompt: "why", apiKey: "k" })
      assert.strictEqual(request?.headers["content-type"], "application/json")
      const length = request?.headers["content-length"]
      assert.isTrue(length === undefined || Number(length) === request?.body.length)
    }).pipe(Effect.provide(remote(ok))))

  it.effect("fields of a form, in place of the caller's", () =>
    Effect.gen(function*() {
      const vault = yield* client(fixed({ body: { apiKey: "k &=" } }), {})
      yield* vault.submit({ payload: { name: "n m" } })
      yield* vault.submit({ payload: { name: "n", apiKey: "mine" } })
      const forms = (yield* sent).map((request) => Array.from(new URLSearchParams(request.text)))
      assert.deepStrictEqual(forms, [[["name", "n m"], ["apiKey", "k &="]], [["name", "n"], ["apiKey", "k &="]]])
    }).pipe(Effect.provide(remote(ok))))

  it.effect("a body that has no fields stays as it is", () =>
    Effect.gen(function*() {
      const vault = yield* client(fixed({ body: { apiKey: "k" } }), {})
      yield* vault.list({ payload: ["a"] })
      yield* get(vault)
      assert.deepStrictEqual((yield* sent).map((request) => request.text), ["[\"a\"]", ""])
    }).pipe(Effect.provide(remote(ok))))

  it.effect("a placeholder of the base URL, percent-encoded, buffered and streamed", () =>
    Effect.gen(function*() {
      const scheme = fixed({ path: { tenant: "a/b" } })
      const vault = yield* client(scheme, { baseUrl: "https://vault.example/bot{tenant}/v1/" })
      yield* get(vault)
      yield* download(vault)
      assert.deepStrictEqual((yield* sent).map((request) => request.path), [
        "/bota%2Fb/v1/items/a",
        "/bota%2Fb/v1/files/a"
      ])
    }).pipe(Effect.provide(remote(ok))))

  it.effect("V3: a value of the caller's that looks like the placeholder is not replaced by the secret", () =>
    Effect.gen(function*() {
      const scheme = fixed({ path: { tenant: "SECRET" } })
      const vault = yield* client(scheme, { baseUrl: "https://vault.example/{tenant}" })
      yield* vault.get({ params: { id: "{tenant}" }, query: { q: "{tenant}" } })
      yield* Stream.runDrain(yield* vault.download({ params: { id: "{tenant}" }, query: { q: "{tenant}" } }))
      for (const request of yield* sent) {
        assert.strictEqual(request.url.split("SECRET").length, 2)
        assert.strictEqual(request.query.get("q"), "{tenant}")
        assert.isTrue(request.path.endsWith("/%7Btenant%7D"))
      }
    }).pipe(Effect.provide(remote(ok))))
})

describe("a scheme that signs", () => {
  it.effect("sees method, origin, path, headers and body, buffered and streamed", () =>
    Effect.gen(function*() {
      const seen: Array<Auth.Unsigned> = []
      const scheme = signing((request) => {
        seen.push(request)
        return { header: { "x-signature": String(seen.length) } }
      })
      const vault = yield* client(scheme, {})
      yield* vault.create({ payload: { name: "n" } })
      yield* Effect.flatMap(vault.ask({ payload: { prompt: "why" } }), Stream.runDrain)
      yield* vault.get({ params: { id: "a" }, query: { q: "1" } })
      assert.deepStrictEqual(
        seen.map(({ body, method, origin, path }) => ({ body, method, origin, path })),
        [
          { method: "POST", origin: "https://vault.example", path: "/v1/items", body: "{\"name\":\"n\"}" },
          { method: "POST", origin: "https://vault.example", path: "/v1/ask", body: "{\"prompt\":\"why\"}" },
          { method: "GET", origin: "https://vault.example", path: "/v1/items/a?q=1", body: undefined }
        ]
      )
      for (const { headers } of seen.slice(0, 2)) {
        assert.strictEqual(headers[headers.indexOf("content-type") + 1], "application/json")
        assert.include(headers, "x-request-id")
      }
      assert.deepStrictEqual((yield* sent).map((request) => request.headers["x-signature"]), ["1", "2", "3"])
    }).pipe(Effect.provide(remote(ok))))

  it.effect("S7: is asked in every attempt, after the wait before it and after the wait for a permit", () =>
    Effect.gen(function*() {
      const asked: Array<number> = []
      const scheme = signing(() =>
        Effect.clockWith((clock) =>
          Effect.sync(() => {
            asked.push(clock.currentTimeMillisUnsafe())
            return { header: { authorization: `Bearer ${asked.length}` } }
          })
        )
      )
      const vault = yield* client(scheme, { bulkhead: { maxConcurrent: 1 } })
      const first = yield* Effect.forkChild(get(vault))
      const second = yield* Effect.forkChild(get(vault))
      yield* Effect.yieldNow
      assert.deepStrictEqual(asked, [0])
      yield* TestClock.adjust("20 seconds")
      yield* Fiber.join(first)
      yield* Fiber.join(second)
      // The first hangs 1 s, then the second is given its permit; the first is repeated after 5 s.
      assert.deepStrictEqual(asked, [0, 1000, 6000])
      assert.deepStrictEqual((yield* sent).map((request) => request.headers["authorization"]), [
        "Bearer 1",
        "Bearer 2",
        "Bearer 3"
      ])
    }).pipe(
      Effect.provide(
        remote((_, n) =>
          n === 1 ? Answer.delay("1 second", Answer.status(503, { "retry-after": "5" })) : Answer.json(200, item)
        )
      )
    ))

  it.effect("an effect that fails is Unauthenticated with nothing sent, and nothing is repeated", () =>
    Effect.gen(function*() {
      const scheme = signing(() => Effect.fail(new Unauthenticated({ wasSent: false, detail: "no token yet" })))
      const vault = yield* client(scheme, { breaker: { failureThreshold: 1 } })
      for (const call of [get(vault), download(vault), get(vault)]) {
        const error = yield* Effect.flip(call)
        assert.strictEqual(error._tag === "IntegrationError" && error.reason._tag, "Unauthenticated")
        assert.deepInclude(error, { wasSent: false, attempts: 1, isRetryable: false })
        assert.include(error.message, "no token yet")
      }
      assert.deepStrictEqual(yield* sent, [])
    }).pipe(Effect.provide(remote(ok))))

  it.effect("one that hangs is bounded by the attempt timeout, interrupted, and nothing was sent", () =>
    Effect.gen(function*() {
      let interrupted = 0
      const scheme = signing(() => Effect.onInterrupt(Effect.never, () => Effect.sync(() => void interrupted++)))
      const vault = yield* client(scheme, { attemptTimeout: "2 seconds", retry: false })
      for (const call of [get(vault), download(vault)]) {
        const fiber = yield* Effect.forkChild(Effect.flip(call))
        yield* TestClock.adjust("2 seconds")
        const error = yield* Fiber.join(fiber)
        assert.strictEqual(error._tag === "IntegrationError" && error.reason._tag, "AttemptTimeout")
        assert.strictEqual(error._tag === "IntegrationError" && error.wasSent, false)
      }
      assert.strictEqual(interrupted, 2)
      assert.deepStrictEqual(yield* sent, [])
    }).pipe(Effect.provide(remote(ok))))

  it.effect("one that hangs has proven that nothing was sent, so that even a POST is repeated", () =>
    Effect.gen(function*() {
      let asked = 0
      const scheme = signing(() => ++asked === 1 ? Effect.never : { header: { authorization: "x" } })
      const vault = yield* client(scheme, { attemptTimeout: "2 seconds" })
      const fiber = yield* Effect.forkChild(vault.create({ payload: { name: "n" } }))
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(yield* Fiber.join(fiber), item)
      assert.strictEqual((yield* sent).length, 1)
    }).pipe(Effect.provide(remote(ok))))

  it.effect("one that throws is a defect, and gives back permit and probe", () =>
    Effect.gen(function*() {
      let broken = true
      const scheme = signing(() => {
        if (broken) throw new Error("bug")
        return {}
      })
      const vault = yield* client(scheme, {
        bulkhead: { maxConcurrent: 1, maxQueue: 0 },
        breaker: { failureThreshold: 1, resetTimeout: "10 seconds" },
        retry: false
      })
      for (const call of [get(vault), download(vault), get(vault)]) {
        const exit = yield* Effect.exit(call)
        assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
      }
      broken = false
      assert.deepStrictEqual(yield* get(vault), item)
      yield* Effect.flatMap(TestTransport.TestTransport, (wire) => wire.use(Answer.status(500)))
      yield* Effect.exit(get(vault))
      yield* TestClock.adjust("10 seconds")
      broken = true
      assert.isTrue(Exit.isFailure(yield* Effect.exit(get(vault))))
      broken = false
      yield* Effect.flatMap(TestTransport.TestTransport, (wire) => wire.use(ok))
      // The probe that died has freed its slot.
      assert.deepStrictEqual(yield* get(vault), item)
    }).pipe(Effect.provide(remote(ok))))

  it.effect("sees the attempt it is part of and its deadline, buffered and streamed", () =>
    Effect.gen(function*() {
      const seen: Array<unknown> = []
      const scheme = signing(() =>
        Effect.gen(function*() {
          const call = yield* Call.CurrentCall
          seen.push([call?.operation, call?.attempt, yield* Deadline.CurrentDeadline])
          return {}
        })
      )
      const vault = yield* client(scheme, { attemptTimeout: "2 seconds" })
      yield* get(vault)
      yield* download(vault)
      assert.deepStrictEqual(seen, [["get", 1, 2000], ["download", 1, 2000]])
    }).pipe(Effect.provide(remote(ok))))

  it.effect("V3: a header it makes with a line break is not sent, and not shown", () =>
    Effect.gen(function*() {
      const vault = yield* client(signing(() => ({ header: { "x-key": "CANARY\r\nx-admin: 1" } })), {})
      for (const call of [get(vault), download(vault)]) {
        const error = yield* Effect.flip(call)
        assert.strictEqual(error._tag === "IntegrationError" && error.reason._tag, "Unauthenticated")
        assert.include(error.message, "header x-key")
        assert.notInclude(error.message, "CANARY")
      }
      assert.deepStrictEqual(yield* sent, [])
    }).pipe(Effect.provide(remote(ok))))
})

describe("an answer that refuses the credentials", () => {
  it.effect("401 is Unauthenticated, was sent, is not repeated and does not trip the circuit", () =>
    Effect.gen(function*() {
      const vault = yield* client(Auth.bearer, { token: ascii, breaker: { failureThreshold: 1 } })
      for (const call of [get(vault), download(vault)]) {
        const error = yield* Effect.flip(call)
        assert.strictEqual(error._tag === "IntegrationError" && error.reason._tag, "Unauthenticated")
        assert.deepInclude(error, { wasSent: true, attempts: 1 })
      }
      assert.strictEqual((yield* sent).length, 2)
    }).pipe(Effect.provide(remote(Answer.json(401, { hint: "s3cret/ &=?" })))))

  it.effect("S8: a redirect is not followed, so that credentials stay with their origin", () =>
    Effect.gen(function*() {
      const vault = yield* client(Auth.bearer, { token: ascii })
      const error = yield* Effect.flip(get(vault))
      assert.strictEqual(error._tag === "IntegrationError" && error.reason._tag, "UnexpectedStatus")
      assert.strictEqual((yield* sent).length, 1)
    }).pipe(Effect.provide(remote(Answer.status(307, { location: "https://evil.example/" })))))
})

const problemsOf = <A, E extends { readonly _tag: string }>(self: Effect.Effect<A, E, any>) =>
  Effect.flip(self as Effect.Effect<A, E, never>).pipe(
    Effect.map((error) => ({ ...error, message: String(error) })),
    Effect.scoped
  )

describe("what is refused when the layer is built", () => {
  const nowhere = remote(ok)

  const controls = ["a\nb", "a\r\nb", "a\u0000b", "a\u007fb", "\tCANARY"]

  it.effect("control characters in a secret, by the name of the option and never by its value", () =>
    Effect.gen(function*() {
      for (const control of controls) {
        const value = Redacted.make(`CANARY${control}`)
        const token = yield* problemsOf(client(Auth.bearer, { token: value }))
        assert.include(token.message, "token must be a value without control characters")
        const apiKey = yield* problemsOf(client(Auth.apiKey({ query: "k" }), { apiKey: value }))
        assert.include(apiKey.message, "apiKey must be a value without control characters")
        const password = yield* problemsOf(client(Auth.basic, { username: "u", password: value }))
        assert.include(password.message, "password must be a value without control characters")
        for (const { message } of [token, apiKey, password]) assert.notInclude(message, "CANARY")
      }
    }).pipe(Effect.provide(nowhere)))

  it.effect("an empty secret, and one that is missing", () =>
    Effect.gen(function*() {
      const empty = yield* problemsOf(client(Auth.bearer, { token: Redacted.make("") }))
      assert.include(empty.message, "token must not be empty")
      const missing = yield* problemsOf(client(Auth.bearer as Auth.Auth<any>, {}))
      assert.include(missing.message, "token is missing")
      const plain = yield* problemsOf(client(Auth.bearer as Auth.Auth<any>, { token: "CANARY" }))
      assert.include(plain.message, "token must be a Redacted value")
      assert.notInclude(plain.message, "CANARY")
    }).pipe(Effect.provide(nowhere)))

  it.effect("a user name with a colon (RFC 7617)", () =>
    Effect.gen(function*() {
      const error = yield* problemsOf(client(Auth.basic, { username: "a:b", password: ascii }))
      assert.include(error.message, "username must be a user name without colon or control characters")
    }).pipe(Effect.provide(nowhere)))

  it.effect("a secret that no header may hold, by the header's name and never by its value", () =>
    Effect.gen(function*() {
      const error = yield* problemsOf(client(Auth.bearer, { token: Redacted.make("CANARY€") }))
      assert.include(error.message, "auth the value of header authorization holds characters")
      assert.notInclude(error.message, "CANARY")
      const own = yield* problemsOf(client(fixed({ header: { "x key": "CANARY" } }), {}))
      assert.include(own.message, "auth the name of a header")
      assert.notInclude(own.message, "CANARY")
    }).pipe(Effect.provide(nowhere)))

  it.effect("a path segment that would climb, and a placeholder that no scheme fills", () =>
    Effect.gen(function*() {
      const baseUrl = "https://vault.example/{tenant}"
      for (const tenant of ["", ".", ".."]) {
        const error = yield* problemsOf(client(fixed({ path: { tenant } }), { baseUrl }))
        assert.include(error.message, "path segment tenant")
      }
      const unfilled = yield* problemsOf(client(Auth.none, { baseUrl }))
      assert.include(unfilled.message, "baseUrl holds {tenant}, which is no place of the auth scheme")
    }).pipe(Effect.provide(nowhere)))
})

describe("over an HttpClient that carries no transport", () => {
  const plain = Layer.unwrap(Effect.map(
    TestTransport.TestTransport,
    (wire) => Layer.succeed(HttpClient.HttpClient, HttpClient.mapRequest(wire.client, (request) => request))
  ))

  it.effect("the same credentials are attached", () =>
    Effect.gen(function*() {
      const vault = yield* client(Auth.apiKey({ query: "api_key" }), { apiKey: secret })
      yield* get(vault)
      yield* download(vault)
      for (const request of yield* sent) {
        assert.strictEqual(request.query.get("api_key"), "s3cret/€ &=?")
        assert.strictEqual(request.headers["user-agent"], "Vault")
      }
    }).pipe(Effect.provide(
      Layer.merge(plain, Stores.layerMemory).pipe(Layer.provideMerge(TestTransport.layer(ok)))
    )))
})
