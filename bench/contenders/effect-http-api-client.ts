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
  const { call, close, context } = await build(NodeHttpClient.layerUndiciOptions({ connections }))
  const { charges, files } = await Effect.runPromiseWith(context)(HttpApiClient.make(PaymentsApi, { baseUrl }))
  return {
    get: call(() => charges.get({ params: { id: "ch_1" } })),
    post: call(() => charges.create({ payload: order })),
    getPage: call(() => charges.list()),
    download: call(() => Effect.flatMap(files.download(), count)),
    upload: call(() => files.upload({ payload: upload })),
    close
  }
}
