import { assert, describe, it } from "@effect/vitest"
import * as Latencies from "../../../src/internal/hedge/latencies.ts"

const minute = 60_000
const of = (...values: ReadonlyArray<number>) => {
  const latencies = Latencies.empty()
  for (const value of values) Latencies.record(latencies, value, minute, 0)
  return latencies
}
/** mulberry32 */
const random = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296
}

describe("latencies", () => {
  it("a percentile is never less than the exact one, and at most 9 % more", () => {
    for (let seed = 1; seed <= 200; seed++) {
      const next = random(seed)
      const values = Array.from({ length: 1 + Math.floor(next() * 200) }, () => 1 + next() ** 4 * 60_000)
      const sorted = values.toSorted((a, b) => a - b)
      const latencies = of(...values)
      for (const share of [0.01, 0.5, 0.9, 0.95, 0.99, 1]) {
        const exact = sorted[Math.max(0, Math.ceil(values.length * share - 1e-9) - 1)]!
        const found = Latencies.percentile(latencies, share, 1, minute, 0)!
        assert.isTrue(
          found >= exact * (1 - 1e-9) && found <= exact * 1.091,
          `seed ${seed}: ${share} of ${exact}, ${found}`
        )
      }
    }
  })

  it("M9: is unknown below a number of latencies, and at least 1 ms", () => {
    assert.isUndefined(Latencies.percentile(Latencies.empty(), 0.5, 1, minute, 0))
    assert.isUndefined(Latencies.percentile(of(5, 5), 0.5, 3, minute, 0))
    assert.strictEqual(Latencies.percentile(of(0, 0.001, 0), 1, 3, minute, 0), 1)
  })

  it("forgets after one to two spans", () => {
    const latencies = Latencies.empty()
    Latencies.record(latencies, 100, minute, 5 * minute)
    Latencies.record(latencies, 100, minute, 6 * minute - 1)
    assert.isDefined(Latencies.percentile(latencies, 0.5, 2, minute, 7 * minute - 1))
    assert.isUndefined(Latencies.percentile(latencies, 0.5, 1, minute, 7 * minute))
    Latencies.record(latencies, 100, minute, 7 * minute)
    assert.isUndefined(Latencies.percentile(latencies, 0.5, 1, minute, 100 * minute))
  })

  it("does not grow, whatever it is told", () => {
    const latencies = Latencies.empty()
    const { length } = latencies.present
    for (const value of [-1, 0, 1e300, Infinity, 2 ** 23]) Latencies.record(latencies, value, minute, 0)
    assert.strictEqual(Latencies.percentile(latencies, 1, 1, minute, 0), 2 ** 23)
    assert.deepStrictEqual([latencies.present.length, latencies.before.length], [length, length])
  })
})
