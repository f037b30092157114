/** Sends through a channel and tells what the receiver was told. */
import type * as Transport from "@switchboard/core/Transport"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as UndiciTransport from "../../src/UndiciTransport.ts"

export type Failure = Transport.Failure
export interface Sent {
  readonly exchange: Transport.Exchange
  /** What the receiver was told, in order. */
  readonly told: Array<Transport.Response | Failure>
  readonly outcome: Promise<Transport.Response | Failure>
}

export const open = (options: Partial<Transport.PoolOptions> = {}, transport: UndiciTransport.Options = {}) =>
  UndiciTransport.make(transport).open({
    maxConnections: 10,
    keepAliveTimeout: 10_000,
    connectTimeout: 5_000,
    ...options
  })

export const request = (origin: string, options: Partial<Transport.Request> = {}): Transport.Request => ({
  method: "GET",
  origin,
  path: "/",
  headers: [],
  body: undefined,
  maxResponseBytes: 1_000_000,
  ...options
})

export const start = (channel: Transport.Channel, sent: Transport.Request): Sent => {
  const told: Sent["told"] = []
  const { promise, resolve } = Promise.withResolvers<Transport.Response | Failure>()
  const tell = (what: Transport.Response | Failure) => {
    told.push(what)
    resolve(what)
  }
  const exchange = channel.send(sent, { onResponse: tell, onFailure: tell }, Context.empty())
  return { exchange, told, outcome: promise }
}

/** The outcome, whichever it is. */
export const send = (channel: Transport.Channel, sent: Transport.Request) =>
  Effect.promise(() => start(channel, sent).outcome)

export const sendOk = (channel: Transport.Channel, sent: Transport.Request) =>
  Effect.flatMap(send(channel, sent), (outcome) => ("_tag" in outcome ? Effect.die(outcome) : Effect.succeed(outcome)))

export const text = (response: Transport.Response): string => new TextDecoder().decode(response.body)
