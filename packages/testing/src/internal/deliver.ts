/** An answer made to happen: as one buffered exchange, or as a response whose body is still to be read. */
import { ResponseTooLarge, Transport as TransportFailure } from "@switchboard/core/IntegrationError"
import * as Transport from "@switchboard/core/Transport"
import * as Effect from "effect/Effect"
import * as HttpClientError from "effect/http/HttpClientError"
import type * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as Stream from "effect/Stream"
import type { Answer, Break } from "../Answer.ts"
import { bytesOf, collect, isBodiless } from "./body.ts"
import { Response } from "./response.ts"

/** The whole answer, within the limit of the request. */
export const buffered = (
  answer: Answer,
  request: Pick<Transport.Request, "method" | "maxResponseBytes">
): Effect.Effect<Transport.Response, Transport.Failure> => {
  switch (answer._tag) {
    case "Delayed":
      return Effect.delay(Effect.suspend(() => buffered(answer.answer, request)), answer.duration)
    case "Silence":
      return Effect.never
    case "Break":
      return Effect.fail(failureOf(answer))
    case "Respond": {
      const { headers, status } = answer
      const declared = Number(Transport.header(headers, "content-length") ?? 0)
      const limit = request.maxResponseBytes
      const body = !isBodiless(request.method, status) && declared > limit
        ? Effect.fail(new ResponseTooLarge({ limit }))
        : collect(bytesOf(answer, request.method), limit)
      return Effect.map(body, (body) => ({ status, headers, body }))
    }
  }
}

/** The answer at its headers. `track` is put around the body. */
export const streamed = (
  answer: Answer,
  request: HttpClientRequest.HttpClientRequest,
  url: string,
  track: <E>(body: Stream.Stream<Uint8Array, E>) => Stream.Stream<Uint8Array, E>
): Effect.Effect<Response, HttpClientError.HttpClientError> => {
  switch (answer._tag) {
    case "Delayed":
      return Effect.delay(Effect.suspend(() => streamed(answer.answer, request, url, track)), answer.duration)
    case "Silence":
      return Effect.never
    case "Break": {
      const reason = new HttpClientError.TransportError({ request, cause: failureOf(answer) })
      return Effect.fail(new HttpClientError.HttpClientError({ reason }))
    }
    case "Respond":
      return Effect.sync(() => new Response(request, url, answer, track(bytesOf(answer, request.method))))
  }
}

/** What the transport reports of a break. */
export const failureOf = ({ code, kind, wasSent }: Break): TransportFailure =>
  new TransportFailure({ kind, wasSent, ...(code === undefined ? {} : { code }) })
