/** Positions 12 and 14 for the operations that go through an `HttpClient`: our headers and credentials, by the current call. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Headers from "effect/http/Headers"
import type * as HttpBody from "effect/http/HttpBody"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientError from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpTraceContext from "effect/http/HttpTraceContext"
import * as UrlParams from "effect/http/UrlParams"
import * as Option from "effect/Option"
import type * as Tracer from "effect/Tracer"
import { CurrentCall } from "../../Call.ts"
import { InvalidRequest, type Reason } from "../../IntegrationError.ts"
import type * as Transport from "../../Transport.ts"
import { isLargerBody } from "../contract/bodySize.ts"
import * as BaseUrl from "../integration/baseUrl.ts"
import { retryAfterMillis } from "../retryAfter.ts"
import { quiet } from "./anyClient.ts"
import * as Credentials from "./credentials.ts"
import { ask, shownUrl, timeLeft, type Wire } from "./exchange.ts"

/** What is particular to an attempt, and what came of it: whether its request was handed over, the status of the answer. */
export interface Answer {
  sent: boolean
  status: number | undefined
  /** What the answer asks for, in milliseconds. */
  retryAfter: number | undefined
  /** When the attempt must have ended, in milliseconds of the monotonic clock. */
  readonly at: number
  readonly span: Tracer.Span | undefined
  /** The header that carries the call's idempotency key. */
  readonly keyHeader: string | undefined
  /** Bytes. */
  readonly maxRequestBytes: number
}
export const CurrentAnswer: Context.Reference<Answer | undefined> = Context.Reference<Answer | undefined>(
  "switchboard/internal/CurrentAnswer",
  { defaultValue: () => undefined }
)

/** What is added to every request. */
export type Sending = Omit<Wire, "channel" | "operation">

/** A client that sends as the pipeline does. The base URL comes first: credentials are attached to what will be sent. */
export const make = (
  channel: Pick<Transport.Channel, "client" | "quiet">,
  wire: Sending
): HttpClient.HttpClient =>
  (channel.quiet ?? quiet(channel.client)).pipe(
    HttpClient.mapRequest(HttpClientRequest.prependUrl(wire.origin + wire.prefix)),
    HttpClient.mapRequestEffect((request) =>
      Effect.flatMap(CurrentCall, (call) =>
        Effect.contextWith((context: Context.Context<never>) => {
          const answer = Context.get(context, CurrentAnswer)
          return Effect.map(prepare(wire, request, call, answer, context), (prepared) => {
            if (answer !== undefined) answer.sent = true
            return prepared
          })
        }))
    ),
    HttpClient.tap((response) =>
      Effect.contextWith((context: Context.Context<never>) => {
        wire.onHeaders?.(response.headers, context)
        const answer = Context.get(context, CurrentAnswer)
        if (answer !== undefined) {
          const now = Context.get(context, Clock.Clock).currentTimeMillisUnsafe()
          answer.status = response.status
          answer.retryAfter = retryAfterMillis(response.headers["retry-after"], now)
        }
        return Effect.void
      })
    )
  )

const prepare = (
  wire: Sending,
  given: HttpClientRequest.HttpClientRequest,
  call: (typeof CurrentCall)["Service"],
  answer: Answer | undefined,
  context: Context.Context<never>
): Effect.Effect<HttpClientRequest.HttpClientRequest, HttpClientError.HttpClientError> => {
  const { authorize, deadlineHeader, headers, prefix, propagateTrace } = wire
  let request = given
  const { keyHeader, maxRequestBytes = Infinity, span } = answer ?? {}
  const refuse = (cause: Reason) =>
    new HttpClientError.HttpClientError({ reason: new HttpClientError.TransportError({ request, cause }) })
  if (isLargerBody(given.body, maxRequestBytes)) return Effect.fail(refuse(tooLarge(maxRequestBytes)))
  const add = (name: string, value: string) => {
    if (!(name in request.headers)) request = HttpClientRequest.setHeader(request, name, value)
  }
  for (let i = 0; i < headers.length; i += 2) add(headers[i]!, headers[i + 1]!)
  if (call !== undefined) {
    add("x-request-id", call.requestId)
    if (keyHeader !== undefined && call.idempotencyKey !== undefined) add(keyHeader, call.idempotencyKey)
    if (call.attempt > 1) add("x-retry-attempt", String(call.attempt - 1))
  }
  if (propagateTrace && span !== undefined) add("traceparent", HttpTraceContext.toHeaders(span).traceparent!)
  if (deadlineHeader !== undefined && answer !== undefined) add(deadlineHeader, timeLeft(answer.at, context))
  const url = HttpClientRequest.toUrl(request)
  // The client itself refuses what is no URL.
  if (Option.isNone(url)) return Effect.succeed(request)
  const unsigned = toUnsigned(request, url.value, prefix)
  span?.attribute("url.full", shownUrl(wire, unsigned))
  const attach = (attachment: Credentials.Attachment) =>
    toClientRequest(request, Credentials.attach(unsigned, attachment))
  if (typeof authorize !== "function") return Effect.succeed(attach(authorize))
  return Effect.mapError(Effect.map(ask(authorize, unsigned), attach), refuse)
}

/** A body over the limit is refused before anything is sent. */
export const tooLarge = (limit: number): InvalidRequest =>
  new InvalidRequest({ issue: `Expected a body of at most ${limit} bytes` })

const toUnsigned = (
  request: HttpClientRequest.HttpClientRequest,
  url: URL,
  prefix: string
): Transport.Request => ({
  method: request.method,
  origin: url.origin,
  path: BaseUrl.withPlaceholders(url.pathname, prefix) + url.search,
  headers: Object.entries(request.headers).flat(),
  body: bodyOf(request.body),
  maxResponseBytes: 0
})

/** What is in memory already; text as text, so that fields can be set in it. */
const bodyOf = (body: HttpBody.HttpBody): string | Uint8Array | undefined =>
  body._tag !== "Uint8Array" ? undefined : isText.test(body.contentType) ? utf8.decode(body.body) : body.body

const isText = /^text\/|[/+]json\b|x-www-form-urlencoded/i
const utf8 = new TextDecoder()

const toClientRequest = (
  given: HttpClientRequest.HttpClientRequest,
  { body, headers, origin, path }: Transport.Request
): HttpClientRequest.HttpClientRequest => {
  const record: Record<string, string> = {}
  for (let i = 0; i < headers.length; i += 2) record[headers[i]!] = headers[i + 1]!
  const request = HttpClientRequest.makeWith(
    given.method,
    origin + path,
    UrlParams.empty,
    Option.none(),
    Headers.fromRecordUnsafe(record),
    given.body
  )
  return typeof body === "string" ? HttpClientRequest.bodyText(request, body, record["content-type"]) : request
}
