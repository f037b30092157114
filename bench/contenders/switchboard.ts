// Ours: typed methods with the standard pipeline (retry, breaker, bulkhead, timeouts, metrics) and schema decoding.
import * as NodeSwitchboard from "@switchboard/node/NodeSwitchboard"
import * as Layer from "effect/Layer"
import type { Open } from "../contender.ts"
import { contenderOf, Payments, settings } from "../payments.ts"

export const open: Open = (origin, connections) =>
  contenderOf(Payments, Payments.layer(settings(origin, connections)).pipe(Layer.provide(NodeSwitchboard.layer)))
