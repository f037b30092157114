import { assert, describe, it } from "@effect/vitest"
import { retryAfterMillis } from "../../src/internal/retryAfter.ts"

const wall = Date.UTC(2026, 0, 1, 12, 0, 0)

describe("retryAfterMillis", () => {
  it("H1: whole seconds", () => {
    assert.strictEqual(retryAfterMillis("120", wall), 120_000)
    assert.strictEqual(retryAfterMillis(" 5 ", wall), 5_000)
  })

  it("H2: an HTTP date, from the given wall clock; all three forms; the past is now", () => {
    assert.strictEqual(retryAfterMillis("Thu, 01 Jan 2026 12:01:30 GMT", wall), 90_000)
    assert.strictEqual(retryAfterMillis("Thursday, 01-Jan-26 12:01:30 GMT", wall), 90_000)
    assert.strictEqual(retryAfterMillis("Thu Jan  1 12:01:30 2026", wall), 90_000)
    assert.strictEqual(retryAfterMillis("Wed, 31 Dec 2025 23:59:59 GMT", wall), 0)
  })

  it("H4: 0 is no wait", () => assert.strictEqual(retryAfterMillis("0", wall), 0))

  it("H5: anything else is as if there were no header", () => {
    const garbage = [undefined, "", " ", "soon", "-1", "1.5", "+5", "1e3", "0x10", "1, 2", "5;q=1", "NaN", "Infinity"]
    for (const value of [...garbage, "2026-01-01T12:00:00Z", "Thu, 32 Jan 2026 12:00:00 GMT"]) {
      assert.isUndefined(retryAfterMillis(value, wall), String(value))
    }
  })

  it("H5: an absurdly large number stays a number", () => {
    const wish = retryAfterMillis("9".repeat(40), wall)
    assert.isTrue(wish !== undefined && wish > 1e30 && !Number.isNaN(wish))
  })
})
