import { assert, describe, it } from "@effect/vitest"
import * as SlidingCounts from "../../src/internal/circuit/slidingCounts.ts"

const totals = (counts: SlidingCounts.SlidingCounts, now: number): [first: number, second: number] => {
  SlidingCounts.advance(counts, now)
  return [counts.firstTotal, counts.secondTotal]
}

const sum = (of: ReadonlyArray<number>): number => of.reduce((a, b) => a + b, 0)

describe("slidingCounts", () => {
  it("an event counts until the span has passed", () => {
    const counts = SlidingCounts.make(1_000)
    SlidingCounts.add(counts, 1, 0, 123)
    assert.deepStrictEqual(totals(counts, 1_122), [1, 0])
    assert.deepStrictEqual(totals(counts, 1_123), [0, 0])
  })

  it("an event in a running span leaves at most a tenth of it early, and never late", () => {
    for (let at = 1; at < 1_000; at += 7) {
      const counts = SlidingCounts.make(1_000)
      SlidingCounts.add(counts, 1, 0, 0)
      SlidingCounts.add(counts, 0, 1, at)
      assert.strictEqual(totals(counts, at + 899)[1], 1)
      assert.strictEqual(totals(counts, at + 1_000)[1], 0)
    }
  })

  it("a span that has run empty begins anew with the next event", () => {
    const counts = SlidingCounts.make(1_000)
    SlidingCounts.add(counts, 1, 0, 0)
    SlidingCounts.advance(counts, 500)
    SlidingCounts.add(counts, 1, 0, 1_030)
    assert.deepStrictEqual(totals(counts, 2_029), [1, 0])
    assert.deepStrictEqual(totals(counts, 2_030), [0, 0])
  })

  it("an event that is told late counts where it belongs, and not at all when it has left", () => {
    const counts = SlidingCounts.make(1_000)
    SlidingCounts.add(counts, 3, 2, 5_000)
    SlidingCounts.add(counts, 1, 0, 4_150)
    assert.deepStrictEqual(totals(counts, 5_000), [4, 2])
    assert.deepStrictEqual(totals(counts, 5_200), [3, 2])
    SlidingCounts.add(counts, 7, 7, 4_200)
    assert.deepStrictEqual(totals(counts, 5_200), [3, 2])
    assert.deepStrictEqual(totals(counts, 6_000), [0, 0])
  })

  it("long silences, and a clock that went back, do no harm", () => {
    const counts = SlidingCounts.make(1_000)
    SlidingCounts.add(counts, 3, 2, 5_000)
    SlidingCounts.advance(counts, 4_000)
    assert.deepStrictEqual(totals(counts, 5_000), [3, 2])
    assert.deepStrictEqual(totals(counts, 1e15), [0, 0])
    SlidingCounts.add(counts, 1, 1, 1e15)
    assert.deepStrictEqual(totals(counts, 1e15 + 999), [1, 1])
  })

  it("the totals are always those of the buckets, and memory stays the same", () => {
    const counts = SlidingCounts.make(1_000)
    let now = 0
    for (let i = 0; i < 10_000; i++) {
      now += (i * 7_919) % 331
      SlidingCounts.add(counts, 1, i % 3 === 0 ? 1 : 0, now)
      if (i % 5 === 0) SlidingCounts.takeSecond(counts)

      assert.deepStrictEqual([sum(counts.first), sum(counts.second)], [counts.firstTotal, counts.secondTotal])
      assert.isTrue(counts.second.every((n) => n >= 0))
      assert.strictEqual(counts.first.length, SlidingCounts.buckets)
    }
  })

  it("takes one off the second count, the newest first", () => {
    const counts = SlidingCounts.make(1_000)
    assert.isFalse(SlidingCounts.takeSecond(counts))
    SlidingCounts.add(counts, 0, 1, 0)
    SlidingCounts.add(counts, 0, 1, 900)
    assert.isTrue(SlidingCounts.takeSecond(counts))
    assert.deepStrictEqual(totals(counts, 999), [0, 1])
    assert.isTrue(SlidingCounts.takeSecond(counts))
    assert.isFalse(SlidingCounts.takeSecond(counts))
  })
})
