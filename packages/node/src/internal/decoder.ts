/**
 * Decodes a body while it arrives, in zlib's threads, with back pressure in both directions.
 */
import type { Transform } from "node:stream"
import { type Coding, makeTransform } from "./coding.ts"

export interface Sink {
  readonly onDecoded: (chunk: Buffer) => void
  readonly onDecodedEnd: () => void
  readonly onDecodeError: (error: Error) => void
  /** More may be written after `write` has answered false. */
  readonly onDecoderDrain: () => void
}

export class Decoder {
  private readonly stages: ReadonlyArray<Transform>
  private readonly input: Transform
  private readonly output: Transform

  constructor(codings: ReadonlyArray<Coding>, first: number | undefined, sink: Sink) {
    this.stages = codings.map((coding, i) => makeTransform(coding, i === 0 ? first : undefined))
    this.input = this.stages[0]!
    this.output = this.stages[this.stages.length - 1]!
    this.stages.reduce((from, to) => from.pipe(to))
    for (const stage of this.stages) stage.on("error", (error) => sink.onDecodeError(error))
    this.input.on("drain", () => sink.onDecoderDrain())
    this.output.on("data", (chunk: Buffer) => sink.onDecoded(chunk))
    this.output.on("end", () => sink.onDecodedEnd())
  }

  /** False if the writer should pause. */
  write(chunk: Uint8Array): boolean {
    return this.input.write(chunk)
  }
  end(): void {
    this.input.end()
  }
  pause(): void {
    this.output.pause()
  }
  resume(): void {
    this.output.resume()
  }
  /** Frees zlib's memory; nothing is reported after that. */
  close(): void {
    for (const stage of this.stages) {
      stage.removeAllListeners()
      stage.on("error", () => {})
      stage.destroy()
    }
  }
}
