/**
 * A request as the remote received it. Its accessors give everything as it was sent, secrets included; printing it, in
 * whichever way, replaces them.
 *
 * @example
 * const [request] = yield* wire.requests
 * request.headers["idempotency-key"]
 * request.json                           // the decoded body
 * String(request)                        // {"method":"POST",…,"headers":{"authorization":"<redacted>"}}
 */
import * as Redaction from "@switchboard/core/Redaction"
import * as Inspectable from "effect/Inspectable"

/** What became of a request: the answer is under way, arrived whole, failed, or the caller gave up. */
export type State = "in flight" | "answered" | "failed" | "cancelled"

/** A request on the wire, before anything is read out of it. */
export interface Raw {
  readonly method: string
  readonly origin: string
  /** Path and query. */
  readonly path: string
  /** Names and values in turn. */
  readonly headers: ReadonlyArray<string>
  readonly body: Uint8Array
}

/** What is known of a request besides itself. */
export interface Circumstances {
  /** Counted from 1. */
  readonly number: number
  /** When, in milliseconds of the caller's clock. */
  readonly at: number
  readonly redaction: Redaction.Redaction
  readonly params?: Readonly<Record<string, string>> | undefined
  /** Kept up to date by whoever answers. */
  readonly fate: { state: State; wasSent: boolean }
}

/** One request. */
export class Received extends Inspectable.Class {
  readonly #raw: Raw
  readonly #known: Circumstances

  constructor(raw: Raw, known: Circumstances) {
    super()
    this.#raw = raw
    this.#known = known
  }

  /** Its place among all requests, from 1. */
  get number(): number {
    return this.#known.number
  }
  /** When it was sent, in milliseconds of the caller's clock. */
  get at(): number {
    return this.#known.at
  }
  get method(): string {
    return this.#raw.method
  }
  /** Scheme, host and port. */
  get origin(): string {
    return this.#raw.origin
  }
  /** Without the query. */
  get path(): string {
    return this.#raw.path.split("?", 1)[0]!
  }
  get query(): URLSearchParams {
    return new URLSearchParams(this.#raw.path.slice(this.path.length))
  }
  /** Query included. */
  get url(): string {
    return this.#raw.origin + this.#raw.path
  }
  /** Names in lower case; several values of one name are joined with a comma. */
  get headers(): Readonly<Record<string, string>> {
    const headers: Record<string, string> = {}
    for (let i = 0; i < this.#raw.headers.length; i += 2) {
      const name = this.#raw.headers[i]!.toLowerCase()
      const value = this.#raw.headers[i + 1]!
      headers[name] = name in headers ? `${headers[name]}, ${value}` : value
    }
    return headers
  }
  get body(): Uint8Array {
    return this.#raw.body
  }
  get text(): string {
    return new TextDecoder().decode(this.#raw.body)
  }
  /** The body, decoded; `any` because what a test sent is known to the test. Throws where it is not JSON. */
  get json(): any {
    return JSON.parse(this.text)
  }
  /** What the `:name` segments of the route matched. */
  get params(): Readonly<Record<string, string>> {
    return this.#known.params ?? {}
  }
  /** Which attempt of its call it is, from 1, as `x-retry-attempt` tells. */
  get attempt(): number {
    return Number(this.headers["x-retry-attempt"] ?? 0) + 1
  }
  get state(): State {
    return this.#known.fate.state
  }
  /** False where nothing of it left: the connection was refused or never made. */
  get wasSent(): boolean {
    return this.#known.fate.wasSent
  }

  /** The same request with what a route read out of its path. */
  withParams(params: Readonly<Record<string, string>>): Received {
    return new Received(this.#raw, { ...this.#known, params })
  }

  toJSON(): unknown {
    const { redaction } = this.#known
    return {
      _id: "Received",
      number: this.number,
      at: this.at,
      method: this.method,
      url: this.origin + Redaction.path(redaction, this.#raw.path),
      headers: Redaction.headersOf(redaction, this.#raw.headers),
      body: this.#shownBody(),
      state: this.state
    }
  }

  /** Only what is known to be free of secrets: a body of another format is shown by its size. */
  #shownBody(): unknown {
    if (this.#raw.body.length === 0) return undefined
    if (this.headers["content-type"]?.startsWith("application/x-www-form-urlencoded") === true) {
      return Redaction.form(this.#known.redaction, this.text)
    }
    try {
      const value: unknown = this.json
      if (typeof value === "object") return Redaction.body(this.#known.redaction, value)
    } catch {
      // Shown by its size.
    }
    return `<${this.#raw.body.length} bytes>`
  }
}
