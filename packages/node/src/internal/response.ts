/**
 * An `HttpClientResponse` over a download. The body is read once: into memory (`text`, `json`, `arrayBuffer`,
 * `formData`, `urlParamsBody`), which later reads are answered from, or as a stream.
 */
import { ResponseTooLarge } from "@switchboard/core/IntegrationError"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Cookies from "effect/http/Cookies"
import * as Headers from "effect/http/Headers"
import * as HttpClientError from "effect/http/HttpClientError"
import type * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as HttpIncomingMessage from "effect/http/HttpIncomingMessage"
import * as UrlParams from "effect/http/UrlParams"
import * as Inspectable from "effect/Inspectable"
import * as Option from "effect/Option"
import { pipeArguments } from "effect/Pipeable"
import type * as Schema from "effect/Schema"
import type * as Socket from "effect/socket/Socket"
import * as Stream from "effect/Stream"
import type { Download, Head } from "./download.ts"
import { toSocket } from "./upgrade.ts"

/** Most bytes that `text` and the like read into memory; `HttpIncomingMessage.MaxBodySize` sets another limit. */
export const maxBodyBytes = 10 * 1024 * 1024

export class Response extends Inspectable.Class implements HttpClientResponse.HttpClientResponse {
  readonly [HttpClientResponse.TypeId]: typeof HttpClientResponse.TypeId = HttpClientResponse.TypeId
  readonly [HttpIncomingMessage.TypeId]: typeof HttpIncomingMessage.TypeId = HttpIncomingMessage.TypeId
  readonly request: HttpClientRequest.HttpClientRequest
  readonly url: string
  readonly status: number
  readonly headers: Headers.Headers
  readonly remoteAddress = Option.none<string>()
  private readonly head: Head
  private readonly download: Download
  private buffered: Effect.Effect<Uint8Array<ArrayBuffer>, HttpClientError.HttpClientError> | undefined
  private streamed = false

  constructor(request: HttpClientRequest.HttpClientRequest, url: string, head: Head, download: Download) {
    super()
    this.request = request
    this.url = url
    this.status = head.status
    this.headers = Headers.fromInput(head.headers)
    this.head = head
    this.download = download
  }

  get cookies(): Cookies.Cookies {
    const header = this.head.headers["set-cookie"]
    return header === undefined ? Cookies.empty : Cookies.fromSetCookie(header)
  }

  get stream(): Stream.Stream<Uint8Array, HttpClientError.HttpClientError> {
    return Stream.suspend(() => {
      if (this.buffered !== undefined) return Stream.fromEffect(this.buffered)
      if (this.streamed) return Stream.fail(this.decodeError("the body was already read as a stream"))
      this.streamed = true
      return Stream.fromPull(Effect.succeed(this.download.pull)).pipe(
        Stream.mapError((cause) => this.decodeError(cause)),
        Stream.ensuring(Effect.sync(() => this.download.cancel()))
      )
    })
  }

  get arrayBuffer(): Effect.Effect<ArrayBuffer, HttpClientError.HttpClientError> {
    return Effect.map(this.bytes, (bytes) => bytes.slice().buffer)
  }

  get text(): Effect.Effect<string, HttpClientError.HttpClientError> {
    return Effect.map(this.bytes, (bytes) => new TextDecoder().decode(bytes))
  }

  get json(): Effect.Effect<Schema.Json, HttpClientError.HttpClientError> {
    return Effect.flatMap(this.text, (text) => this.attempt(() => (text === "" ? null : JSON.parse(text))))
  }

  get urlParamsBody(): Effect.Effect<UrlParams.UrlParams, HttpClientError.HttpClientError> {
    return Effect.flatMap(this.bytes, (bytes) =>
      // A leading "?" is data; URLSearchParams would take it for the mark of a query.
      this.attempt(() => UrlParams.fromInput(new URLSearchParams(decodeForm(bytes).replace(/^\?/, "%3F")))))
  }

  get formData(): Effect.Effect<FormData, HttpClientError.HttpClientError> {
    const headers = { "content-type": this.headers["content-type"] ?? "" }
    return Effect.flatMap(this.bytes, (bytes) =>
      Effect.tryPromise({
        try: () => new globalThis.Response(bytes, { headers }).formData(),
        catch: (cause) => this.decodeError(cause)
      }))
  }

  get upgrade(): Effect.Effect<Socket.Socket, HttpClientError.HttpClientError> {
    if (this.head.upgraded !== undefined) return toSocket(this.request, this.head.upgraded)
    const description = "expected 101 Switching Protocols"
    const reason = new HttpClientError.StatusCodeError({ request: this.request, response: this, description })
    return Effect.fail(new HttpClientError.HttpClientError({ reason }))
  }

  toJSON(): unknown {
    return HttpIncomingMessage.inspect(this, {
      _id: "effect/http/HttpClientResponse",
      request: this.request.toJSON(),
      status: this.status
    })
  }

  pipe() {
    return pipeArguments(this, arguments)
  }

  /** The whole body. Everybody who asks gets the same; what was read first stays in memory. */
  private get bytes(): Effect.Effect<Uint8Array<ArrayBuffer>, HttpClientError.HttpClientError> {
    return Effect.suspend(() => {
      if (this.streamed) return Effect.fail(this.decodeError("the body was already read as a stream"))
      this.buffered ??= Effect.runSync(Effect.cached(this.collect))
      return this.buffered
    })
  }

  private readonly collect = Effect.withFiber<Uint8Array<ArrayBuffer>, HttpClientError.HttpClientError>((fiber) => {
    const limit = Number(fiber.getRef(HttpIncomingMessage.MaxBodySize) ?? maxBodyBytes)
    const chunks: Array<Uint8Array> = []
    let size = 0
    return Effect.forever(
      Effect.flatMap(this.download.pull, (pulled) => {
        for (const chunk of pulled) size += chunk.length
        if (size > limit) return Effect.fail(new ResponseTooLarge({ limit }))
        chunks.push(...pulled)
        return Effect.void
      })
    ).pipe(
      Effect.catch((reason) =>
        Cause.isDone(reason) ? Effect.succeed(concat(chunks, size)) : Effect.fail(this.decodeError(reason))
      ),
      Effect.onExit(() => Effect.sync(() => this.download.cancel()))
    )
  })

  private attempt<A>(evaluate: () => A): Effect.Effect<A, HttpClientError.HttpClientError> {
    return Effect.try({ try: evaluate, catch: (cause) => this.decodeError(cause) })
  }

  private decodeError(cause: unknown): HttpClientError.HttpClientError {
    const detail = typeof cause === "string" ? { description: cause } : { cause }
    const reason = new HttpClientError.DecodeError({ request: this.request, response: this, ...detail })
    return new HttpClientError.HttpClientError({ reason })
  }
}

/** In memory of its own: a `Buffer` may be a window on memory that holds other things. */
const concat = (chunks: ReadonlyArray<Uint8Array>, size: number): Uint8Array<ArrayBuffer> => {
  const bytes = new Uint8Array(size)
  let offset = 0
  for (const chunk of chunks) {
    bytes.set(chunk, offset)
    offset += chunk.length
  }
  return bytes
}

const decodeForm = (bytes: Uint8Array): string => new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes)
