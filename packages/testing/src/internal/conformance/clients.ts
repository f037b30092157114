/** The `HttpClient` of a pool: for streams and uploads. */
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Stream from "effect/Stream"
import type { Case } from "../../Conformance.ts"
import { holds, same } from "./expect.ts"
import { open, type Step, type Subject } from "./subject.ts"

/** The claim holds for the client of a pool and for the one that carries the transport. */
const ofBoth = (
  claim: string,
  run: (client: HttpClient.HttpClient, subject: Subject) => Step<void>
): Case<Subject> => ({
  name: `its client ${claim}`,
  run: (subject) =>
    Effect.gen(function*() {
      yield* run((yield* open(subject)).client, subject)
      yield* run(subject.client, subject)
    })
})

const reasonOf = (client: HttpClient.HttpClient, url: string) =>
  Effect.map(
    Effect.flip(Effect.flatMap(client.get(url), (response) => response.arrayBuffer)),
    ({ reason }) => reason._tag
  )

export const clients: ReadonlyArray<Case<Subject>> = [
  ofBoth("gives status, headers and body as an exchange does", (client, { origin }) =>
    Effect.gen(function*() {
      const request = HttpClientRequest.post(`${origin}/echo?a=1`, { headers: { "x-echo": "e" } })
      const response = yield* client.execute(HttpClientRequest.bodyText(request, "grüße"))
      yield* same("the status", response.status, 200)
      yield* same("the method", response.headers["x-method"], "POST")
      yield* same("the target", response.headers["x-target"], "/echo?a=1")
      yield* same("the header", response.headers["x-echo"], "e")
      yield* same("the body", yield* response.text, "grüße")
    })),
  ofBoth(
    "reads a form as the URL standard says, without taking a leading ? for the mark of a query",
    (client, { origin }) =>
      Effect.gen(function*() {
        const request = HttpClientRequest.bodyText(HttpClientRequest.post(`${origin}/echo`), "?a=1&b=%2B+c")
        const { params } = yield* Effect.flatMap(client.execute(request), (response) => response.urlParamsBody)
        yield* same("the fields", params.map((field) => field.join(": ")).join(", "), "?a: 1, b: + c")
      })
  ),
  ofBoth("uploads a stream", (client, { origin }) =>
    Effect.gen(function*() {
      const body = Stream.encodeText(Stream.make("one ", "two ", "three"))
      const response = yield* client.execute(
        HttpClientRequest.bodyStream(HttpClientRequest.post(`${origin}/echo`), body)
      )
      yield* same("the body", yield* response.text, "one two three")
    })),
  ofBoth("gives a body as a stream", (client, { origin }) =>
    Effect.gen(function*() {
      const response = yield* client.get(`${origin}/pieces/50`)
      const size = yield* Stream.runFold(response.stream, () => 0, (size, chunk) => size + chunk.length)
      yield* same("its size", size, 50_000)
    })),
  ofBoth(
    "answers at the headers, and a stream that is left ends the exchange",
    (client, { origin }) =>
      Effect.gen(function*() {
        const response = yield* client.get(`${origin}/hang-in-body`)
        yield* same("the status", response.status, 200)
        const first = yield* Stream.runCollect(Stream.take(response.stream, 1))
        yield* same("pieces", Array.from(first).length, 1)
      })
  ),
  ofBoth("fails typed where the connection does", (client, { origin, refused }) =>
    Effect.gen(function*() {
      yield* same("reset", yield* reasonOf(client, `${origin}/reset`), "TransportError")
      yield* same("refused", yield* reasonOf(client, `${refused}/echo`), "TransportError")
      yield* same("truncated", yield* reasonOf(client, `${origin}/truncated`), "DecodeError")
      yield* same("reset in the body", yield* reasonOf(client, `${origin}/reset-in-body`), "DecodeError")
    })),
  ofBoth("can be interrupted while it waits", (client, { origin }) =>
    Effect.gen(function*() {
      const waiting = yield* Effect.forkChild(client.get(`${origin}/hang`), { startImmediately: true })
      yield* client.get(`${origin}/status/204`)
      waiting.interruptUnsafe()
      const response = yield* client.get(`${origin}/status/204`)
      yield* holds("it goes on working", response.status === 204)
    }))
]
