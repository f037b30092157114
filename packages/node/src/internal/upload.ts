/**
 * Request bodies: what undici can send for each kind of `HttpBody`.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as HttpBody from "effect/http/HttpBody"
import type * as Pull from "effect/Pull"
import * as Scope from "effect/Scope"
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

/** Pulls a piece when undici has room for one; destroying it interrupts the stream. */
class Upload extends Readable {
  private readonly scope = Scope.makeUnsafe()
  private readonly stream: Stream.Stream<Uint8Array, unknown>
  private readonly run: <A, E>(effect: Effect.Effect<A, E>) => Fiber.Fiber<A, E>
  private pull: Pull.Pull<readonly [Uint8Array, ...Array<Uint8Array>], unknown> | undefined
  private fiber: Fiber.Fiber<unknown, unknown> | undefined

  constructor(
    stream: Stream.Stream<Uint8Array, unknown>,
    run: <A, E>(effect: Effect.Effect<A, E>) => Fiber.Fiber<A, E>
  ) {
    super()
    this.stream = stream
    this.run = run
  }

  override _read(): void {
    const step = Effect.suspend(() => this.pull ?? this.open())
    const fiber = this.run(step)
    this.fiber = fiber
    fiber.addObserver((exit) => {
      if (this.destroyed) return
      if (Exit.isSuccess(exit)) {
        for (const chunk of exit.value) this.push(chunk)
        return
      }
      const reason = Cause.squash(exit.cause)
      if (Cause.isDone(reason)) this.push(null)
      else this.destroy(new UploadFailed("the body could not be read", { cause: reason }))
    })
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    const interrupt = this.fiber === undefined ? Effect.void : Fiber.interrupt(this.fiber)
    this.run(Effect.andThen(interrupt, Scope.close(this.scope, Exit.void))) // finalizers do not hold the request up
    callback(error)
  }

  private open() {
    return Stream.toPull(this.stream).pipe(
      Effect.provideService(Scope.Scope, this.scope),
      Effect.flatMap((pull) => (this.pull = pull))
    )
  }
}
