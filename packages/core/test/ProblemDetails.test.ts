import { assert, describe, it } from "@effect/vitest"
import { IntegrationError, type Reason } from "@switchboard/core/IntegrationError"
import * as Errors from "@switchboard/core/IntegrationError"
import * as ProblemDetails from "@switchboard/core/ProblemDetails"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"

const second = Duration.seconds(1)
const reasons: ReadonlyArray<readonly [Reason, number]> = [
  [new Errors.Transport({ kind: "Reset", wasSent: true }), 502],
  [new Errors.AttemptTimeout({ timeout: second, wasSent: true }), 504],
  [new Errors.DeadlineExceeded({ timeout: second, wasSent: false }), 504],
  [new Errors.RateLimited({ by: "remote", retryAfter: second }), 503],
  [new Errors.CircuitOpen({ isolated: false, retryAfter: second }), 503],
  [new Errors.BulkheadFull({ limit: 1 }), 503],
  [new Errors.Unauthenticated({ wasSent: true }), 500],
  [new Errors.UnexpectedStatus({ status: 418, retryAfter: undefined }), 502],
  [new Errors.InvalidResponse({ status: 200, issue: "Expected string" }), 502],
  [new Errors.InvalidRequest({ issue: "Expected string" }), 500],
  [new Errors.ResponseTooLarge({ limit: 1 }), 502],
  [new Errors.NoEndpoint({ service: "payments" }), 503],
  [new Errors.NotConnected({}), 503],
  [new Errors.NotReplayable({ cause: "Transport" }), 502]
]

const errorOf = (reason: Reason) =>
  new IntegrationError({ integration: "test/Payments", operation: "charges.get", attempts: 2, reason })

const open = (retryAfter: Duration.Duration | undefined) =>
  ProblemDetails.fromError(errorOf(new Errors.CircuitOpen({ isolated: false, retryAfter })))

describe("the problem details of an error (RFC 9457)", () => {
  it("cover every reason", () => {
    const known = Errors.Reason.members.map((member) => member.fields._tag.schema.literal)
    assert.deepStrictEqual(reasons.map(([{ _tag }]) => _tag).toSorted(), Array.from<string>(known).toSorted())
  })

  it.effect.each(reasons)("of %s", ([reason, status]) =>
    Effect.gen(function*() {
      yield* TestClock.setTime(1_000)
      const error = errorOf(reason)
      const problem = yield* ProblemDetails.fromError(error)
      assert.strictEqual(problem.type, `urn:switchboard:${reason._tag}`)
      assert.strictEqual(problem.status, status)
      assert.isAbove(problem.title.length, 10)
      assert.deepInclude(problem, {
        detail: error.message,
        integration: "test/Payments",
        operation: "charges.get",
        attempts: 2,
        timestamp: "1970-01-01T00:00:01.000Z"
      })
      assert.deepStrictEqual(
        yield* Schema.decodeUnknownEffect(ProblemDetails.ProblemDetails)(JSON.parse(JSON.stringify(problem))),
        problem
      )
    }))

  it.effect("have the trace of the span they are made in, and none without one", () =>
    Effect.gen(function*() {
      const error = errorOf(new Errors.NotConnected({}))
      assert.notProperty(yield* ProblemDetails.fromError(error), "traceId")
      const [problem, traceId] = yield* Effect.all([
        ProblemDetails.fromError(error),
        Effect.map(Effect.currentSpan, (span) => span.traceId)
      ]).pipe(Effect.withSpan("request"))
      assert.strictEqual(problem.traceId, traceId)
    }))

  it.effect("round retryAfter up to whole seconds, and leave it out where it is not known", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* open(Duration.millis(1001))).retryAfter, 2)
      assert.strictEqual((yield* open(Duration.millis(1))).retryAfter, 1)
      assert.notProperty(yield* open(undefined), "retryAfter")
    }))

  it.effect("do not tell our own callers what they must not know: the remote's body", () =>
    Effect.gen(function*() {
      const problem = yield* ProblemDetails.fromError(
        errorOf(Errors.UnexpectedStatus.withBody(500, undefined, "CANARY"))
      )
      assert.notInclude(JSON.stringify(problem), "CANARY")
    }))
})
