import { assert, describe, it } from "@effect/vitest"
import { Cause, Duration, Exit } from "effect"
import * as Errors from "../src/IntegrationError.ts"
import * as Outcome from "../src/Outcome.ts"

const integrationError = (reason: Errors.Reason) =>
  Exit.fail(new Errors.IntegrationError({ integration: "test", operation: "get", attempts: 4, reason }))

describe("Outcome.fromStatus", () => {
  it("a working service answers 2xx, 3xx and 4xx", () => {
    for (const status of [200, 204, 302, 304, 400, 401, 402, 403, 404, 409, 410, 422, 501]) {
      assert.deepStrictEqual(Outcome.fromStatus(status, undefined), Outcome.success, `${status}`)
    }
  })

  it("A19: 429 and 425 ask for another pace, and are no sign of ill health", () => {
    assert.deepStrictEqual(Outcome.fromStatus(429, 5_000), Outcome.failure({ throttled: true, retryAfter: 5_000 }))
    assert.deepStrictEqual(Outcome.fromStatus(425, undefined), Outcome.failure({ throttled: true }))
  })

  it("a transient status may be retried, another 5xx may not", () => {
    for (const status of [408, 500, 502, 503, 504]) {
      assert.deepStrictEqual(Outcome.fromStatus(status, undefined), Outcome.failure(), `${status}`)
    }
    for (const status of [505, 507, 511, 599]) {
      assert.deepStrictEqual(Outcome.fromStatus(status, undefined), Outcome.failure({ retryable: false }), `${status}`)
    }
  })

  it("H8: the remote's wish counts with 429 and 503 only", () => {
    const heard = [429, 503, 200, 302, 404, 408, 425, 500, 502, 504].filter((status) => {
      const outcome = Outcome.fromStatus(status, 1_000)
      return outcome._tag === "Failure" && outcome.retryAfter === 1_000
    })
    assert.deepStrictEqual(heard, [429, 503])
  })
})

describe("Outcome.fromReason", () => {
  it("I2: a connection that failed before anything was written is not sent", () => {
    const refused = new Errors.Transport({ kind: "Refused", wasSent: false })
    const reset = new Errors.Transport({ kind: "Reset", wasSent: true })
    const tls = new Errors.Transport({ kind: "Tls", wasSent: false })
    assert.deepStrictEqual(Outcome.fromReason(refused), Outcome.failure({ sent: false }))
    assert.deepStrictEqual(Outcome.fromReason(reset), Outcome.failure())
    assert.deepStrictEqual(Outcome.fromReason(tls), Outcome.failure({ retryable: false, sent: false }))
  })

  it("F10: a timeout is a failure", () => {
    const timeout = new Errors.AttemptTimeout({ timeout: Duration.seconds(1), wasSent: true })
    assert.deepStrictEqual(Outcome.fromReason(timeout), Outcome.failure())
  })

  it("K7, B10: what our own policies refuse is neutral", () => {
    const retryAfter = Duration.seconds(1)
    assert.deepStrictEqual(
      Outcome.fromReason(new Errors.CircuitOpen({ isolated: false, retryAfter })),
      Outcome.refused(1_000)
    )
    assert.deepStrictEqual(
      Outcome.fromReason(new Errors.RateLimited({ by: "local", retryAfter })),
      Outcome.refused(1_000)
    )
    assert.deepStrictEqual(Outcome.fromReason(new Errors.BulkheadFull({ limit: 1 })), Outcome.refused(undefined))
    assert.deepStrictEqual(
      Outcome.fromReason(new Errors.RateLimited({ by: "remote", retryAfter })),
      Outcome.failure({ throttled: true, retryAfter: 1_000 })
    )
  })

  it("E1: an isolated circuit says that another attempt would not help, a half-open one that it may", () => {
    const refused = (isolated: boolean) => new Errors.CircuitOpen({ isolated, retryAfter: undefined })
    assert.deepStrictEqual(Outcome.fromReason(refused(true)), Outcome.neutral)
    assert.deepStrictEqual(Outcome.fromReason(refused(false)), Outcome.refused(undefined))
  })
})

const status = (status: number) => new Errors.UnexpectedStatus({ status, retryAfter: undefined })

describe("Outcome.classify", () => {
  it("success, failure, defect, interruption", () => {
    assert.deepStrictEqual(Outcome.classify(Exit.succeed(undefined)), Outcome.success)
    assert.deepStrictEqual(Outcome.classify(Exit.fail("no")), Outcome.failure())
    assert.deepStrictEqual(Outcome.classify(Exit.die("bug")), Outcome.failure({ retryable: false }))
    assert.deepStrictEqual(Outcome.classify(Exit.interrupt()), Outcome.neutral)
  })

  it("a failure next to an interruption is a failure", () => {
    const both = Exit.failCause(Cause.combine(Cause.fail("no"), Cause.interrupt()))
    assert.deepStrictEqual(Outcome.classify(both), Outcome.failure())
  })

  it("an error that says it is not retryable is believed", () => {
    assert.deepStrictEqual(Outcome.classify(Exit.fail({ isRetryable: false })), Outcome.failure({ retryable: false }))
    assert.deepStrictEqual(Outcome.classify(Exit.fail({ isRetryable: true })), Outcome.failure())
  })

  it("G16: an IntegrationError is what its reason is, but never retryable", () => {
    assert.deepStrictEqual(Outcome.classify(integrationError(status(503))), Outcome.failure({ retryable: false }))
    assert.deepStrictEqual(Outcome.classify(integrationError(status(404))), Outcome.success)
    assert.deepStrictEqual(
      Outcome.classify(integrationError(new Errors.CircuitOpen({ isolated: false, retryAfter: Duration.seconds(1) }))),
      { ...Outcome.refused(1_000), retryable: false }
    )
  })
})

describe("Outcome.classifyWith", () => {
  it("A14, A15: asks first, and the default where that knows nothing", () => {
    const classify = Outcome.classifyWith((exit) =>
      Exit.isSuccess(exit) && exit.value === "bad" ? Outcome.failure() : undefined
    )
    assert.deepStrictEqual(classify(Exit.succeed("bad")), Outcome.failure())
    assert.deepStrictEqual(classify(Exit.succeed("good")), Outcome.success)
    assert.deepStrictEqual(classify(Exit.fail("no")), Outcome.failure())
  })

  it("interruption is neutral whatever it says", () => {
    assert.deepStrictEqual(Outcome.classifyWith(() => Outcome.failure())(Exit.interrupt()), Outcome.neutral)
  })
})
