// Effect's HttpApiClient, made from the same contract, over undici. No retries: of a 503 it would only know that it is not
// in the contract.
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as Effect from "effect/Effect"
import * as HttpApiClient from "effect/http-api/HttpApiClient"
import { order } from "../bodies.ts"
import type { Open } from "../contender.ts"
import { build } from "../effects.ts"
import { count, PaymentsApi, upload } from "../payments.ts"

export const open: Open = async (baseUrl, connections) => {
  const { calls, close, context } = await build(NodeHttpClient.layerUndiciOptions({ connections }))
  const { charges, files } = await Effect.runPromiseWith(context)(HttpApiClient.make(PaymentsApi, { baseUrl }))
  return {
    get: calls(() => charges.get({ params: { id: "ch_1" } })),
    post: calls(() => charges.create({ payload: order })),
    getPage: calls(() => charges.list()),
    download: calls(() => Effect.flatMap(files.download(), count)),
    upload: calls(() => files.upload({ payload: upload })),
    close
  }
}
