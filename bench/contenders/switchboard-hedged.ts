// Ours with hedging in place of retries; answers come before a hedge begins, so that no request is made twice.
import * as NodeSwitchboard from "@switchboard/node/NodeSwitchboard"
import * as Layer from "effect/Layer"
import type { Open } from "../contender.ts"
import { contenderOf, Payments, settings } from "../payments.ts"

export const open: Open = async (origin, connections) => {
  const { retry: _, ...rest } = settings(origin, connections)
  const { close, get, getPage } = await contenderOf(
    Payments,
    Payments.layer({ ...rest, hedge: { delay: "2 seconds" } }).pipe(Layer.provide(NodeSwitchboard.layer))
  )
  return { get: get!, getPage: getPage!, close }
}
