/** Positions 12 and 14 for the operations that go through an `HttpClient`: our headers and credentials, by the current call. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Headers from "effect/http/Headers"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientError from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as UrlParams from "effect/http/UrlParams"
import * as Option from "effect/Option"
import { CurrentCall } from "../../Call.ts"
import type * as Transport from "../../Transport.ts"
import * as BaseUrl from "../integration/baseUrl.ts"
import { quiet } from "./anyClient.ts"
import * as Credentials from "./credentials.ts"
import type { Wire } from "./exchange.ts"

/** Where the status of an attempt's answer is noted, for its outcome. */
export interface Answer {
  status: number | undefined
}
export const CurrentAnswer: Context.Reference<Answer | undefined> = Context.Reference<Answer | undefined>(
  "switchboard/internal/CurrentAnswer",
  { defaultValue: () => undefined }
)

/** What is added to every request. */
export interface Sending extends Pick<Wire, "authorize" | "headers" | "prefix"> {
  readonly keyHeader: string
}

/** A client that sends as the pipeline does. */
export const make = (
  client: HttpClient.HttpClient,
  wire: Sending
): HttpClient.HttpClient =>
  quiet(client).pipe(
    HttpClient.mapRequestEffect((request) => Effect.flatMap(CurrentCall, (call) => prepare(wire, request, call))),
    HttpClient.tap((response) =>
      Effect.map(CurrentAnswer, (answer) => {
        if (answer !== undefined) answer.status = response.status
      })
    )
  )

const prepare = (
  { authorize, headers, keyHeader, prefix }: Sending,
  given: HttpClientRequest.HttpClientRequest,
  call: (typeof CurrentCall)["Service"]
) => {
  let request = given
  const add = (name: string, value: string) => {
    if (!(name in request.headers)) request = HttpClientRequest.setHeader(request, name, value)
  }
  for (let i = 0; i < headers.length; i += 2) add(headers[i]!, headers[i + 1]!)
  if (call !== undefined) {
    add("x-request-id", call.requestId)
    if (call.idempotencyKey !== undefined) add(keyHeader, call.idempotencyKey)
    if (call.attempt > 1) add("x-retry-attempt", String(call.attempt - 1))
  }
  const url = HttpClientRequest.toUrl(request)
  // The client itself refuses what is no URL.
  if (Option.isNone(url)) return Effect.succeed(request)
  const unsigned = toUnsigned(request, url.value, prefix)
  const attach = (attachment: Credentials.Attachment) =>
    toClientRequest(request, Credentials.attach(unsigned, attachment))
  if (typeof authorize !== "function") return Effect.succeed(attach(authorize))
  return Effect.suspend(() => {
    const credentials = authorize(unsigned)
    return Effect.isEffect(credentials) ? credentials : Effect.succeed(credentials)
  }).pipe(
    Effect.map((credentials) => attach(Credentials.prepare(credentials))),
    Effect.mapError((cause) =>
      new HttpClientError.HttpClientError({ reason: new HttpClientError.TransportError({ request, cause }) })
    )
  )
}

const toUnsigned = (
  request: HttpClientRequest.HttpClientRequest,
  url: URL,
  prefix: string
): Transport.Request => ({
  method: request.method,
  origin: url.origin,
  path: BaseUrl.withPlaceholders(url.pathname, prefix) + url.search,
  headers: Object.entries(request.headers).flat(),
  body: undefined,
  maxResponseBytes: 0
})

const toClientRequest = (
  { body, method }: HttpClientRequest.HttpClientRequest,
  { headers, origin, path }: Transport.Request
): HttpClientRequest.HttpClientRequest => {
  const record: Record<string, string> = {}
  for (let i = 0; i < headers.length; i += 2) record[headers[i]!] = headers[i + 1]!
  return HttpClientRequest.makeWith(
    method,
    origin + path,
    UrlParams.empty,
    Option.none(),
    Headers.fromRecordUnsafe(record),
    body
  )
}
