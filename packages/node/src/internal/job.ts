/**
 * One request on its way through undici: the handler undici calls, and a link in the queue of an origin.
 *
 * With one request per connection at a time (`pipelining: 1`, HTTP/1.1) undici writes a request once: it puts a request
 * back into its queue only if it was never written (the idle connection it was meant for had died), so that
 * `onRequestStart` is the proof that bytes may have left. See `resumeH1` and `onHttpSocketClose` in its client-h1.js.
 */
import type { Dispatcher } from "undici"

/** Ends a request without a report: undici hands it to handlers, which ignore it. */
export const cancelled = new Error("cancelled")

export abstract class Job implements Dispatcher.DispatchHandler {
  readonly options: Dispatcher.DispatchOptions
  /** False until undici hands the request to a connected socket. */
  wasSent = false
  /** Neighbours in the queue, and how to leave it. */
  previous: Job | undefined = undefined
  next: Job | undefined = undefined
  leave: ((job: Job) => void) | undefined = undefined
  /** Called when its answer is complete and its connection about to be free. */
  release: (() => void) | undefined = undefined
  protected controller: Dispatcher.DispatchController | undefined = undefined
  /** Nothing that happens from here on is reported. */
  protected done = false

  constructor(options: Dispatcher.DispatchOptions) {
    this.options = options
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.done) throw cancelled // undici drops the request and keeps the connection, on which nothing was written
    this.controller = controller
    this.wasSent = true
  }

  abstract onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | Array<string> | undefined>
  ): void
  abstract onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void
  abstract onResponseEnd(): void
  abstract onResponseError(controller: Dispatcher.DispatchController | undefined, error: Error): void

  /** Ends it: a waiting request leaves the queue, one on the wire closes its connection. */
  protected abandon(): void {
    this.done = true
    this.leave?.(this)
    this.controller?.abort(cancelled)
  }
}
