// Ours with its circuit in Redis.
import * as NodeSwitchboard from "@switchboard/node/NodeSwitchboard"
import * as Layer from "effect/Layer"
import { randomUUID } from "node:crypto"
import type { Open } from "../contender.ts"
import { contenderOf, Payments, settings } from "../payments.ts"

export const open: Open = (origin, connections) =>
  contenderOf(
    Payments,
    Payments.layer(settings(origin, connections)).pipe(
      Layer.provide(NodeSwitchboard.layerRedis({ url: process.env["REDIS_URL"]!, prefix: `${randomUUID()}:` }))
    )
  )
