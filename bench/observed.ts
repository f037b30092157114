// Ours with telemetry that is exported to the server by OTLP, as docs/observe.md does it.
import * as NodeSwitchboard from "@switchboard/node/NodeSwitchboard"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import type * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as OtlpExporter from "effect/observability/OtlpExporter"
import * as OtlpMetrics from "effect/observability/OtlpMetrics"
import * as OtlpSerialization from "effect/observability/OtlpSerialization"
import * as OtlpTracer from "effect/observability/OtlpTracer"
import type { Open } from "./contender.ts"
import { contenderOf, Payments, settings } from "./payments.ts"

type Exporter<A> = Layer.Layer<A, never, HttpClient.HttpClient | OtlpSerialization.OtlpSerialization>

const resource = { serviceName: "bench" }

/** Every call is two spans. Those that are left when a round ends are exported then: a round pays for all it caused. */
export const tracer = (origin: string): Exporter<OtlpExporter.Flusher> =>
  OtlpTracer.layer({ url: `${origin}/v1/traces`, resource }).pipe(Layer.provideMerge(OtlpExporter.layerFlusher))

/** Exported every ten seconds, however many calls there were, and so not at the end of a round, which is much shorter. */
export const metrics = (origin: string): Exporter<never> =>
  OtlpMetrics.layer({ url: `${origin}/v1/metrics`, resource }).pipe(
    Layer.provide(Layer.fresh(OtlpExporter.layerFlusher))
  )

/** Where nobody listens there is nothing to export to, and nothing to measure. */
export const openWith = <A>(exporter: (origin: string) => Exporter<A>): Open => async (origin, connections) => {
  const { getRefused: _, ...contender } = await contenderOf(
    Payments,
    Payments.layer(settings(origin, connections)).pipe(
      Layer.provide(NodeSwitchboard.layer),
      Layer.provideMerge(exporter(origin).pipe(Layer.provide([OtlpSerialization.layerJson, FetchHttpClient.layer])))
    )
  )
  return contender
}
