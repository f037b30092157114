import * as Outage from "@switchboard/testing/Outage"
import { describe, expect, it } from "vitest"
import { type Call, measure, percentile } from "../../src/internal/outage/measure.ts"

/** All is well for 1 second, then 1 second of trouble, then 10 seconds. */
const scenario = Outage.make("own", {
  outage: Outage.healthy,
  begins: "1 second",
  lasts: "1 second",
  after: "10 seconds"
})

const call = (at: number, options: Partial<Call> = {}): Call => ({
  at,
  end: at + 10,
  failure: undefined,
  requests: 1,
  ...options
})
const failed = { failure: "Boom" }
const of = (calls: ReadonlyArray<Call>, sentAt: ReadonlyArray<number> = []) =>
  measure(scenario, { calls, sentAt, mostInFlight: 0 })

/** Ten calls in each second of the run, some of them other than well. */
const steady = (other: (at: number) => Partial<Call> = () => ({})) =>
  Array.from({ length: 120 }, (_, i) => call(i * 100, other(i * 100)))

describe("percentiles", () => {
  it("are values that were seen", () => {
    const values = Array.from({ length: 200 }, (_, i) => i + 1)
    expect([percentile(values, 0.5), percentile(values, 0.99), percentile(values, 1)]).toEqual([100, 198, 200])
    expect([percentile([7], 0.5), percentile([], 0.99)]).toEqual([7, 0])
  })
})

describe("in the outage", () => {
  it("count the calls that were made in it, and the requests that were sent in it", () => {
    const { calls, outage, requests } = of(
      [call(999), call(1000), call(1999, { end: 2500 }), call(2000)],
      [500, 1000, 1400, 1999, 2000]
    )
    expect([calls, requests]).toEqual([4, 5])
    expect(outage).toMatchObject({ calls: 2, requests: 3, amplification: 1.5, p50: 10, p99: 501 })
  })

  it("a call without a request was shed, whether or not it succeeded", () => {
    const { outage } = of([
      call(1000, { requests: 0, ...failed }),
      call(1100, { requests: 0 }),
      call(1200, failed),
      call(1300)
    ])
    expect(outage).toMatchObject({ shed: 0.5, succeeded: 0.5 })
  })

  it("are no calls and no requests where nobody called", () => {
    expect(of([]).outage).toEqual({ calls: 0, requests: 0, amplification: 0, shed: 0, succeeded: 0, p50: 0, p99: 0 })
  })
})

describe("recovery", () => {
  it("is at once where nothing fails after the outage", () => {
    expect(of(steady((at) => at >= 1000 && at < 2000 ? failed : {})).recovery).toBe(0)
  })

  it("is when the last call was made that failed in a second that was not good", () => {
    expect(of(steady((at) => at >= 1000 && at <= 5300 ? failed : {})).recovery).toBe(3300)
    expect(of(steady((at) => at === 6700 ? failed : {})).recovery).toBe(4700)
  })

  it("is not there where the last five seconds were not good", () => {
    expect(of(steady((at) => at <= 6900 && at >= 1000 ? failed : {})).recovery).toBe(4900)
    expect(of(steady((at) => at <= 7000 && at >= 1000 ? failed : {})).recovery).toBeUndefined()
    expect(of(steady((at) => at >= 1000 ? failed : {})).recovery).toBeUndefined()
    expect(of([call(500), call(1500)]).recovery).toBeUndefined()
  })

  it("is measured against what was before", () => {
    const every = (at: number) => at % 1000 === 0 ? failed : {}
    expect(of(steady(every)).recovery).toBe(0)
    expect(of(steady((at) => at < 1000 ? {} : every(at))).recovery).toBeUndefined()
  })
})

describe("all calls", () => {
  it("that wait at once are counted, those that end as another begins are not together", () => {
    expect(of([call(0, { end: 100 }), call(50, { end: 60 }), call(100, { end: 200 }), call(150, { end: 160 })]))
      .toMatchObject({ mostWaiting: 2 })
    expect(of([call(0, { end: 100 }), call(100, { end: 200 })]).mostWaiting).toBe(1)
  })

  it("that fail are counted by reason, the most frequent first", () => {
    const failures = ["B", "A", "C", "C", undefined].map((failure, at) => call(at, { failure }))
    expect(of(failures)).toMatchObject({ succeeded: 0.2, failures: [["C", 2], ["A", 1], ["B", 1]] })
  })
})
