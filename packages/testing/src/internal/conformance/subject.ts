/** A transport under examination, and the steps most cases share. */
import * as Transport from "@switchboard/core/Transport"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import type * as Scope from "effect/Scope"
import { exchanged } from "../exchanged.ts"
import { holds } from "./expect.ts"

/** A client, and a server it can reach. */
export interface Subject {
  /** Carries a transport. */
  readonly client: HttpClient.HttpClient
  /** Where the protocol is served: scheme, host and port. */
  readonly origin: string
  /** An origin nobody listens on. */
  readonly refused: string
  /** Whether a request waits while all connections of its pool are in use. Default true. */
  readonly queues?: boolean | undefined
}

export type Step<A> = Effect.Effect<A, unknown, Scope.Scope>

/** A pool, of at most eight connections unless the case is about their number. */
export const open = (subject: Subject, maxConnections = 8): Step<Transport.Channel> =>
  Effect.suspend(() => {
    const transport = Transport.of(subject.client)
    return transport === undefined
      ? Effect.die(new Error("expected a client that carries a transport"))
      : transport.open({ maxConnections, keepAliveTimeout: 30_000, connectTimeout: 5_000 })
  })

/** At most 100,000 bytes in answer. */
export const get = ({ origin }: Subject, path: string): Transport.Request => ({
  method: "GET",
  origin,
  path,
  headers: [],
  body: undefined,
  maxResponseBytes: 100_000
})

/** What a receiver was told. */
export interface Told {
  readonly exchange: Transport.Exchange
  readonly calls: ReadonlyArray<string>
}

/** Sends, and keeps what the receiver is told: `response 200`, or the tag of the failure. */
export const listen = (channel: Transport.Channel, request: Transport.Request): Effect.Effect<Told> =>
  Effect.contextWith((context: Context.Context<never>) => {
    const calls: Array<string> = []
    const exchange = channel.send(request, {
      onResponse: ({ status }) => calls.push(`response ${status}`),
      onFailure: ({ _tag }) => calls.push(_tag)
    }, context)
    return Effect.as(holds("no call from inside send", calls.length === 0), { exchange, calls })
  })

/** A whole exchange with the same server: whatever was about to happen before has time to. */
export const roundTrip = (subject: Subject, channel: Transport.Channel): Effect.Effect<void, unknown> =>
  Effect.asVoid(exchanged(channel, get(subject, "/status/200")))

/** Round trips until the condition holds, at most 200. */
export const until = (
  what: string,
  subject: Subject,
  channel: Transport.Channel,
  condition: () => boolean
): Effect.Effect<void, unknown> =>
  Effect.gen(function*() {
    for (let i = 0; i < 200 && !condition(); i++) yield* roundTrip(subject, channel)
    yield* holds(what, condition())
  })
