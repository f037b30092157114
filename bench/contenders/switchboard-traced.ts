// Ours with a tracer.
import { openWith, tracer } from "../observed.ts"

export const open = openWith(tracer)
