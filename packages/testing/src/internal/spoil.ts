/** A true answer, spoilt on its way back. */
import type * as Transport from "@switchboard/core/Transport"
import * as Effect from "effect/Effect"
import * as HttpClientError from "effect/http/HttpClientError"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Stream from "effect/Stream"
import * as Answer from "../Answer.ts"
import type { Spoil } from "../Fault.ts"
import { endingOf, isBodiless } from "./body.ts"
import { failureOf } from "./deliver.ts"
import { Response } from "./response.ts"

/** One that arrived whole. */
export const whole = ({ body, headers, status }: Transport.Response, spoil: Spoil): Answer.Answer => {
  if (spoil === "lost") return Answer.reset
  const answer: Answer.Respond = { _tag: "Respond", status, headers, body, end: "complete" }
  return spoil === "garbage"
    ? { ...answer, headers: unsized(headers), body: Answer.garbage.body }
    : Answer.cut(answer, spoil)
}

/** One whose body is still to be read: half of its first piece arrives. A body of no bytes ends as the fault says. */
export const streaming = (
  response: HttpClientResponse.HttpClientResponse,
  spoil: Spoil
): Effect.Effect<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError> => {
  const { headers, request, status, url } = response
  // Reading ends the true answer, so that its connection is not held.
  const first = Stream.take(response.stream, 1)
  if (spoil === "lost") {
    const reason = new HttpClientError.TransportError({ request, cause: failureOf(Answer.reset) })
    const error = new HttpClientError.HttpClientError({ reason })
    return Effect.andThen(Effect.ignore(Stream.runDrain(first)), Effect.fail(error))
  }
  if (isBodiless(request.method, status)) return Effect.succeed(response)
  if (spoil === "garbage") {
    const body = Stream.concat(Stream.drain(first), Stream.succeed(Answer.garbage.body))
    return Effect.sync(() => new Response(request, url, { status, headers: unsized(headers) }, body))
  }
  const body = Stream.concat(Stream.map(first, (chunk) => chunk.subarray(0, chunk.length >> 1)), endingOf(spoil))
  return Effect.sync(() => new Response(request, url, { status, headers }, body))
}

/** Headers that still hold when the body is another. */
const unsized = (headers: Transport.Headers): Transport.Headers => {
  const { "content-encoding": _encoding, "content-length": _length, ...others } = headers
  return others
}
