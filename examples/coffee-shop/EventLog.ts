/** Writes integration events to a file, one JSON object per line, in the envelope that observability platforms take. */
import * as Events from "@switchboard/core/Events"
import { Effect, Layer, Schema } from "effect"
import { randomUUID } from "node:crypto"
import { createWriteStream, openSync } from "node:fs"

export class CannotLog extends Schema.TaggedError<CannotLog>()("CannotLog", { message: Schema.String }) {}

/** A listener beside others; the file is complete when the layer is gone. */
export const layer = (file: string): Layer.Layer<never, CannotLog> =>
  Layer.unwrap(
    Effect.map(open(file), (log) =>
      Events.layerListener((event) =>
        void log.write(`${JSON.stringify(Events.toEnvelope(event, randomUUID()))}\n`)
      ))
  )

const open = (file: string) =>
  Effect.acquireRelease(
    Effect.try({
      try: () => createWriteStream("", { fd: openSync(file, "w") }),
      catch: (error) => new CannotLog({ message: `cannot log events: ${String(error)}` })
    }),
    (log) => Effect.callback<void>((resume) => void log.end(() => resume(Effect.void)))
  )
