// Ours with circuit and rate limit in Redis: each call has a token from there, of a limit that is never reached.
import * as NodeSwitchboard from "@switchboard/node/NodeSwitchboard"
import * as Layer from "effect/Layer"
import { randomUUID } from "node:crypto"
import type { Open } from "../contender.ts"
import { contenderOf, Payments, rateLimit, settings } from "../payments.ts"

export const open: Open = async (origin, connections) => {
  const { close, get, getFlaky, post } = await contenderOf(
    Payments,
    Payments.layer({ ...settings(origin, connections), rateLimit }).pipe(
      Layer.provide(NodeSwitchboard.layerRedis({ url: process.env["REDIS_URL"]!, prefix: `${randomUUID()}:` }))
    )
  )
  return { get: get!, getFlaky: getFlaky!, post: post!, close }
}
