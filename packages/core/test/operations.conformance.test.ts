import { DateTime, Exit } from "effect"
import { describe, expect, it } from "vitest"
import { InvalidRequest } from "../src/IntegrationError.ts"
import { failure, requests, subjects } from "./conformance.ts"
import { TestApi } from "./contract.ts"

const all = subjects(TestApi as any)
const subject = (name: string) => all.find((subject) => subject.name === name)!

/** What ours refuses though Effect's sends it, or dies of it. */
const refusedOnPurpose = /is empty|is a dot segment|is not Unicode|headers cannot hold/

describe("the same requests as HttpApiClient", () => {
  describe.each(all.map((subject) => [subject.name, subject] as const))("%s", (name, { endpoint, ours, theirs }) => {
    it.each(Array.from({ length: 5 }, (_, index) => `seed ${index}`))(
      "for whatever the contract accepts, %s",
      async (seed) => {
        const outcomes = requests(endpoint, `${name} ${seed}`, 20).map((request) => [request, ours(request)] as const)
        const sent = outcomes.filter(([, outcome]) => Exit.isSuccess(outcome))
        const refused = outcomes.map(([, outcome]) => failure(outcome)).filter((error) => error !== undefined)
        expect(sent.length).toBeGreaterThan(0)
        expect(refused.filter((error) => !(error instanceof InvalidRequest && refusedOnPurpose.test(error.issue))))
          .toEqual([])
        for (const [request, outcome] of sent) expect(outcome).toEqual(await theirs(request))
      }
    )
  })

  it.each<[string, unknown]>([
    ["items.get", { params: { id: "a" } }],
    ["items.get", { params: { id: "a/b?c#d" } }],
    ["items.get", { params: { id: "ü 😀 %2e%2e \\ ;,+&=" } }],
    ["items.get", { params: { id: "..." } }],
    ["items.version", { params: { id: "a" } }],
    ["items.version", { params: { id: "a", version: 12 } }],
    ["items.search", undefined],
    ["items.search", { query: {} }],
    ["items.search", { query: { tag: [] } }],
    ["items.search", { query: { tag: ["a b", "c&d", "*-._~!'()"], limit: 3, archived: false } }],
    ["items.search", { query: { created: { gte: DateTime.makeUnsafe(0), lt: 5 } } }],
    ["items.search", { query: { limit: 1 }, headers: { "x-tenant": "t", "x-count": 7 } }],
    ["items.create", { payload: { amount: 1, lines: [{ sku: "ü", count: 2 }] } }],
    ["items.create", { payload: { amount: 1, lines: [] }, headers: { "idempotency-key": "k" } }],
    ["items.replace", { params: { id: "a" }, payload: { amount: 1, metadata: { a: "1 2", "b[c]": "ü" } } }],
    ["items.replace", {
      params: { id: "a" },
      query: { force: true },
      payload: { amount: 1, lines: [{ sku: "a" }, { sku: "b" }] }
    }],
    ["items.find", { payload: { q: "a b", page: 2 } }],
    ["blobs.text", { payload: "héllo" }],
    ["blobs.text", { payload: "" }],
    ["blobs.bytes", { payload: new Uint8Array([0, 255, 128]) }],
    ["blobs.either", { payload: { json: 1 } }],
    ["blobs.either", { payload: { form: "a b" } }],
    ["blobs.either", { payload: { kind: "special" } }],
    ["blobs.either", { payload: "text" }],
    ["ping", undefined]
  ])("%s %j", async (name, request) => {
    expect(subject(name).ours(request)).toEqual(await subject(name).theirs(request))
  })

  it.each<[string, unknown, string]>([
    ["items.get", { params: {} }, "Missing key at [\"params\"][\"id\"]"],
    ["items.get", undefined, "Missing key at [\"params\"][\"id\"]"],
    ["items.get", { params: { id: 1 } }, "Expected string at [\"params\"][\"id\"]"],
    ["items.search", { query: { limit: 1.5 } }, "Expected an integer at [\"query\"][\"limit\"]"],
    ["items.create", {}, "Expected object at [\"payload\"]"],
    ["items.create", { payload: {} }, "Missing key at [\"payload\"][\"amount\"]"],
    [
      "items.create",
      { payload: { amount: 1, lines: [{ sku: "s", count: "secret" }] } },
      "Expected number at [\"payload\"][\"lines\"][0][\"count\"]"
    ],
    ["blobs.bytes", { payload: "secret" }, "Expected Uint8Array at [\"payload\"]"]
  ])("refuse what the contract does not accept: %s %j", async (name, request, issue) => {
    expect(failure(subject(name).ours(request))).toEqual(new InvalidRequest({ issue }))
    expect(Exit.isFailure(await subject(name).theirs(request))).toBe(true)
  })
})

describe("what differs from HttpApiClient on purpose", () => {
  it.each([[""], ["."], [".."], ["\ud800"]])(
    "V3: a path parameter %j is refused before anything is sent",
    async (id) => {
      expect(failure(subject("items.get").ours({ params: { id } }))).toBeInstanceOf(InvalidRequest)
    }
  )

  it("V3: a header value with CR, LF, NUL or beyond Latin-1 is refused, and not repeated", () => {
    for (const tenant of ["a\r\nx-evil: 1", "a\nb", "a\0b", "☃", "\x7f"]) {
      const error = failure(subject("items.search").ours({ headers: { "x-tenant": tenant } }))
      expect(error).toEqual(new InvalidRequest({ issue: "header x-tenant has a character that headers cannot hold" }))
    }
  })
})

describe("V3: what stands in a parameter stays in its segment", () => {
  const hostile = [
    "//evil.example",
    "https://evil.example/",
    "\\\\evil.example",
    "@evil.example",
    "user:pass@evil.example",
    "../../admin",
    "..%2f..%2fadmin",
    "%2e%2e/",
    "a\r\nHost: evil.example",
    "?admin=1",
    "#",
    "a/../../b",
    ";/..",
    "\t..",
    "..\u2028",
    "%00"
  ]
  it.each(hostile)("%j", (id) => {
    const sent = subject("items.get").ours({ params: { id } })
    if (Exit.isFailure(sent)) throw new Error("refused")
    const url = new URL(sent.value.url)
    expect(url.origin).toBe("https://third.party")
    expect(url.pathname.startsWith("/base/v1/items/")).toBe(true)
    expect(url.pathname.split("/")).toHaveLength(5)
    expect(url.search + url.hash + url.username).toBe("")
    expect(decodeURIComponent(url.pathname.split("/")[4]!)).toBe(id)
    expect(url.href).toBe(sent.value.url)
  })

  it.each(hostile)("in a query: %j", (tag) => {
    const sent = subject("items.search").ours({ query: { tag: [tag] } })
    if (Exit.isFailure(sent)) throw new Error("refused")
    const url = new URL(sent.value.url)
    expect([url.origin, url.pathname, url.hash]).toEqual(["https://third.party", "/base/v1/items", ""])
    expect(Array.from(url.searchParams)).toEqual([["tag", tag]])
  })
})
