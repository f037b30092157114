import { Arbitrary, Effect, Exit, Redacted, Schema } from "effect"
import { withHeaders } from "effect/http-api/HttpApiSchema"
import { describe, expect, it } from "vitest"
import { InvalidResponse, RateLimited, Unauthenticated, UnexpectedStatus } from "../src/IntegrationError.ts"
import { responseEncoding, successStatus } from "../src/internal/contract/wire.ts"
import { type Answer, failure, requests, samples, subjects } from "./conformance.ts"
import { Declined, Expired, Forbidden, Item, NotFound, TestApi, Throttled } from "./contract.ts"

const all = subjects(TestApi as any)
const subject = (name: string) => all.find((subject) => subject.name === name)!
const request = (name: string) =>
  requests(subject(name).endpoint, name, 20).find((r) => Exit.isSuccess(subject(name).ours(r)))!
const json = (status: number, value: unknown, headers: Record<string, string> = {}): Answer => ({
  status,
  headers: { "content-type": "application/json", ...headers },
  body: JSON.stringify(value)
})

const item = { id: "i", amount: 3, created: 1_700_000_000_000, tags: ["a"], parent: null }
const decodedItem = Schema.decodeUnknownSync(Schema.toCodecJson(Item))(item)
const bodyOfBytes = new Uint8Array([0, 1, 254, 255])

describe("the same answers as HttpApiClient", () => {
  it.each<[string, string, Answer, unknown]>([
    ["a JSON body", "items.get", json(200, item), decodedItem],
    [
      "a content type with parameters",
      "items.get",
      json(200, item, { "content-type": "Application/JSON; charset=utf-8" }),
      decodedItem
    ],
    ["a byte order mark", "items.get", { ...json(200, item), body: `\ufeff${JSON.stringify(item)}` }, decodedItem],
    ["excess properties", "items.get", json(200, { ...item, more: 1 }), decodedItem],
    ["another success status", "items.create", json(201, item), decodedItem],
    ["a third success status", "items.create", json(202, { ticket: "t" }), { ticket: "t" }],
    ["no content", "items.create", { status: 204 }, undefined],
    ["no content where nothing else is declared", "items.remove", { status: 204 }, undefined],
    ["an empty body", "blobs.nothing", { status: 200 }, undefined],
    ["text", "items.version", { status: 200, headers: { "content-type": "text/plain" }, body: "v1 ü" }, "v1 ü"],
    ["empty text", "items.version", { status: 200, headers: { "content-type": "text/plain" }, body: "" }, ""],
    [
      "text of another kind",
      "blobs.text",
      { status: 200, headers: { "content-type": "text/markdown" }, body: "# t" },
      "# t"
    ],
    [
      "bytes",
      "blobs.bytes",
      { status: 200, headers: { "content-type": "application/pdf" }, body: bodyOfBytes },
      bodyOfBytes
    ],
    ["a form", "blobs.form", {
      status: 200,
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: "a=x+y&b=2"
    }, { a: "x y", b: 2 }],
    ["the first alternative of a content type", "blobs.either", json(200, { json: 1 }), { json: 1 }],
    ["the second alternative of a content type", "blobs.either", json(200, { other: "o" }), { other: "o" }],
    [
      "another content type",
      "blobs.either",
      { status: 200, headers: { "content-type": "text/plain" }, body: "1" },
      "1"
    ],
    ["a third content type", "blobs.either", {
      status: 200,
      headers: { "content-type": "application/octet-stream" },
      body: bodyOfBytes
    }, bodyOfBytes],
    ["content where there may be none", "blobs.maybe", json(200, { ready: true }), { ready: true }],
    [
      "headers beside the body",
      "items.replace",
      json(200, item, { "request-id": "r", "x-left": "7" }),
      withHeaders({ body: decodedItem, headers: { "request-id": "r", "x-left": 7 } })
    ],
    ["headers left out", "items.replace", json(200, item), withHeaders({ body: decodedItem, headers: {} })],
    ["a top-level endpoint", "ping", json(200, { ok: true }), { ok: true }]
  ])("%s", async (_, name, answer, expected) => {
    const ours = subject(name).oursOn(answer)
    expect(ours).toEqual(Exit.succeed(expected))
    expect(ours).toEqual(await subject(name).theirsOn(request(name), answer))
  })

  it.each<[string, string, Answer, unknown]>([
    ["a declared error", "items.get", json(404, { _tag: "NotFound", id: "i" }), new NotFound({ id: "i" })],
    [
      "the first error of a status",
      "items.create",
      json(402, { _tag: "Declined", code: "c" }),
      new Declined({ code: "c" })
    ],
    [
      "the second error of a status",
      "items.create",
      json(402, { _tag: "Expired", at: 5 }),
      new Expired({ at: Schema.decodeUnknownSync(Schema.DateTimeUtcFromMillis)(5) })
    ],
    [
      "an error made of headers and body",
      "items.create",
      json(429, { message: "slow" }, { "retry-after": "7" }),
      new Throttled({ seconds: 7, message: "slow" })
    ],
    [
      "an error that is text",
      "items.create",
      { status: 409, headers: { "content-type": "text/plain" }, body: "taken" },
      "taken"
    ],
    [
      "an error of a middleware",
      "items.get",
      json(403, { _tag: "Forbidden", scope: "s" }),
      new Forbidden({ scope: "s" })
    ]
  ])("%s", async (_, name, answer, expected) => {
    const ours = failure(subject(name).oursOn(answer))
    expect(ours).toStrictEqual(expected)
    expect(ours).toStrictEqual(failure(await subject(name).theirsOn(request(name), answer)))
  })

  it.each(["items.get", "items.search", "items.create", "blobs.form", "blobs.either"])(
    "for whatever the contract can answer, and for what is nearly that: %s",
    async (name) => {
      const { endpoint, oursOn, theirsOn } = subject(name)
      const sent = request(name)
      for (const schema of endpoint.success) {
        const { _tag, contentType } = responseEncoding(schema)
        for (const value of samples(Arbitrary.schema(schema), name, 30)) {
          const encoded = Effect.runSync(Schema.encodeUnknownEffect(schema)(value) as Effect.Effect<any>)
          const whole = _tag === "Json"
            ? JSON.stringify(encoded)
            : _tag === "FormUrlEncoded"
            ? new URLSearchParams(encoded).toString()
            : encoded
          const bodies = typeof whole === "string" && _tag === "Json"
            ? [
              whole,
              whole.slice(0, -1),
              whole.replace(/\d+/, "\"x\""),
              whole.replace(/"\w+":/, "\"gone\":"),
              `[${whole}]`,
              "null",
              "{}"
            ]
            : [whole]
          for (const body of bodies) {
            const answer = { status: successStatus(schema), headers: { "content-type": contentType }, body }
            const [ours, theirs] = [oursOn(answer), await theirsOn(sent, answer)]
            const outcome = failure(ours) instanceof InvalidResponse ? "refused" : ours
            expect(outcome).toEqual(Exit.isSuccess(theirs) ? theirs : "refused")
          }
        }
      }
    }
  )
})

