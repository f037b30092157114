// Ours with tracer, metrics and logger, all exported by OTLP.
import * as Otlp from "effect/observability/Otlp"
import { openWith, resource } from "../observed.ts"

export const open = openWith((baseUrl) => Otlp.layer({ baseUrl, resource }))
