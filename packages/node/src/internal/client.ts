/**
 * An `HttpClient` over a pool, for streams, uploads and upgrades: it answers at the head.
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Headers from "effect/http/Headers"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientError from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Option from "effect/Option"
import { Readable } from "node:stream"
import type { Dispatcher } from "undici"
import { acceptEncoding } from "./coding.ts"
import { Download } from "./download.ts"
import type { Pool } from "./pool.ts"
import { Response } from "./response.ts"
import { type Sendable, toUndici, UploadFailed } from "./upload.ts"

/**
 * Trace headers are sent only where `HttpClient.TracerPropagationEnabled` is set to true; Effect's own default would
 * send them to every third party. Redirects are not followed.
 */
export const make = (pool: Pool, unreadMillis: number): HttpClient.HttpClient =>
  HttpClient.make((request, url, signal) => send(pool, unreadMillis, request, url, signal)).pipe(
    HttpClient.transformResponse(withoutPropagation)
  )

/** No spans and trace headers, and no abort signal for each request: what ends it is an interruption, or the end of its stream. */
export const quiet = (pool: Pool, unreadMillis: number): HttpClient.HttpClient =>
  HttpClient.makeWith<HttpClientError.HttpClientError, never, HttpClientError.HttpClientError, never>(
    Effect.flatMap((request) => {
      const url = HttpClientRequest.toUrl(request)
      return Option.isSome(url)
        ? send(pool, unreadMillis, request, url.value)
        : fail(new HttpClientError.InvalidUrlError({ request }))
    }),
    Effect.succeed
  )

const send = (
  pool: Pool,
  unreadMillis: number,
  request: HttpClientRequest.HttpClientRequest,
  url: URL,
  signal?: AbortSignal
) =>
  Effect.flatMap(toUndici(request.body), (body) => {
    if (body === undefined) return fail(new HttpClientError.EncodeError({ request, description: unsendable }))
    return Effect.callback<Response, HttpClientError.HttpClientError>((resume) => {
      const download = new Download(optionsOf(request, url, body), unreadMillis, {
        onHead: (head) => resume(Effect.succeed(new Response(request, url.href.split("#")[0]!, head, download))),
        onFailure: (failure, error) => {
          stop()
          const reason = error instanceof UploadFailed
            ? new HttpClientError.EncodeError({ request, cause: error.cause })
            : new HttpClientError.TransportError({ request, cause: failure })
          resume(fail(reason))
        }
      })
      const stop = () => void (body instanceof Readable && body.destroy())
      const cancel = () => {
        download.cancel()
        stop()
      }
      signal?.addEventListener("abort", cancel, { once: true })
      pool.run(url.origin, download)
      return Effect.sync(cancel)
    })
  })

const optionsOf = (
  request: HttpClientRequest.HttpClientRequest,
  url: URL,
  body: Sendable
): Dispatcher.DispatchOptions => {
  const upgrade = request.headers["upgrade"]
  // undici writes these itself; the content type of a form names the boundary, which undici chooses
  const own = upgrade === undefined ? [] : ["connection", "upgrade"]
  if (request.body._tag === "FormData") own.push("content-type")
  const headers: Record<string, string> = {
    "accept-encoding": acceptEncoding,
    ...Headers.removeMany(request.headers, own)
  }
  return {
    path: url.pathname + url.search,
    method: request.method,
    headers,
    body,
    ...(upgrade === undefined ? {} : { upgrade })
  }
}

const withoutPropagation = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.contextWith((context: Context.Context<never>) =>
    context.mapUnsafe.has(HttpClient.TracerPropagationEnabled.key)
      ? effect
      : Effect.provideService(effect, HttpClient.TracerPropagationEnabled, false)
  )

const fail = (reason: HttpClientError.HttpClientErrorReason) =>
  Effect.fail(new HttpClientError.HttpClientError({ reason }))

const unsendable = "a raw body must be a string, bytes, a Blob, form data or something that can be iterated"
