/** Positions 12 and 14 for an operation whose request and answer fit in memory: credentials, then the transport. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as HttpTraceContext from "effect/http/HttpTraceContext"
import type * as Auth from "../../Auth.ts"
import { Unauthenticated } from "../../IntegrationError.ts"
import * as Outcome from "../../Outcome.ts"
import * as Redaction from "../../Redaction.ts"
import * as Transport from "../../Transport.ts"
import type { Buffered, Encoded } from "../contract/operation.ts"
import { retryAfterMillis } from "../retryAfter.ts"
import type { Attempt, Running, Sink, Start } from "./attempt.ts"
import * as Credentials from "./credentials.ts"
import * as EffectAttempt from "./effectAttempt.ts"
import { settled } from "./settled.ts"

/** What every exchange of one operation shares. */
export interface Wire {
  readonly channel: Transport.Channel
  readonly operation: Buffered
  readonly origin: string
  /** The path of the base URL, without a slash at its end. */
  readonly prefix: string
  /** The operation's template, where its URL is not to be shown. */
  readonly secretTemplate: string | undefined
  /** Names and values in turn, for every request. */
  readonly headers: ReadonlyArray<string>
  /** Whether W3C trace context is sent. */
  readonly propagateTrace: boolean
  readonly authorize: Auth.Authorize | Credentials.Attachment
  readonly redaction: Redaction.Redaction
  /** Is told the headers of every answer, where a limiter wants to know them. */
  readonly onHeaders: ((headers: Transport.Headers, context: Context.Context<never>) => void) | undefined
}

/** What may differ from call to call. */
export interface Limits {
  readonly maxResponseBytes: number
  readonly classify: Outcome.Classifier | undefined
  /** The header that carries the call's idempotency key. */
  readonly keyHeader: string | undefined
}

/** The work of one attempt of a call with this encoded request. */
export const start = (wire: Wire, limits: Limits, encoded: Encoded): Start => (attempt, sink) => {
  const exchange = new Exchange(wire, limits, attempt, sink)
  exchange.begin(toRequest(wire, limits, encoded, attempt))
  return exchange
}

/** Whether a flat list of headers has one of that name. */
export const hasHeader = (headers: ReadonlyArray<string>, name: string): boolean => {
  for (let i = 0; i < headers.length; i += 2) if (headers[i] === name) return true
  return false
}

const toRequest = (wire: Wire, limits: Limits, encoded: Encoded, attempt: Attempt): Transport.Request => {
  const headers = encoded.headers.slice()
  // What the contract sends under a name of ours stays.
  const add = (name: string, value: string) => {
    if (!hasHeader(encoded.headers, name)) headers.push(name, value)
  }
  for (let i = 0; i < wire.headers.length; i += 2) add(wire.headers[i]!, wire.headers[i + 1]!)
  add("x-request-id", attempt.requestId)
  const { keyHeader } = limits
  if (keyHeader !== undefined && attempt.idempotencyKey !== undefined) add(keyHeader, attempt.idempotencyKey)
  if (attempt.attempt > 1) add("x-retry-attempt", String(attempt.attempt - 1))
  if (wire.propagateTrace && attempt.span !== undefined) {
    add("traceparent", HttpTraceContext.toHeaders(attempt.span).traceparent!)
  }
  return {
    method: wire.operation.method,
    origin: wire.origin,
    path: wire.prefix + encoded.path,
    headers,
    body: encoded.body,
    maxResponseBytes: limits.maxResponseBytes
  }
}

/** The URL as an observer may see it: before credentials, and as its template where the contract redacts what is in it. */
export const shownUrl = (
  { prefix, redaction, secretTemplate }: Pick<Wire, "prefix" | "redaction" | "secretTemplate">,
  { origin, path }: Pick<Transport.Request, "origin" | "path">
): string => origin + (secretTemplate === undefined ? Redaction.path(redaction, path) : prefix + secretTemplate)

