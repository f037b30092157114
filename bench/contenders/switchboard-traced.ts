// Ours with a tracer: two spans per call, exported by OTLP.
import * as Layer from "effect/Layer"
import * as OtlpExporter from "effect/observability/OtlpExporter"
import * as OtlpTracer from "effect/observability/OtlpTracer"
import { openWith, resource } from "../observed.ts"

export const open = openWith((origin) =>
  OtlpTracer.layer({ url: `${origin}/v1/traces`, resource }).pipe(Layer.provideMerge(OtlpExporter.layerFlusher))
)
