/** An exchange as an effect. */
import type * as Transport from "@switchboard/core/Transport"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"

/** Interrupting it cancels the exchange. `began` is told of the exchange as soon as there is one. */
export const exchanged = (
  channel: Pick<Transport.Channel, "send">,
  request: Transport.Request,
  began: (exchange: Transport.Exchange) => void = () => {}
): Effect.Effect<Transport.Response, Transport.Failure> =>
  Effect.contextWith((context: Context.Context<never>) =>
    Effect.callback((resume) => {
      const exchange = channel.send(request, {
        onResponse: (response) => resume(Effect.succeed(response)),
        onFailure: (reason) => resume(Effect.fail(reason))
      }, context)
      began(exchange)
      return Effect.sync(() => exchange.cancel())
    })
  )