describe("what differs from HttpApiClient on purpose", () => {
  it("an undeclared status is typed, with the first 2,048 characters of its body", async () => {
    const answer = { status: 503, headers: { "content-type": "text/html" }, body: "é".repeat(5000) }
    const error = failure(subject("items.get").oursOn(answer))
    expect(error).toBeInstanceOf(UnexpectedStatus)
    expect(error.status).toBe(503)
    expect(error.isRetryable).toBe(true)
    expect(String(error.body)).not.toContain("é")
    expect(JSON.stringify(error)).not.toContain("é")
    expect(Redacted.value(error.body)).toBe("é".repeat(2048))
    expect(failure(await subject("items.get").theirsOn(request("items.get"), answer))._tag).toBe("HttpClientError")
  })

  it("an undeclared status may come with bytes that are no text", () => {
    const error = failure(subject("items.get").oursOn({ status: 500, body: new Uint8Array([0xff, 0xfe, 0x41]) }))
    expect(error).toBeInstanceOf(UnexpectedStatus)
  })

  it("an undeclared 401 says that the credentials were refused", () => {
    expect(failure(subject("ping").oursOn({ status: 401 }))).toEqual(new Unauthenticated({ wasSent: true }))
  })

  it("an undeclared 429 says that the remote limits the rate, and for how long", () => {
    const { operation } = subject("ping")
    const error = failure(
      Effect.runSyncExit(operation.decode({ status: 429, headers: {}, body: new Uint8Array() }, 1500))
    )
    expect(error).toEqual(new RateLimited({ by: "remote", retryAfter: error.retryAfter }))
    expect(error.retryAfter).toBeDefined()
  })

  it.each<[string, string, Answer, string]>([
    ["a page instead of JSON", "items.get", {
      status: 200,
      headers: { "content-type": "text/html" },
      body: JSON.stringify(item)
    }, "Expected content type application/json, got text/html"],
    [
      "a page instead of text",
      "items.version",
      { status: 200, headers: { "content-type": "text/html" }, body: "<p>" },
      "Expected content type text/plain, got text/html"
    ],
    ["a page instead of a document", "blobs.bytes", {
      status: 200,
      headers: { "content-type": "text/html" },
      body: "<p>"
    }, "Expected content type application/pdf, got text/html"],
    [
      "JSON instead of a form",
      "blobs.form",
      json(200, {}),
      "Expected content type application/x-www-form-urlencoded, got application/json"
    ],
    ["a page instead of a declared error", "items.get", {
      status: 404,
      headers: { "content-type": "text/html" },
      body: "<p>"
    }, "Expected content type application/json, got text/html"],
    [
      "a page instead of any of the alternatives",
      "blobs.either",
      { status: 200, headers: { "content-type": "text/html" }, body: "x" },
      "Expected content type application/json or text/plain or application/octet-stream, got text/html"
    ],
    ["a content type that is none", "items.get", {
      status: 200,
      headers: { "content-type": "<script>alert(1)</script>" },
      body: "x"
    }, "Expected content type application/json, got one that is not known"]
  ])("%s does not match the contract", (_, name, answer, issue) => {
    expect(failure(subject(name).oursOn(answer))).toEqual(new InvalidResponse({ status: answer.status, issue }))
  })

  it.each<[string, string, Answer, unknown]>([
    ["no content type", "items.get", { status: 200, body: JSON.stringify(item) }, decodedItem],
    ["a vendor's JSON", "items.get", json(200, item, { "content-type": "application/vnd.api+json" }), decodedItem],
    [
      "a vendor's JSON among alternatives",
      "blobs.either",
      json(200, { json: 1 }, { "content-type": "application/hal+json" }),
      { json: 1 }
    ],
    ["no content type among alternatives", "blobs.either", { status: 200, body: "{\"json\":1}" }, { json: 1 }],
    ["CSV where text is expected", "items.version", {
      status: 200,
      headers: { "content-type": "text/csv" },
      body: "a,b"
    }, "a,b"],
    ["text in the character set it names", "items.version", {
      status: 200,
      headers: { "content-type": "text/plain; charset=iso-8859-1" },
      body: new Uint8Array([0xfc])
    }, "ü"],
    ["bytes of no kind where a kind is expected", "blobs.bytes", {
      status: 200,
      headers: { "content-type": "application/octet-stream" },
      body: bodyOfBytes
    }, bodyOfBytes],
    ["bytes of a kind where any will do", "blobs.either", {
      status: 200,
      headers: { "content-type": "image/png" },
      body: bodyOfBytes
    }, bodyOfBytes],
    ["an answer without a body among alternatives", "blobs.maybe", { status: 200 }, undefined],
    ["a body where none is expected", "blobs.nothing", json(200, { ok: true }), undefined],
    ["a body that nobody can read where none is expected", "blobs.nothing", { status: 200, body: "<" }, undefined]
  ])("%s is understood", (_, name, answer, expected) => {
    expect(subject(name).oursOn(answer)).toEqual(Exit.succeed(expected))
  })
})

