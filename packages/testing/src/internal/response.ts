/** An `HttpClientResponse` over a stream of bytes, so that its body runs on the clock of whoever reads it. */
import type * as Transport from "@switchboard/core/Transport"
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
import { collect } from "./body.ts"

/** Status and headers. */
export interface Head {
  readonly status: number
  readonly headers: Transport.Headers
}

/** What `text` and the like read at most where `HttpIncomingMessage.MaxBodySize` sets no limit, in bytes. */
const maxBodyBytes = 10 * 1024 * 1024

export class Response extends Inspectable.Class implements HttpClientResponse.HttpClientResponse {
  readonly [HttpClientResponse.TypeId]: typeof HttpClientResponse.TypeId = HttpClientResponse.TypeId
  readonly [HttpIncomingMessage.TypeId]: typeof HttpIncomingMessage.TypeId = HttpIncomingMessage.TypeId
  readonly request: HttpClientRequest.HttpClientRequest
  readonly url: string
  readonly status: number
  readonly headers: Headers.Headers
  readonly cookies: Cookies.Cookies
  readonly remoteAddress = Option.none<string>()
  readonly stream: Stream.Stream<Uint8Array, HttpClientError.HttpClientError>
  private collected: Effect.Effect<Uint8Array, HttpClientError.HttpClientError> | undefined

  constructor(
    request: HttpClientRequest.HttpClientRequest,
    url: string,
    head: Head,
    body: Stream.Stream<Uint8Array, unknown>
  ) {
    super()
    this.request = request
    this.url = url
    this.status = head.status
    this.headers = Headers.fromInput(head.headers)
    this.cookies = Cookies.fromSetCookie(head.headers["set-cookie"] ?? [])
    this.stream = Stream.mapError(body, (cause) => this.decodeError(cause))
  }

  /** Read once, by whoever asks first. */
  private get bytes(): Effect.Effect<Uint8Array, HttpClientError.HttpClientError> {
    if (this.collected !== undefined) return this.collected
    const whole = Effect.flatMap(
      HttpIncomingMessage.MaxBodySize,
      (limit) => collect(this.stream, Number(limit ?? maxBodyBytes))
    )
    return this.collected = Effect.runSync(Effect.cached(Effect.mapError(whole, (cause) => this.decodeError(cause))))
  }

  get arrayBuffer(): Effect.Effect<ArrayBuffer, HttpClientError.HttpClientError> {
    return Effect.map(this.bytes, (bytes) => new Uint8Array(bytes).buffer)
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
    return Effect.flatMap(this.arrayBuffer, (bytes) =>
      Effect.tryPromise({
        try: () => new globalThis.Response(bytes, { headers }).formData(),
        catch: (cause) => this.decodeError(cause)
      }))
  }

  get upgrade(): Effect.Effect<Socket.Socket, HttpClientError.HttpClientError> {
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

  private attempt<A>(evaluate: () => A): Effect.Effect<A, HttpClientError.HttpClientError> {
    return Effect.try({ try: evaluate, catch: (cause) => this.decodeError(cause) })
  }

  private decodeError(cause: unknown): HttpClientError.HttpClientError {
    if (HttpClientError.isHttpClientError(cause)) return cause
    const reason = new HttpClientError.DecodeError({ request: this.request, response: this, cause })
    return new HttpClientError.HttpClientError({ reason })
  }
}

const decodeForm = (bytes: Uint8Array): string => new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes)
