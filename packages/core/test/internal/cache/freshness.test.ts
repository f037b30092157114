import { assert, describe, it } from "@effect/vitest"
import { freshness } from "../../../src/internal/cache/freshness.ts"

const now = Date.UTC(2026, 0, 1, 12)
const date = "Thu, 01 Jan 2026 12:00:00 GMT"
const inOneMinute = "Thu, 01 Jan 2026 12:01:00 GMT"
const of = (headers: Record<string, string>) => freshness(headers, now)
const control = (value: string, others: Record<string, string> = {}) => of({ "cache-control": value, ...others })
const longest = 2 ** 31 * 1000

describe("freshness", () => {
  it("says nothing where the headers say nothing", () => {
    const silent = {
      ttl: undefined,
      staleWhileRevalidate: undefined,
      staleIfError: undefined,
      etag: undefined,
      lastModified: undefined,
      storable: true
    }
    assert.deepStrictEqual(of({}), silent)
    for (const value of ["", ",", " , ,", "public", "private, immutable", "s-maxage=60", "=60", "🦆"]) {
      assert.deepStrictEqual(control(value), silent, value)
    }
  })

  it("max-age is how long, less the Age it comes with", () => {
    assert.strictEqual(control("max-age=60").ttl, 60_000)
    assert.strictEqual(control("public, Max-Age=60").ttl, 60_000)
    assert.strictEqual(control("max-age=\"60\"").ttl, 60_000)
    assert.strictEqual(control("max-age=0").ttl, 0)
    assert.strictEqual(control("max-age=60", { age: "20" }).ttl, 40_000)
    assert.strictEqual(control("max-age=60", { age: "61" }).ttl, 0)
    assert.strictEqual(control("s-maxage=5, max-age=60").ttl, 60_000)
  })

  it("an Age that is garbage counts as absent, the first of several counts", () => {
    for (const age of ["-1", "1.5", "soon", "", ", 20"]) {
      assert.strictEqual(control("max-age=60", { age }).ttl, 60_000, age)
    }
    assert.strictEqual(control("max-age=60", { age: "20, 50" }).ttl, 40_000)
    assert.strictEqual(control("max-age=60", { age: "9".repeat(400) }).ttl, 0)
  })

  it("a lifetime that is garbage or negative is over", () => {
    const garbage = ["max-age", "max-age=", "max-age=-1", "max-age=1.5", "max-age=1e3", "max-age=ten", "max-age = 60"]
    for (const value of [...garbage, "max-age=\"60", "max-age=6 0".replace("6 0", "")]) {
      assert.strictEqual(control(value).ttl, 0, value)
    }
    assert.strictEqual(control("max-age=ten", { expires: inOneMinute, date }).ttl, 0)
  })

  it("an overflow counts as 2^31 seconds", () => {
    assert.strictEqual(control("max-age=2147483648").ttl, longest)
    assert.strictEqual(control("max-age=2147483649").ttl, longest)
    assert.strictEqual(control(`max-age=${"9".repeat(400)}`).ttl, longest)
    assert.strictEqual(of({ expires: "Fri, 31 Dec 9999 23:59:59 GMT", date }).ttl, longest)
  })

  it("of a directive that comes twice the first counts", () => {
    assert.strictEqual(control("max-age=60, max-age=10").ttl, 60_000)
    assert.strictEqual(control("max-age=ten, max-age=10").ttl, 0)
    assert.strictEqual(control("stale-if-error=5, stale-if-error=50").staleIfError, 5_000)
  })

  it("Expires counts from Date, or from now without one; max-age wins over it", () => {
    assert.strictEqual(of({ expires: inOneMinute, date }).ttl, 60_000)
    assert.strictEqual(of({ expires: inOneMinute }).ttl, 60_000)
    assert.strictEqual(of({ expires: inOneMinute, date: "yesterday" }).ttl, 60_000)
    assert.strictEqual(freshness({ expires: inOneMinute, date }, now + 3_600_000).ttl, 60_000)
    assert.strictEqual(of({ expires: date, date: inOneMinute }).ttl, 0)
    assert.strictEqual(of({ expires: inOneMinute, date, age: "10" }).ttl, 50_000)
    assert.strictEqual(control("max-age=5", { expires: inOneMinute, date }).ttl, 5_000)
    for (const expires of ["0", "-1", "", "Thu, 32 Jan 2026 12:00:00 GMT", `${inOneMinute}, ${inOneMinute}`]) {
      assert.strictEqual(of({ expires, date }).ttl, 0, expires)
    }
  })

  it("no-store is not storable; an answer that varies by everything could not be found again", () => {
    for (const value of ["no-store", "NO-STORE", "max-age=60, no-store", "no-store=1", "max-age=\"60, no-store"]) {
      assert.isFalse(control(value).storable, value)
    }
    assert.isFalse(of({ vary: "accept, *" }).storable)
    assert.isTrue(of({ vary: "accept, x-*" }).storable)
  })

  it("what stands in quotes is no directive", () => {
    assert.deepStrictEqual(control("ext=\"no-store, max-age=5, \\\" no-cache\", max-age=60"), control("max-age=60"))
  })

  it("no-cache is storable and never fresh nor served stale", () => {
    for (const value of ["no-cache", "no-cache=\"set-cookie\""]) {
      const said = control(`${value}, max-age=60, stale-while-revalidate=60, stale-if-error=60`)
      assert.deepStrictEqual([said.ttl, said.staleWhileRevalidate, said.staleIfError, said.storable], [0, 0, 0, true])
    }
  })

  it("RFC 5861: stale-while-revalidate and stale-if-error begin with the end of freshness", () => {
    const said = control("max-age=600, stale-while-revalidate=30, stale-if-error=1200")
    assert.deepStrictEqual([said.ttl, said.staleWhileRevalidate, said.staleIfError], [600_000, 30_000, 1_200_000])
    const old = control("max-age=600, stale-while-revalidate=30, stale-if-error=1200", { age: "700" })
    assert.deepStrictEqual([old.ttl, old.staleWhileRevalidate, old.staleIfError], [0, 0, 1_100_000])
    const garbage = control("max-age=600, stale-while-revalidate=soon, stale-if-error=-1")
    assert.deepStrictEqual([garbage.staleWhileRevalidate, garbage.staleIfError], [0, 0])
  })

  it("must-revalidate forbids both, also where the options would allow them", () => {
    const said = control("max-age=600, must-revalidate, stale-while-revalidate=30, stale-if-error=1200")
    assert.deepStrictEqual([said.ttl, said.staleWhileRevalidate, said.staleIfError], [600_000, 0, 0])
    assert.strictEqual(control("must-revalidate").staleIfError, 0)
    assert.isUndefined(control("proxy-revalidate").staleIfError)
  })

  it("validators are kept where they are well-formed", () => {
    for (const etag of ["\"abc\"", "W/\"abc\"", "\"\""]) assert.strictEqual(of({ etag }).etag, etag)
    for (const etag of ["abc", "w/\"abc\"", "\"a b\"", "\"a\"b\"", "\"a\", \"b\"", "\"a\r\n\""]) {
      assert.isUndefined(of({ etag }).etag, etag)
    }
    assert.strictEqual(of({ "last-modified": date }).lastModified, date)
    assert.isUndefined(of({ "last-modified": "yesterday" }).lastModified)
  })

  it("hostile values take no time", () => {
    for (
      const value of ["=\"\\".repeat(20_000), "a=\"".repeat(20_000), "\"".repeat(50_000), "a=\"\\\"".repeat(20_000)]
    ) {
      assert.isUndefined(control(value).ttl)
    }
  })
})
