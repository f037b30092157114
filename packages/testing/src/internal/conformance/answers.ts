/** What a transport makes of answers. */
import * as Transport from "@switchboard/core/Transport"
import * as Effect from "effect/Effect"
import type { Case } from "../../Conformance.ts"
import { exchanged } from "../exchanged.ts"
import { holds, same } from "./expect.ts"
import { get, listen, open, roundTrip, type Subject, until } from "./subject.ts"

const utf8 = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

export const answers: ReadonlyArray<Case<Subject>> = [
  {
    name: "calls back once, and not from inside send",
    run: (subject) =>
      Effect.gen(function*() {
        const channel = yield* open(subject)
        const { calls } = yield* listen(channel, get(subject, "/status/200"))
        yield* until("an answer", subject, channel, () => calls.length > 0)
        yield* roundTrip(subject, channel)
        yield* same("what the receiver was told", calls, ["response 200"])
      })
  },
  {
    name: "sends method, path, query, headers and text as they are",
    run: (subject) =>
      Effect.gen(function*() {
        const channel = yield* open(subject)
        const response = yield* exchanged(channel, {
          ...get(subject, "/echo?a=1&b=%20%2F&a=2"),
          method: "PATCH",
          headers: ["content-type", "text/plain", "x-echo", "a, b"],
          body: "grüße"
        })
        yield* same("the status", response.status, 200)
        yield* same("the method", Transport.header(response.headers, "x-method"), "PATCH")
        yield* same("the target", Transport.header(response.headers, "x-target"), "/echo?a=1&b=%20%2F&a=2")
        yield* same("the header", Transport.header(response.headers, "x-echo"), "a, b")
        yield* same("the body", utf8(response.body), "grüße")
      })
  },
  {
    name: "sends and receives bytes as they are",
    run: (subject) =>
      Effect.gen(function*() {
        const channel = yield* open(subject)
        const body = Uint8Array.from({ length: 256 }, (_, i) => i)
        const response = yield* exchanged(channel, { ...get(subject, "/echo"), method: "POST", body })
        yield* same("the body", [...response.body], [...body])
      })
  },
  {
    name: "gives header names in lower case, and every value of a repeated one",
    run: (subject) =>
      Effect.gen(function*() {
        const { headers } = yield* exchanged(yield* open(subject), get(subject, "/headers"))
        yield* same("x-mixed-case", headers["x-mixed-case"], "Value")
        yield* same("set-cookie", headers["set-cookie"], ["a=1", "b=2"])
      })
  },
  {
    name: "gives every status as an answer, and follows no redirect",
    run: (subject) =>
      Effect.gen(function*() {
        const channel = yield* open(subject)
        for (const status of [201, 302, 400, 404, 418, 429, 500, 503]) {
          const response = yield* exchanged(channel, get(subject, `/status/${status}`))
          yield* same("the status", response.status, status)
          yield* same("the body", utf8(response.body), `status ${status}`)
        }
      })
  },
  {
    name: "gives no body to HEAD, 204 and 304",
    run: (subject) =>
      Effect.gen(function*() {
        const channel = yield* open(subject)
        const head = yield* exchanged(channel, { ...get(subject, "/bytes/2000"), method: "HEAD", maxResponseBytes: 1 })
        yield* same("HEAD", [head.status, head.body.length], [200, 0])
        for (const status of [204, 304]) {
          const response = yield* exchanged(channel, get(subject, `/status/${status}`))
          yield* same(String(status), [response.status, response.body.length], [status, 0])
        }
        yield* roundTrip(subject, channel)
      })
  },
  {
    name: "V1: accepts an answer of exactly the limit, and ends a larger one typed",
    run: (subject) =>
      Effect.gen(function*() {
        const channel = yield* open(subject)
        const limited = { ...get(subject, "/bytes/2000"), maxResponseBytes: 2_000 }
        yield* same("a body of the limit", (yield* exchanged(channel, limited)).body.length, 2_000)
        for (const path of ["/bytes/2001", "/pieces/3", "/pieces/5000"]) {
          const failure = yield* Effect.flip(exchanged(channel, { ...limited, path }))
          yield* same(path, failure._tag, "ResponseTooLarge")
          yield* holds("it names the limit", failure._tag === "ResponseTooLarge" && failure.limit === 2_000)
        }
        yield* roundTrip(subject, channel)
      })
  },
  {
    name: "gives each of 100 requests at once its own answer",
    run: (subject) =>
      Effect.gen(function*() {
        const channel = yield* open(subject)
        const echo = (n: number) =>
          Effect.map(
            exchanged(channel, { ...get(subject, `/echo?n=${n}`), method: "POST", body: String(n) }),
            ({ body }) => Number(utf8(body))
          )
        const numbers = Array.from({ length: 100 }, (_, n) => n)
        yield* same("the answers", yield* Effect.forEach(numbers, echo, { concurrency: "unbounded" }), numbers)
      })
  }
]
