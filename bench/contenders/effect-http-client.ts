// Effect's HttpClient on undici, with nothing around it: what is decoded is JSON, without a schema.
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import { order } from "../bodies.ts"
import type { Open } from "../contender.ts"
import { build } from "../effects.ts"
import { count, upload } from "../payments.ts"

export const open: Open = async (origin, connections) => {
  const { calls, close, context } = await build(NodeHttpClient.layerUndiciOptions({ connections }))
  const client = Context.get(context, HttpClient.HttpClient)
  const json = (request: HttpClientRequest.HttpClientRequest) =>
    calls(() => Effect.flatMap(client.execute(request), (response) => response.json))
  return {
    get: json(HttpClientRequest.get(`${origin}/v1/charges/ch_1`)),
    getPage: json(HttpClientRequest.get(`${origin}/v1/charges`)),
    getFlaky: json(HttpClientRequest.get(`${origin}/v1/flaky/ch_1`)),
    post: calls(() =>
      HttpClientRequest.post(`${origin}/v1/charges`).pipe(
        HttpClientRequest.bodyJsonUnsafe(order),
        client.execute,
        Effect.flatMap((response) => response.json)
      )
    ),
    download: calls(() =>
      Effect.flatMap(client.execute(HttpClientRequest.get(`${origin}/v1/export`)), ({ stream }) => count(stream))
    ),
    upload: json(HttpClientRequest.post(`${origin}/v1/import`).pipe(HttpClientRequest.bodyStream(upload))),
    close
  }
}
