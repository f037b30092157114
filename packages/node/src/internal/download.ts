/**
 * An exchange whose body is a stream: it answers at the head, and holds the peer back while nobody reads.
 *
 * At most `highWater` bytes wait in memory; then the socket is not read until the reader has taken what waits. So a body
 * up to that size is taken off the connection whether it is read or not. A larger or endless one that nobody begins to
 * read is aborted after `unreadMillis`, so that it does not keep its connection. Once it is read, the reader is trusted
 * to end: it closes the connection by ending its scope.
 */
import type * as Transport from "@switchboard/core/Transport"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type { Duplex } from "node:stream"
import { type Dispatcher, errors } from "undici"
import { type Coding, codingsOf, isBodiless } from "./coding.ts"
import { Decoder, type Sink } from "./decoder.ts"
import { fromError } from "./failure.ts"
import { Job } from "./job.ts"
import { readAsUsual } from "./socketReads.ts"

/** Bytes that may wait for the reader. */
export const highWater = 65_536

export type Failure = Transport.Failure
type Chunks = readonly [Uint8Array, ...Array<Uint8Array>]
type Step = Effect.Effect<Chunks, Failure | Cause.Done>

/** What is told at the head of the answer, or instead of it. Never from inside undici's parser. */
export interface Listener {
  readonly onHead: (head: Head) => void
  readonly onFailure: (failure: Failure, error: Error) => void
}
export interface Head {
  readonly status: number
  readonly headers: Record<string, string | Array<string> | undefined>
  /** The connection, if the peer agreed to an upgrade. */
  readonly upgraded: Duplex | undefined
}

export class Download extends Job implements Sink {
  private readonly listener: Listener
  private readonly unreadMillis: number
  private answered = false
  private upgraded: Duplex | undefined = undefined
  private codings: ReadonlyArray<Coding> | undefined = undefined
  private decoder: Decoder | undefined = undefined
  private chunks: Array<Uint8Array> = []
  private size = 0
  private paused = false
  private end: Effect.Effect<never, Failure | Cause.Done> | undefined = undefined
  private waiting: ((step: Step) => void) | undefined = undefined
  private timer: NodeJS.Timeout | undefined = undefined

  constructor(options: Dispatcher.DispatchOptions, unreadMillis: number, listener: Listener) {
    super(options)
    this.unreadMillis = unreadMillis
    this.listener = listener
  }

  onRequestUpgrade(_: Dispatcher.DispatchController, status: number, headers: Head["headers"], socket: Duplex): void {
    this.controller = undefined
    if (this.done) return void socket.destroy()
    readAsUsual(socket)
    this.end = Cause.done()
    this.upgraded = socket
    this.answer({ status, headers, upgraded: socket })
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: Head["headers"]): void {
    if (status < 200) return
    if (!isBodiless(this.options.method, status)) {
      this.codings = codingsOf(headers["content-encoding"])
      if (this.codings !== undefined) headers["content-encoding"] = headers["content-length"] = undefined
    }
    this.answer({ status, headers, upgraded: undefined })
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.codings === undefined) return this.push(own(chunk))
    this.decoder ??= new Decoder(this.codings, chunk[0], this)
    if (!this.decoder.write(chunk)) controller.pause()
  }

  onResponseEnd(): void {
    this.release?.()
    this.controller = undefined
    if (this.decoder === undefined) this.finish(Cause.done())
    else this.decoder.end()
  }

  onResponseError(_: Dispatcher.DispatchController | undefined, error: Error): void {
    this.controller = undefined
    const failure = fromError(error, { wasSent: this.wasSent, answered: this.answered })
    if (this.answered || this.done) return this.finish(Effect.fail(failure))
    this.done = true
    queueMicrotask(() => this.listener.onFailure(failure, error))
  }

  onDecoded(chunk: Buffer): void {
    this.push(chunk)
  }
  onDecodedEnd(): void {
    this.finish(Cause.done())
  }
  onDecodeError(error: Error): void {
    this.finish(Effect.fail(fromError(error, { wasSent: true, answered: true })))
    this.controller?.abort(error)
  }
  onDecoderDrain(): void {
    this.controller?.resume()
  }

  /** The next pieces of the body. */
  readonly pull: Step = Effect.suspend(() => {
    clearTimeout(this.timer)
    if (this.chunks.length > 0 || this.end !== undefined) return this.take()
    return Effect.callback<Chunks, Failure | Cause.Done>((resume) => {
      this.waiting = resume
      return Effect.sync(() => {
        this.waiting = undefined
      })
    })
  })

  /** Closes the connection unless the answer is complete; a read that waits, and any later one, fails. */
  cancel(): void {
    if (this.done) return
    clearTimeout(this.timer)
    this.upgraded?.destroy()
    // Made when it is read: most streams are cancelled after their end.
    const { answered, wasSent } = this
    this.finish(Effect.failSync(() => fromError(new errors.RequestAbortedError(), { wasSent, answered })))
    this.abandon()
  }

  private answer(head: Head): void {
    this.answered = true
    queueMicrotask(() => {
      if (this.done) return
      this.listener.onHead(head)
      if (this.end === undefined) this.timer = setTimeout(() => this.cancel(), this.unreadMillis).unref()
    })
  }

  private push(chunk: Uint8Array): void {
    if (this.end !== undefined) return
    this.chunks.push(chunk)
    this.size += chunk.length
    if (this.size >= highWater && !this.paused) {
      this.paused = true
      if (this.decoder === undefined) this.controller?.pause()
      else this.decoder.pause()
    }
    this.wake()
  }

  private finish(end: Effect.Effect<never, Failure | Cause.Done>): void {
    if (this.end !== undefined) return
    this.end = end
    this.decoder?.close()
    clearTimeout(this.timer)
    this.wake()
  }

  private wake(): void {
    const resume = this.waiting
    if (resume === undefined) return
    this.waiting = undefined
    queueMicrotask(() => resume(this.take()))
  }

  private take(): Step {
    const { chunks } = this
    if (!isFilled(chunks)) return this.end!
    this.chunks = []
    this.size = 0
    if (this.paused) {
      this.paused = false
      if (this.decoder === undefined) this.controller?.resume()
      else this.decoder.resume()
    }
    return Effect.succeed(chunks)
  }
}

/** In memory of its own, which readers may keep and transfer. What has less than half of it shares it with others. */
const own = (chunk: Buffer): Uint8Array =>
  chunk.byteLength * 2 < chunk.buffer.byteLength ? Buffer.from(new Uint8Array(chunk).buffer) : chunk

const isFilled = (chunks: ReadonlyArray<Uint8Array>): chunks is Chunks => chunks.length > 0
