// Ours with its metrics exported by OTLP.
import * as Layer from "effect/Layer"
import * as OtlpExporter from "effect/observability/OtlpExporter"
import * as OtlpMetrics from "effect/observability/OtlpMetrics"
import { openWith, resource } from "../observed.ts"

export const open = openWith((origin) =>
  OtlpMetrics.layer({ url: `${origin}/v1/metrics`, resource }).pipe(Layer.provideMerge(OtlpExporter.layerFlusher))
)
