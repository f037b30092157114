/** A request the test did not foresee. */
import { Transport } from "@switchboard/core/IntegrationError"
import type { Received } from "../Received.ts"

/**
 * The script had no answer, or its handler failed. As a plain `HttpClient` it is a defect. A buffered exchange can only
 * end with a typed failure: it ends with this one, which nothing retries, and the layer dies with it when it is
 * released, so that the test fails even if the code under test handled the failure.
 */
export class UnscriptedRequest extends Transport {
  #message = ""

  /** For a request, and why it has no answer: nobody foresaw it, or the handler failed with `cause`. */
  static because(request: Received, why: string, cause?: unknown): UnscriptedRequest {
    const self = new UnscriptedRequest({ kind: "Other", code: "UNSCRIPTED_REQUEST", wasSent: true })
    self.#message =
      `TestTransport: ${why} for ${request.method} ${request.origin}${request.path}, request ${request.number}`
    if (cause !== undefined) self.cause = cause
    return self
  }
  override get isRetryable(): boolean {
    return false
  }
  override get message(): string {
    return this.#message
  }
}