class Exchange implements Running, Transport.Receiver {
  private readonly wire: Wire
  private readonly limits: Limits
  private readonly attempt: Attempt
  private readonly sink: Sink
  private exchange: Transport.Exchange | undefined = undefined
  private fiber: Fiber.Fiber<unknown, unknown> | undefined = undefined

  constructor(wire: Wire, limits: Limits, attempt: Attempt, sink: Sink) {
    this.wire = wire
    this.limits = limits
    this.attempt = attempt
    this.sink = sink
  }

  get wasSent(): boolean {
    return this.exchange?.wasSent ?? false
  }

  begin(request: Transport.Request): void {
    const { authorize } = this.wire
    this.attempt.span?.attribute("url.full", shownUrl(this.wire, request))
    if (typeof authorize !== "function") return this.send(Credentials.attach(request, authorize))
    this.run(Effect.provideContext(ask(authorize, request), EffectAttempt.surroundings(this.attempt)), (exit) => {
      if (Exit.isSuccess(exit)) this.send(Credentials.attach(request, exit.value))
      else this.sink.end(exit, Outcome.neutral, undefined)
    })
  }

  private send(request: Transport.Request): void {
    this.exchange = this.wire.channel.send(request, this, this.attempt.context)
  }

  onResponse(response: Transport.Response): void {
    const { status } = response
    this.wire.onHeaders?.(response.headers, this.attempt.context)
    const retryAfter = status === 429 || status === 503 ? this.retryAfter(response.headers) : undefined
    const decoded = this.wire.operation.decode(response, retryAfter)
    this.run(decoded, (exit) => this.conclude(exit, status, retryAfter))
  }

  onFailure(reason: Transport.Failure): void {
    this.conclude(Exit.fail(reason), undefined, undefined)
  }

  private conclude(
    exit: Exit.Exit<unknown, unknown>,
    status: number | undefined,
    retryAfter: number | undefined
  ): void {
    const { classify } = this.limits
    if (classify === undefined) return this.sink.end(exit, Outcome.fromAnswer(exit, status, retryAfter), status)
    EffectAttempt.conclude(
      this.sink,
      exit,
      status,
      (exit) => classify(exit) ?? Outcome.fromAnswer(exit, status, retryAfter)
    )
  }

  cancel(): Effect.Effect<void> | void {
    this.exchange?.cancel()
    if (this.fiber !== undefined) return Fiber.interrupt(this.fiber)
  }

  /** In the common case the effect is an exit and no fiber is needed. */
  private run<A, E>(effect: Effect.Effect<A, E>, done: (exit: Exit.Exit<A, E>) => void): void {
    const exit = settled(effect)
    if (exit !== undefined) return done(exit)
    const fiber = Effect.runForkWith(this.attempt.context)(effect)
    this.fiber = fiber
    fiber.addObserver((exit) => {
      this.fiber = undefined
      done(exit)
    })
  }

  private retryAfter(headers: Transport.Headers): number | undefined {
    const now = Context.get(this.attempt.context, Clock.Clock).currentTimeMillisUnsafe()
    return retryAfterMillis(Transport.header(headers, "retry-after"), now)
  }
}

/** The credentials of a scheme that is asked in every attempt. What cannot be sent is as good as none. */
export const ask = (
  authorize: Auth.Authorize,
  request: Auth.Unsigned
): Effect.Effect<Credentials.Attachment, Unauthenticated> =>
  Effect.flatMap(
    Effect.suspend(() => {
      const credentials = authorize(request)
      return Effect.isEffect(credentials) ? credentials : Effect.succeed(credentials)
    }),
    (credentials) => {
      const problem = Credentials.problemOf(credentials)
      return problem === undefined
        ? Effect.succeed(Credentials.prepare(credentials))
        : Effect.fail(new Unauthenticated({ wasSent: false, detail: problem }))
    }
  )
