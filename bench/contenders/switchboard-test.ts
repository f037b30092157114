// Ours as tests have it, with handlers in the place of pipeline and network.
import * as Effect from "effect/Effect"
import { charge, page } from "../bodies.ts"
import type { Open } from "../contender.ts"
import { contenderOf, Payments } from "../payments.ts"

export const open: Open = async () => {
  const { close, get, getPage, post } = await contenderOf(
    Payments,
    Payments.layerTest({
      charges: {
        get: () => Effect.succeed(charge),
        create: () => Effect.succeed(charge),
        list: () => Effect.succeed(page)
      }
    })
  )
  return { get: get!, getPage: getPage!, post: post!, close }
}
