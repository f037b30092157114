/**
 * A buffered exchange: the whole answer, decoded and within its limit, or one failure.
 *
 * Nothing is reported from inside undici's parser: what has ended is collected, and one microtask reports all of it.
 */
import { ResponseTooLarge } from "@switchboard/core/IntegrationError"
import type * as Transport from "@switchboard/core/Transport"
import type { Dispatcher } from "undici"
import { type Coding, codingsOf, decodeSync, isBodiless } from "./coding.ts"
import { Decoder, type Sink } from "./decoder.ts"
import { fromError } from "./failure.ts"
import { Job } from "./job.ts"

/** A compressed body up to this size, in bytes, is decoded at once: 15 µs for 2 KiB, where zlib's threads cost 100. */
const inlineBytes = 16_384
/** What it may become that way; beyond it, zlib's threads do the work, so that a bomb blocks nobody. */
const inlineDecodedBytes = 262_144

export class Exchange extends Job implements Transport.Exchange, Sink {
  private readonly receiver: Transport.Receiver
  private readonly limit: number
  private status = 0
  private headers: Record<string, string | Array<string> | undefined> = none
  private codings: ReadonlyArray<Coding> | undefined = undefined
  private decoder: Decoder | undefined = undefined
  private chunk: Uint8Array | undefined = undefined
  private more: Array<Uint8Array> | undefined = undefined
  private size = 0
  private failure: Transport.Failure | undefined = undefined
  /** The outcome is known and about to be reported. */
  private settled = false

  constructor(request: Transport.Request, receiver: Transport.Receiver) {
    const { body = null, headers, method, path } = request
    // No request follows another before it is answered: what keeps one from doing so would be a step for nothing.
    super({ method, path, headers, body, blocking: false })
    this.limit = request.maxResponseBytes
    this.receiver = receiver
  }

  onResponseStart(
    _: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | Array<string> | undefined>
  ): void {
    if (status < 200 || this.settled) return
    this.status = status
    this.headers = headers
    if (isBodiless(this.options.method, status)) return
    this.codings = codingsOf(headers["content-encoding"])
    const length = headers["content-length"]
    if (this.codings === undefined && length !== undefined && Number(length) > this.limit) this.tooLarge()
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.settled) return
    if (this.decoder !== undefined) {
      if (!this.decoder.write(chunk)) controller.pause()
      return
    }
    this.append(chunk)
    if (this.codings === undefined ? this.size > this.limit : this.size > inlineBytes) {
      if (this.codings === undefined) this.tooLarge()
      else this.decode(this.codings)
    }
  }

  onResponseEnd(): void {
    this.release?.()
    this.controller = undefined // the connection is free for the next request: cancelling must not close it
    if (this.settled || this.done) return
    if (this.decoder !== undefined) this.decoder.end()
    else this.settle()
  }

  onResponseError(_: Dispatcher.DispatchController | undefined, error: Error): void {
    this.controller = undefined
    this.fail(fromError(error, { wasSent: this.wasSent, answered: this.status !== 0 }))
  }

  onDecoded(chunk: Buffer): void {
    this.append(chunk)
    if (this.size > this.limit) this.tooLarge()
  }
  onDecodedEnd(): void {
    this.decoder = undefined
    this.settle()
  }
  onDecodeError(error: Error): void {
    this.fail(fromError(error, { wasSent: true, answered: true }))
  }
  onDecoderDrain(): void {
    this.controller?.resume()
  }

  cancel(): void {
    if (this.done) return
    this.decoder?.close()
    this.abandon()
  }

  /** Reports; called from the microtask. */
  finish(): void {
    if (this.done) return
    if (this.failure === undefined && this.codings !== undefined && this.size > 0) this.decodeInline(this.codings)
    if (!this.settled) return
    this.done = true
    if (this.failure !== undefined) return this.receiver.onFailure(this.failure)
    this.receiver.onResponse({ status: this.status, headers: this.headers, body: this.body() })
  }

  private body(): Uint8Array {
    return this.more === undefined ? (this.chunk ?? empty) : Buffer.concat(this.more, this.size)
  }

  private append(chunk: Uint8Array): void {
    this.size += chunk.length
    if (this.chunk === undefined) this.chunk = chunk
    else if (this.more === undefined) this.more = [this.chunk, chunk]
    else this.more.push(chunk)
  }

  /** Takes what was collected away. */
  private take(): Uint8Array {
    const body = this.body()
    this.chunk = this.more = undefined
    this.size = 0
    return body
  }

  private decodeInline(codings: ReadonlyArray<Coding>): void {
    const body = this.take()
    this.size = body.length
    this.chunk = body
    try {
      this.chunk = decodeSync(codings, body, Math.min(this.limit, inlineDecodedBytes))
      this.decoded()
    } catch (error) {
      if (error instanceof RangeError && this.limit > inlineDecodedBytes) {
        this.settled = false
        this.decode(codings)
        this.decoder?.end()
      } else if (error instanceof RangeError) {
        this.failure = new ResponseTooLarge({ limit: this.limit })
      } else {
        this.failure = fromError(error, { wasSent: true, answered: true })
      }
    }
  }

  private decode(codings: ReadonlyArray<Coding>): void {
    const body = this.take()
    this.decoder = new Decoder(codings, body[0], this)
    this.decoded()
    if (!this.decoder.write(body)) this.controller?.pause()
  }

  /** The headers describe the body as it is handed out. */
  private decoded(): void {
    this.codings = undefined
    this.headers["content-encoding"] = undefined
    this.headers["content-length"] = undefined
  }

  private tooLarge(): void {
    this.fail(new ResponseTooLarge({ limit: this.limit }))
  }

  private fail(failure: Transport.Failure): void {
    if (this.done || this.settled) return
    this.failure = failure
    this.chunk = this.more = undefined
    this.settle()
    this.decoder?.close()
    this.controller?.abort(failure)
  }

  private settle(): void {
    this.settled = true
    if (ready.push(this) === 1) queueMicrotask(flush)
  }
}

const empty = new Uint8Array(0)
const none: Record<string, never> = {}

let ready: Array<Exchange> = []
const flush = (): void => {
  const batch = ready
  ready = []
  for (let i = 0; i < batch.length; i++) {
    try {
      batch[i]!.finish()
    } catch (defect) {
      queueMicrotask(() => {
        throw defect // one receiver's defect must not keep the others from being told
      })
    }
  }
}
