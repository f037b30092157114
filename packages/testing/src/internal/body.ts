/** The body of an answer as it arrives. */
import { ResponseTooLarge, Transport as TransportFailure } from "@switchboard/core/IntegrationError"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { End, Respond } from "../Answer.ts"

export type Bytes = Stream.Stream<Uint8Array, TransportFailure>

/** Whether an answer has no body, whatever it says. */
export const isBodiless = (method: string, status: number): boolean =>
  method === "HEAD" || status < 200 || status === 204 || status === 304

/** The body, then how it ends. */
export const bytesOf = (answer: Respond, method: string): Bytes => {
  if (isBodiless(method, answer.status)) return Stream.empty
  const body = answer.body instanceof Uint8Array
    ? answer.body.length === 0 ? Stream.empty : Stream.succeed(answer.body)
    : answer.body
  return answer.end === "complete" ? body : Stream.concat(body, endingOf(answer.end))
}

export const endingOf = (end: Exclude<End, "complete">): Bytes => {
  switch (end) {
    case "reset":
      return Stream.fail(new TransportFailure({ kind: "Reset", code: "ECONNRESET", wasSent: true }))
    case "truncated":
      return Stream.fail(new TransportFailure({ kind: "Truncated", wasSent: true }))
    case "hang":
      return Stream.never
  }
}

/** All of it, up to a number of bytes. */
export const collect = <E>(
  body: Stream.Stream<Uint8Array, E>,
  limit: number
): Effect.Effect<Uint8Array, E | ResponseTooLarge> =>
  Effect.suspend(() => {
    const chunks: Array<Uint8Array> = []
    let size = 0
    const add = (chunk: Uint8Array) => {
      size += chunk.length
      chunks.push(chunk)
      return size > limit ? Effect.fail(new ResponseTooLarge({ limit })) : Effect.void
    }
    return Effect.map(Stream.runForEach(body, add), () => concat(chunks, size))
  })

const concat = (chunks: ReadonlyArray<Uint8Array>, size: number): Uint8Array => {
  if (chunks.length === 1) return chunks[0]!
  const whole = new Uint8Array(size)
  let offset = 0
  for (const chunk of chunks) {
    whole.set(chunk, offset)
    offset += chunk.length
  }
  return whole
}
