/** A tracer for tests. */
import * as Tracer from "effect/Tracer"

/** Keeps its spans, in the order in which they began. */
export const recording = () => {
  const spans: Array<Tracer.NativeSpan> = []
  const tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      spans.push(span)
      return span
    }
  })
  return { spans, tracer }
}
