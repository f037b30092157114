/** The body of a request, read into memory. */
import * as Effect from "effect/Effect"
import * as HttpClientError from "effect/http/HttpClientError"
import type * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Stream from "effect/Stream"
import { collect } from "./body.ts"

/** The bytes, and the content type where the body itself decides it. */
export interface Upload {
  readonly bytes: Uint8Array
  readonly contentType: string | null
}

export const read = (
  request: HttpClientRequest.HttpClientRequest
): Effect.Effect<Upload, HttpClientError.HttpClientError> => {
  const { body } = request
  const fail = (detail: { readonly cause: unknown } | { readonly description: string }) =>
    new HttpClientError.HttpClientError({ reason: new HttpClientError.EncodeError({ request, ...detail }) })
  switch (body._tag) {
    case "Empty":
      return Effect.succeed(upload(new Uint8Array(0)))
    case "Uint8Array":
      return Effect.succeed(upload(body.body))
    case "Stream":
      return collect(Stream.mapError(body.stream, (cause) => fail({ cause })), Infinity).pipe(
        Effect.map(upload),
        Effect.catchTag("ResponseTooLarge", Effect.die)
      )
    case "FormData":
      return fromWeb(body.formData)
    case "Raw":
      if (typeof body.body === "string") return Effect.succeed(upload(new TextEncoder().encode(body.body)))
      if (body.body instanceof Uint8Array) return Effect.succeed(upload(body.body))
      if (body.body instanceof Blob) return fromWeb(body.body)
      return Effect.fail(fail({ description: "a raw body must be a string, bytes or a Blob" }))
  }
}

const upload = (bytes: Uint8Array): Upload => ({ bytes, contentType: null })

const fromWeb = (body: FormData | Blob): Effect.Effect<Upload> =>
  Effect.promise(async () => {
    const response = new Response(body)
    return { bytes: new Uint8Array(await response.arrayBuffer()), contentType: response.headers.get("content-type") }
  })
