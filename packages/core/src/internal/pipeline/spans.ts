/** What is done with spans outside of any effect. What a tracer throws is dropped, so that it keeps no call from its end. */
import * as Context from "effect/Context"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as References from "effect/References"
import type * as Tracer from "effect/Tracer"
import * as Telemetry from "../../Telemetry.ts"
import type { Call } from "./call.ts"

/**
 * The span of an attempt, a child of its call's; `undefined` where no tracer is installed. What the context adds to every
 * span, it adds to this one.
 */
export const beginAttempt = (call: Call, attempt: number): Tracer.Span | undefined => {
  const { tracer, span: parent } = call
  if (tracer === undefined || parent === undefined) return undefined
  return harmless(() => {
    const { context } = call
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
  })
}

export const endAttempt = (
  span: Tracer.Span,
  call: Call,
  exit: Exit.Exit<unknown, unknown>,
  status: number | undefined
): void =>
  harmless(() => {
    if (status !== undefined) span.attribute("http.response.status_code", status)
    if (Exit.isFailure(exit)) span.attribute("error.type", Telemetry.tagOf(exit))
    span.end(timeOf(call), exit)
  })

/** What the span of a call says at its end. */
export const endCall = (span: Tracer.Span, attempts: number, exit: Exit.Exit<unknown, unknown>): void =>
  harmless(() => {
    span.attribute("switchboard.attempts", attempts)
    if (Exit.isFailure(exit)) span.attribute("error.type", Telemetry.tagOf(exit))
  })

const harmless = <A>(f: () => A): A | undefined => {
  try {
    return f()
  } catch {
    return undefined
  }
}

const annotate = (span: Tracer.Span, attributes: Readonly<Record<string, unknown>> | undefined): void => {
  for (const name in attributes) span.attribute(name, attributes[name])
}

const timeOf = ({ clock, context }: Call): bigint =>
  Context.get(context, References.TracerTimingEnabled) ? clock.currentTimeNanosUnsafe() : 0n
