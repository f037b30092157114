// Ours with a tracer, and its metrics exported.
import * as Layer from "effect/Layer"
import { metrics, openWith, tracer } from "../observed.ts"

export const open = openWith((origin) => Layer.merge(tracer(origin), metrics(origin)))
