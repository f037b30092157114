import * as Transport from "@switchboard/core/Transport"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"

/** A pool of the client in the environment. */
export const open = Effect.flatMap(
  HttpClient.HttpClient,
  (client) => Transport.of(client)!.open({ maxConnections: 8, keepAliveTimeout: 30_000, connectTimeout: 5_000 })
)

/** Accepts at most 1,000 bytes in answer. */
export const get = (path: string): Transport.Request => ({
  method: "GET",
  origin: "https://payments.example",
  path,
  headers: [],
  body: undefined,
  maxResponseBytes: 1_000
})

/** The answer, its body as text. */
export const send = (channel: Transport.Channel, request: Transport.Request) =>
  Effect.contextWith((context: Context.Context<never>) =>
    Effect.callback<Answered, Transport.Failure>((resume) => {
      const exchange = channel.send(request, {
        onResponse: ({ body, headers, status }) =>
          resume(Effect.succeed({ status, headers, body: new TextDecoder().decode(body) })),
        onFailure: (reason) => resume(Effect.fail(reason))
      }, context)
      return Effect.sync(() => exchange.cancel())
    })
  )

interface Answered extends Omit<Transport.Response, "body"> {
  readonly body: string
}