const on = (body: string | Uint8Array) => subject("items.get").oursOn({ ...json(200, null), body })

describe("V2: hostile bodies", () => {
  it.each<[string, string | Uint8Array, string]>([
    ["garbage", "\0\x01garbage", "Expected a valid JSON body"],
    ["truncated JSON", "{\"id\":\"secr", "Expected a valid JSON body"],
    ["two documents", "{}{}", "Expected a valid JSON body"],
    ["an empty body", "", "Expected object"],
    ["invalid UTF-8", new Uint8Array([0x22, 0xff, 0x22]), "Expected a body in the declared character set"],
    ["wrongly typed JSON", JSON.stringify({ ...item, amount: "secret" }), "Expected number at [\"amount\"]"],
    ["another shape", "[\"secret\"]", "Expected object"],
    ["a wrong element", JSON.stringify({ ...item, tags: ["a", { secret: 1 }] }), "Expected string at [\"tags\"][1]"]
  ])("V2: %s", (_, body, issue) => {
    expect(failure(on(body))).toEqual(new InvalidResponse({ status: 200, issue }))
  })

  it("V2: __proto__ and constructor keys pollute nothing", () => {
    const keys = "\"__proto__\":{\"polluted\":1},\"constructor\":{\"prototype\":{\"polluted\":1}}"
    const exit = on(JSON.stringify(item).replace("{", `{${keys},`))
    expect(exit).toEqual(Exit.succeed(decodedItem))
    expect(({} as any).polluted).toBeUndefined()
    expect(Object.getPrototypeOf((exit as any).value)).toBe(Item.prototype)
    const nested = subject("items.search").oursOn({ ...json(200, null), body: `{"data":[],"more":true,${keys}}` })
    expect((nested as any).value).toEqual({ data: [], more: true })
    expect((nested as any).value.polluted).toBeUndefined()
  })

  it("V2: a thousand wrong elements make a short message", () => {
    const data = Array.from({ length: 1000 }, () => ({ secret: "s" }))
    const error = failure(subject("items.search").oursOn(json(200, { data, more: true })))
    expect(error).toBeInstanceOf(InvalidResponse)
    expect(error.issue.length).toBeLessThan(500)
    expect(error.issue).not.toContain("secret")
  })

  it("V2: deep nesting is an answer like any other", () => {
    const exit = on("[".repeat(100_000) + "]".repeat(100_000))
    expect(failure(exit)).toBeInstanceOf(InvalidResponse)
  })
})
