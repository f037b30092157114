/** The simulated remote as an `HttpClient` that carries a transport: the two ways in which calls are made. */
import { Transport as TransportFailure } from "@switchboard/core/IntegrationError"
import * as Transport from "@switchboard/core/Transport"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientError from "effect/http/HttpClientError"
import type * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Stream from "effect/Stream"
import { Response } from "../response.ts"
import type { Caller, Remote, Reply } from "./remote.ts"

/** The call that is being made: requests are counted for it. */
export const CurrentCaller: Context.Reference<Caller | undefined> = Context.Reference<Caller | undefined>(
  "@switchboard/testing/outage/CurrentCaller",
  { defaultValue: () => undefined }
)

export const client = (remote: Remote): HttpClient.HttpClient => {
  // Not `HttpClient.make`, whose signals, spans and finalizers nobody would look at.
  const plain: HttpClient.HttpClient = HttpClient.makeWith(
    (request: Effect.Effect<HttpClientRequest.HttpClientRequest, HttpClientError.HttpClientError>) =>
      Effect.flatMap(request, (request) => exchange(remote, request)),
    (request) => Effect.succeed(request)
  )
  const transport: Transport.Transport = {
    open: ({ maxConnections }) => Effect.sync(() => new Pool(remote, plain, maxConnections))
  }
  return Object.assign(plain, { [Transport.TypeId]: transport })
}

const exchange = (
  remote: Remote,
  request: HttpClientRequest.HttpClientRequest
): Effect.Effect<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError> =>
  Effect.withFiber((fiber) =>
    Effect.callback((resume) => {
      const { cancel } = remote.send(fiber.getRef(CurrentCaller), (reply) => resume(responseOf(reply, request)))
      return Effect.sync(cancel)
    })
  )

const body = new TextEncoder().encode(`{"ok":true}`)

const headersOf = (retryAfter: number | undefined): Record<string, string> => ({
  "content-type": "application/json",
  ...(retryAfter === undefined ? undefined : { "retry-after": String(retryAfter) })
})

const failureOf = (reply: Exclude<Reply, { readonly _tag: "Answer" }>): TransportFailure =>
  reply._tag === "Refused"
    ? new TransportFailure({ kind: "Refused", code: "ECONNREFUSED", wasSent: false })
    : new TransportFailure({ kind: "Reset", code: "ECONNRESET", wasSent: true })

const responseOf = (
  reply: Reply,
  request: HttpClientRequest.HttpClientRequest
): Effect.Effect<Response, HttpClientError.HttpClientError> => {
  if (reply._tag === "Answer") {
    const { retryAfter, status } = reply
    return Effect.sync(() =>
      new Response(request, request.url, { status, headers: headersOf(retryAfter) }, Stream.make(body))
    )
  }
  const reason = new HttpClientError.TransportError({ request, cause: failureOf(reply) })
  return Effect.fail(new HttpClientError.HttpClientError({ reason }))
}

/** As many requests at once as there are connections; the others wait, as they do in a pool of sockets. */
class Pool implements Transport.Channel {
  readonly client: HttpClient.HttpClient
  private readonly remote: Remote
  private readonly maxConnections: number
  private readonly waiting = new Set<() => void>()
  private busy = 0

  constructor(remote: Remote, client: HttpClient.HttpClient, maxConnections: number) {
    this.remote = remote
    this.client = client
    this.maxConnections = maxConnections
  }

  send(_request: Transport.Request, receiver: Transport.Receiver, context: Context.Context<never>): Transport.Exchange {
    let sent: { readonly cancel: () => void } | undefined
    let over = false
    const go = (): void => {
      this.busy++
      sent = this.remote.send(Context.get(context, CurrentCaller), (reply) => {
        over = true
        this.release()
        if (reply._tag !== "Answer") return receiver.onFailure(failureOf(reply))
        receiver.onResponse({ status: reply.status, headers: headersOf(reply.retryAfter), body })
      })
    }
    if (this.busy < this.maxConnections) go()
    else this.waiting.add(go)
    return {
      get wasSent() {
        return sent !== undefined
      },
      cancel: () => {
        if (over) return
        over = true
        this.waiting.delete(go)
        if (sent === undefined) return
        sent.cancel()
        this.release()
      }
    }
  }

  private release(): void {
    this.busy--
    for (const next of this.waiting) {
      this.waiting.delete(next)
      return next()
    }
  }
}
