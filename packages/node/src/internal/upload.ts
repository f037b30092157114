/**
 * Request bodies: what undici can send for each kind of `HttpBody`.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type * as HttpBody from "effect/http/HttpBody"
import * as Stream from "effect/Stream"
import { Readable } from "node:stream"
import { FormData } from "undici"

/** The stream that was to be sent failed. */
export class UploadFailed extends Error {}

/** What undici takes; undefined for a raw body that it does not. */
export const toUndici = (body: HttpBody.HttpBody): Effect.Effect<Sendable | undefined> => {
  switch (body._tag) {
    case "Empty":
      return Effect.succeed(null)
    case "Uint8Array":
      return Effect.succeed(body.text ?? body.body)
    case "Raw":
      return Effect.sync(() => fromRaw(body.body))
    case "FormData":
      return Effect.sync(() => fromFormData(body.formData))
    case "Stream":
      return Effect.map(Effect.context(), (context) => new Upload(body.stream, Effect.runForkWith(context)))
  }
}

export type Sendable = string | Uint8Array | Readable | FormData | null

const fromRaw = (body: unknown): Sendable | undefined => {
  if (body === undefined || body === null) return null
  if (typeof body === "string" || body instanceof Uint8Array || body instanceof Readable) return body
  if (body instanceof URLSearchParams) return body.toString()
  if (body instanceof ArrayBuffer) return new Uint8Array(body)
  if (ArrayBuffer.isView(body)) return new Uint8Array(body.buffer, body.byteOffset, body.byteLength)
  if (body instanceof globalThis.FormData) return fromFormData(body)
  if (body instanceof Blob) return Readable.from(body.stream(), { objectMode: false })
  if (typeof body === "object" && (Symbol.asyncIterator in body || Symbol.iterator in body)) {
    // the one cast of this file: `in` does not tell the compiler that the value can be iterated
    return Readable.from(body as AsyncIterable<Uint8Array>, { objectMode: false })
  }
  return undefined
}

/** undici accepts its own `FormData` only. */
const fromFormData = (formData: globalThis.FormData): FormData => {
  const copy = new FormData()
  for (const [name, value] of formData) {
    if (typeof value === "string") copy.append(name, value)
    else copy.append(name, value, value.name)
  }
  return copy
}

/** Reads the stream in one fiber, a step whenever undici has room for more; destroying it interrupts the stream. */
class Upload extends Readable {
  private readonly stream: Stream.Stream<Uint8Array, unknown>
  private readonly run: <A, E>(effect: Effect.Effect<A, E>) => Fiber.Fiber<A, E>
  private fiber: Fiber.Fiber<void, unknown> | undefined = undefined
  /** It was read again since the last step. */
  private wanted = false
  private goOn: (() => void) | undefined = undefined

  constructor(
    stream: Stream.Stream<Uint8Array, unknown>,
    run: <A, E>(effect: Effect.Effect<A, E>) => Fiber.Fiber<A, E>
  ) {
    super()
    this.stream = stream
    this.run = run
  }

  override _read(): void {
    this.wanted = true
    if (this.fiber === undefined) this.begin()
    else this.goOn?.()
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.fiber?.interruptUnsafe() // finalizers do not hold the request up
    callback(error)
  }

  private begin(): void {
    this.fiber = this.run(Stream.runForEachArray(this.stream, (chunks) => {
      this.wanted = false
      for (const chunk of chunks) this.push(chunk)
      return this.room
    }))
    this.fiber.addObserver((exit) => {
      if (this.destroyed) return
      if (Exit.isSuccess(exit)) this.push(null)
      else this.destroy(new UploadFailed("the body could not be read", { cause: Cause.squash(exit.cause) }))
    })
  }

  private readonly room = Effect.callback<void>((resume) => {
    this.goOn = () => resume(Effect.void)
    if (this.wanted) this.goOn()
  })
}
