/** A channel over whatever `HttpClient` there is, such as Effect's fetch client. Its connections are its own affair. */
import type * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpBody from "effect/http/HttpBody"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientError from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpMethod from "effect/http/HttpMethod"
import { type Reason, ResponseTooLarge, Transport as TransportFailure } from "../../IntegrationError.ts"
import type * as Transport from "../../Transport.ts"
import * as Collect from "../contract/collect.ts"
import { fromClientError } from "../contract/foreign.ts"
import { failOf } from "../failure.ts"

/** Trace headers and spans are the pipeline's to make, so the client makes none. */
export const quiet = HttpClient.transformResponse(<A, E, R>(response: Effect.Effect<A, E, R>) =>
  response.pipe(
    notRedirected,
    Effect.provideService(HttpClient.TracerPropagationEnabled, false),
    Effect.provideService(HttpClient.TracerDisabledWhen, () => true)
  )
)

/** A redirect would take credentials and body to wherever the remote says; fetch follows unless it is told not to. */
const notRedirected = <A, E, R>(response: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.contextWith((context: Context.Context<never>) => {
    const init = Context.getOrUndefined(context, FetchHttpClient.RequestInit)
    return Effect.provideService(response, FetchHttpClient.RequestInit, { redirect: "manual", ...init })
  })

export const make = (anyClient: HttpClient.HttpClient): Transport.Channel => {
  const client = quiet(anyClient)
  return { client, quiet: client, send: (request, receiver, context) => new Sent(client, request, receiver, context) }
}

class Sent implements Transport.Exchange {
  // What another client has sent by now is not known.
  readonly wasSent = true
  readonly cancel: () => void

  constructor(
    client: HttpClient.HttpClient,
    request: Transport.Request,
    receiver: Transport.Receiver,
    context: Context.Context<never>
  ) {
    let cancelled = false
    const fiber = Effect.runForkWith(context)(exchange(client, request))
    this.cancel = () => {
      cancelled = true
      fiber.interruptUnsafe()
    }
    // A client may answer at once, but the receiver hears of nothing before it knows of the exchange.
    queueMicrotask(() =>
      fiber.addObserver((exit) => {
        if (cancelled) return
        if (Exit.isSuccess(exit)) receiver.onResponse(exit.value)
        else receiver.onFailure(failureOf(exit.cause))
      })
    )
  }
}

const exchange = (
  client: HttpClient.HttpClient,
  request: Transport.Request
): Effect.Effect<Transport.Response, HttpClientError.HttpClientError | ResponseTooLarge> =>
  Effect.flatMap(
    client.execute(toClientRequest(request)),
    (response) =>
      Effect.flatMap(Collect.collect(response, request.maxResponseBytes), ({ bytes, isCut }) =>
        isCut
          ? Effect.fail(new ResponseTooLarge({ limit: request.maxResponseBytes }))
          : Effect.succeed({ status: response.status, headers: response.headers, body: bytes }))
  )

const toClientRequest = (
  { body, headers, method, origin, path }: Transport.Request
): HttpClientRequest.HttpClientRequest => {
  const record: Record<string, string> = {}
  for (let i = 0; i < headers.length; i += 2) record[headers[i]!] = headers[i + 1]!
  if (!HttpMethod.isHttpMethod(method)) throw new RangeError(`Transport: unknown method ${method}`)
  const request = HttpClientRequest.make(method)(origin + path, { headers: record })
  const contentType = record["content-type"]
  return body === undefined
    ? request
    : HttpClientRequest.setBody(
      request,
      typeof body === "string" ? HttpBody.text(body, contentType) : HttpBody.uint8Array(body, contentType)
    )
}

const failureOf = (
  cause: Cause.Cause<HttpClientError.HttpClientError | ResponseTooLarge>
): Transport.Failure => {
  const fail = failOf(cause)
  if (fail === undefined) return new TransportFailure({ kind: "Other", wasSent: true })
  const { error } = fail
  const reason: Reason = HttpClientError.isHttpClientError(error) ? fromClientError(error) : error
  return reason._tag === "Transport" || reason._tag === "ResponseTooLarge" || reason._tag === "InvalidRequest"
    ? reason
    : new TransportFailure({ kind: "Other", wasSent: reason.wasSent })
}
