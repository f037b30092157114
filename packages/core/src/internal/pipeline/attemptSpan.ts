/** The span of an attempt, a child of its call's: begun and ended without an effect, as the attempt is. */
import * as Context from "effect/Context"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as References from "effect/References"
import type * as Tracer from "effect/Tracer"
import * as Telemetry from "../../Telemetry.ts"
import type { Call } from "./call.ts"

/** `undefined` where no tracer is installed. What the context adds to every span, it adds to this one. */
export const begin = (call: Call, attempt: number): Tracer.Span | undefined => {
  const { context, span: parent, tracer } = call
  if (tracer === undefined || parent === undefined) return undefined
  const { name, options: { attributes, kind = "internal" } } = call.observer.attemptSpan(call, attempt)
  const span = tracer.span({
    name,
    parent: Option.some(parent),
    annotations: Context.empty(),
    links: Context.get(context, References.TracerSpanLinks).slice(),
    startTime: timeOf(call),
    kind,
    root: false,
    sampled: parent.sampled
  })
  annotate(span, Context.get(context, References.TracerSpanAnnotations))
  annotate(span, attributes)
  return span
}

export const end = (
  span: Tracer.Span,
  call: Call,
  exit: Exit.Exit<unknown, unknown>,
  status: number | undefined
): void => {
  if (status !== undefined) span.attribute("http.response.status_code", status)
  if (Exit.isFailure(exit)) span.attribute("error.type", Telemetry.tagOf(exit))
  span.end(timeOf(call), exit)
}

const annotate = (span: Tracer.Span, attributes: Readonly<Record<string, unknown>> | undefined): void => {
  for (const name in attributes) span.attribute(name, attributes[name])
}

const timeOf = ({ clock, context }: Call): bigint =>
  Context.get(context, References.TracerTimingEnabled) ? clock.currentTimeNanosUnsafe() : 0n
