// Ours with telemetry that is exported to the server, as docs/observe.md does it. What is not yet exported when a round ends
// is exported then, so that a round pays for all that it caused. Where nobody listens, there is nothing to export to.
import * as NodeSwitchboard from "@switchboard/node/NodeSwitchboard"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import type * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import type * as OtlpExporter from "effect/observability/OtlpExporter"
import * as OtlpSerialization from "effect/observability/OtlpSerialization"
import type { Open } from "./contender.ts"
import { contenderOf, Payments, settings } from "./payments.ts"

type Exporter = Layer.Layer<OtlpExporter.Flusher, never, HttpClient.HttpClient | OtlpSerialization.OtlpSerialization>

export const openWith = (exporter: (origin: string) => Exporter): Open => async (origin, connections) => {
  const { getRefused: _, ...contender } = await contenderOf(
    Payments,
    Payments.layer(settings(origin, connections)).pipe(
      Layer.provide(NodeSwitchboard.layer),
      Layer.provideMerge(exporter(origin).pipe(Layer.provide([OtlpSerialization.layerJson, FetchHttpClient.layer])))
    )
  )
  return contender
}

export const resource = { serviceName: "bench" }
