/** Reading the body of a response that came as a stream, up to a limit. */
import * as Effect from "effect/Effect"
import type * as HttpClientError from "effect/http/HttpClientError"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Stream from "effect/Stream"

/** The bytes read. Where they were cut off there are more than the limit, and the connection is given up. */
export interface Collected {
  readonly bytes: Uint8Array
  readonly isCut: boolean
}

/** Reads to the end, or to the first chunk that goes over `limit` bytes. */
export const collect = (
  response: HttpClientResponse.HttpClientResponse,
  limit: number
): Effect.Effect<Collected, HttpClientError.HttpClientError> =>
  Effect.suspend(() => {
    const chunks: Array<Uint8Array> = []
    let size = 0
    return response.stream.pipe(
      Stream.takeUntil((chunk) => {
        chunks.push(chunk)
        size += chunk.length
        return size > limit
      }),
      Stream.runDrain,
      Effect.catchIf((error) => error.reason._tag === "EmptyBodyError", () => Effect.void),
      Effect.map(() => ({ bytes: concat(chunks, size), isCut: size > limit }))
    )
  })

const concat = (chunks: ReadonlyArray<Uint8Array>, size: number): Uint8Array => {
  const out = new Uint8Array(size)
  let offset = 0
  for (const chunk of chunks) {
    out.set(chunk, offset)
    offset += chunk.length
  }
  return out
}
