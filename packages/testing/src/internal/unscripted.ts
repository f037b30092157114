/** A request the test did not foresee. */
import { Transport } from "@switchboard/core/IntegrationError"
import type { Received } from "../Received.ts"

/**
 * The script had no answer, or its handler failed. As a plain `HttpClient` it is a defect. A buffered exchange can only
 * end with a typed failure: it ends with this one, which nothing retries, and the layer dies with it when it is released,
 * so that the test fails even if the code under test handled the failure.
 */
export class UnscriptedRequest extends Transport {
  readonly #message: string

  constructor(request: Received, why: string, options: { readonly cause?: unknown } = {}) {
    super({ kind: "Other", code: "UNSCRIPTED_REQUEST", wasSent: true })
    this.#message =
      `TestTransport: ${why} for ${request.method} ${request.origin}${request.path}, request ${request.number}`
    if ("cause" in options) this.cause = options.cause
  }
  override get isRetryable(): boolean {
    return false
  }
  override get message(): string {
    return this.#message
  }
}
