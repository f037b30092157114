// Effect's HttpClient on undici, composed as its documentation recommends: an attempt's timeout next to the client, then
// the limiter, retries of what is transient, the breaker outermost, and a schema for the body. 2xx alone is an answer.
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { flow } from "effect/Function"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Layer from "effect/Layer"
import * as CircuitBreaker from "effect/persistence/CircuitBreaker"
import * as RateLimiter from "effect/persistence/RateLimiter"
import * as Schedule from "effect/Schedule"
import { order } from "../bodies.ts"
import type { Open } from "../contender.ts"
import { build } from "../effects.ts"
import { Charge, Page } from "../payments.ts"

const makeClient = (origin: string) =>
  Effect.gen(function*() {
    const breaker = yield* CircuitBreaker.make({
      tripPolicy: CircuitBreaker.consecutive(5),
      openDuration: "30 seconds"
    })
    const limiter = yield* RateLimiter.RateLimiter
    return (yield* HttpClient.HttpClient).pipe(
      HttpClient.mapRequest(flow(HttpClientRequest.prependUrl(origin), HttpClientRequest.acceptJson)),
      HttpClient.filterStatusOk,
      HttpClient.transformResponse(Effect.timeout("10 seconds")),
      HttpClient.withRateLimiter({ limiter, key: "bench", limit: 10_000_000, window: "1 second", times: 3 }),
      HttpClient.retryTransient({ times: 3, schedule: Schedule.spaced("1 millis") }),
      HttpClient.withCircuitBreaker({ breaker })
    )
  })
class Client extends Context.Service<Client, Effect.Success<ReturnType<typeof makeClient>>>()("bench/Client") {}

export const open: Open = async (origin, connections) => {
  const { calls, close, context, refused } = await build(
    Layer.effect(Client)(makeClient(origin)).pipe(
      Layer.provide([
        NodeHttpClient.layerUndiciOptions({ connections }),
        CircuitBreaker.layerStoreMemory(),
        RateLimiter.layer.pipe(Layer.provide(RateLimiter.layerStoreMemory))
      ])
    )
  )
  const client = Context.get(context, Client)
  const toCharge = HttpClientResponse.schemaBodyJson(Charge)
  const toPage = HttpClientResponse.schemaBodyJson(Page)
  const getCharge = () => client.get("/v1/charges/ch_1").pipe(Effect.flatMap(toCharge), Effect.timeout("30 seconds"))
  return {
    get: calls(getCharge),
    getFlaky: calls(() => client.get("/v1/flaky/ch_1").pipe(Effect.flatMap(toCharge), Effect.timeout("30 seconds"))),
    getPage: calls(() => client.get("/v1/charges").pipe(Effect.flatMap(toPage), Effect.timeout("30 seconds"))),
    post: calls(() =>
      HttpClientRequest.post("/v1/charges").pipe(
        HttpClientRequest.bodyJsonUnsafe(order),
        client.execute,
        Effect.flatMap(toCharge),
        Effect.timeout("30 seconds")
      )
    ),
    getRefused: refused(
      getCharge,
      (error) => error instanceof CircuitBreaker.CircuitBreakerError && error.reason._tag === "CircuitOpen"
    ),
    close
  }
}
