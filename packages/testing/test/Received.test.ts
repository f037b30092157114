import { describe, expect, it } from "@effect/vitest"
import * as Answer from "@switchboard/testing/Answer"
import * as TestTransport from "@switchboard/testing/TestTransport"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { inspect } from "node:util"
import { get, open, send } from "./wire.ts"

describe("the log", () => {
  it.effect("tells when each request came, of which attempt it is, and what became of it", () =>
    Effect.gen(function*() {
      const wire = yield* TestTransport.TestTransport
      const channel = yield* open
      yield* TestClock.adjust("90 seconds")
      yield* Effect.ignore(send(channel, get("/")))
      yield* send(channel, { ...get("/"), headers: ["x-retry-attempt", "1"] })
      expect((yield* wire.requests).map(({ at, attempt, number, state }) => ({ at, attempt, number, state }))).toEqual([
        { at: 90_000, attempt: 1, number: 1, state: "failed" },
        { at: 90_000, attempt: 2, number: 2, state: "answered" }
      ])
    }).pipe(Effect.provide(TestTransport.layer([Answer.refused, Answer.status(200)]))))

  it.effect("prints no secret, and gives it to whoever asks", () =>
    Effect.gen(function*() {
      const wire = yield* TestTransport.TestTransport
      const channel = yield* open
      yield* send(channel, {
        ...get("/charges?api_key=canary-1&page=2"),
        headers: ["authorization", "Bearer canary-2", "content-type", "application/json"],
        body: "{\"user\":{\"password\":\"canary-3\"},\"amount\":5}"
      })
      yield* send(channel, {
        ...get("/token"),
        headers: ["content-type", "application/x-www-form-urlencoded"],
        body: "client_secret=canary-4&grant_type=x"
      })
      yield* send(channel, { ...get("/raw"), body: "canary-5" })
      const requests = yield* wire.requests
      for (
        const shown of [String(requests), JSON.stringify(requests), inspect(requests, { depth: 9, showHidden: true })]
      ) {
        expect(shown).not.toContain("canary")
        expect(shown).toContain("page=2")
        expect(shown).toContain("grant_type=x")
      }
      expect(requests[0]!.headers["authorization"]).toBe("Bearer canary-2")
      expect(requests[0]!.json.user.password).toBe("canary-3")
      expect(requests[0]!.query.get("api_key")).toBe("canary-1")
    }).pipe(Effect.provide(TestTransport.layer(Answer.status(200)))))
})
