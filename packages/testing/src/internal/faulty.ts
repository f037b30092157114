/** A client and its transport with faults in front of them. */
import type * as Transport from "@switchboard/core/Transport"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Option from "effect/Option"
import { wasSent } from "../Answer.ts"
import type { Target } from "../Fault.ts"
import { buffered, streamed } from "./deliver.ts"
import { Exchange, failAll, type Live } from "./exchange.ts"
import { exchanged } from "./exchanged.ts"
import type { Decision } from "./injector.ts"
import { streaming, whole } from "./spoil.ts"

/** What is to go wrong with a request, if anything. */
export type Decide = (target: Target, clock: Clock.Clock) => Decision | undefined

export const client = (self: HttpClient.HttpClient, decide: Decide): HttpClient.HttpClient =>
  HttpClient.transform(self, (effect, request) =>
    Effect.withFiber((fiber) => {
      const url = Option.match(HttpClientRequest.toUrl(request), {
        onNone: () => request.url,
        onSome: ({ href }) => href
      })
      const decision = decide({ method: request.method, url }, fiber.getRef(Clock.Clock))
      if (decision === undefined) return effect
      const { instead, spoil } = decision
      if (instead !== undefined) return later(decision, streamed(instead, request, url, (body) => body))
      return later(
        decision,
        spoil === undefined ? effect : Effect.flatMap(effect, (answer) => streaming(answer, spoil))
      )
    }))

export const transport = (self: Transport.Transport, decide: Decide): Transport.Transport => ({
  open: (options) =>
    Effect.gen(function*() {
      const channel = yield* self.open(options)
      const live: Live = new Set()
      yield* Effect.addFinalizer(() => Effect.sync(() => failAll(live)))
      return {
        client: client(channel.client, decide),
        send: (request, receiver, context) => {
          const target = { method: request.method, url: request.origin + request.path }
          const decision = decide(target, Context.get(context, Clock.Clock))
          if (decision === undefined) return channel.send(request, receiver, context)
          const spoilt = new Spoilt(channel, request, decision)
          return new Exchange(spoilt.answer, { receiver, context }, live, () => spoilt.wasSent)
        }
      }
    })
})

class Spoilt {
  readonly answer: ReturnType<typeof exchanged>
  private exchange: Transport.Exchange | undefined
  private answered = false

  constructor(channel: Transport.Channel, request: Transport.Request, decision: Decision) {
    const { instead, spoil } = decision
    const passedOn = Effect.suspend(() => exchanged(channel, request, (exchange) => this.exchange = exchange))
    const answer = instead !== undefined
      ? Effect.suspend(() => {
        this.answered = wasSent(instead)
        return buffered(instead, request)
      })
      : spoil === undefined
      ? passedOn
      : Effect.flatMap(passedOn, (response) => buffered(whole(response, spoil), request))
    this.answer = later(decision, answer)
  }

  get wasSent(): boolean {
    return this.exchange?.wasSent ?? this.answered
  }
}

const later = <A, E, R>({ latency }: Decision, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  latency > 0 ? Effect.delay(effect, latency) : effect
