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
import { Answered } from "../cache/answered.ts"
import type { Buffered, Encoded } from "../contract/operation.ts"
import { millis } from "../monotonic.ts"
import { retryAfterMillis } from "../retryAfter.ts"
import { settled } from "../settled.ts"
import type { Attempt, Running, Sink } from "./attempt.ts"
import * as Credentials from "./credentials.ts"
import * as EffectAttempt from "./effectAttempt.ts"

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
  /** The header that says how many milliseconds the attempt has, if one does. */
  readonly deadlineHeader: string | undefined
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
export const start = (wire: Wire, limits: Limits, encoded: Encoded, attempt: Attempt, sink: Sink): Running => {
  const exchange = new Exchange(wire, limits, attempt, sink)
  exchange.begin(toRequest(wire, limits, encoded, attempt))
  return exchange
}

/**
 * The same for an answer that is kept: the attempt succeeds with an `Answered`. One that is known, but too old, is asked for
 * with its validator, unless the request has a condition of its own.
 */
export const startKept = (
  wire: Wire,
  limits: Limits,
  encoded: Encoded,
  known: Answered | undefined,
  attempt: Attempt,
  sink: Sink
): Running => {
  const conditions = known === undefined || isConditional(encoded.headers) ? [] : known.conditions
  const exchange = new KeptExchange(wire, limits, attempt, sink, conditions.length === 0 ? undefined : known)
  const request = toRequest(wire, limits, encoded, attempt)
  request.headers.push(...conditions)
  exchange.begin(request)
  return exchange
}

/** RFC 9110 section 13.1. */
const preconditions = ["if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range"]
const isConditional = (headers: ReadonlyArray<string>): boolean =>
  preconditions.some((name) => hasHeader(headers, name))

/** Whether a flat list of headers has one of that name. */
const hasHeader = (headers: ReadonlyArray<string>, name: string): boolean => {
  for (let i = 0; i < headers.length; i += 2) if (headers[i] === name) return true
  return false
}

const toRequest = (wire: Wire, limits: Limits, encoded: Encoded, attempt: Attempt): Transport.Request => {
  const { call } = attempt
  const own = encoded.headers.length
  const headers = encoded.headers.slice()
  for (let i = 0; i < wire.headers.length; i += 2) add(headers, own, wire.headers[i]!, wire.headers[i + 1]!)
  add(headers, own, "x-request-id", call.requestId)
  const { keyHeader } = limits
  if (keyHeader !== undefined && call.idempotencyKey !== undefined) add(headers, own, keyHeader, call.idempotencyKey)
  if (attempt.attempt > 1) add(headers, own, "x-retry-attempt", String(attempt.attempt - 1))
  if (wire.propagateTrace && attempt.span !== undefined) {
    add(headers, own, "traceparent", HttpTraceContext.toHeaders(attempt.span).traceparent!)
  }
  if (wire.deadlineHeader !== undefined) add(headers, own, wire.deadlineHeader, timeLeft(attempt.at, attempt.context))
  return {
    method: wire.operation.method,
    origin: wire.origin,
    path: wire.prefix + encoded.path,
    headers,
    body: encoded.body,
    maxResponseBytes: limits.maxResponseBytes
  }
}

/** What the contract sends under a name of ours stays; its own headers are the first ones. */
const add = (headers: Array<string>, own: number, name: string, value: string): void => {
  for (let i = 0; i < own; i += 2) if (headers[i] === name) return
  headers.push(name, value)
}

/** Whole milliseconds until a time of the monotonic clock. */
export const timeLeft = (at: number, context: Context.Context<never>): string =>
  String(Math.max(0, Math.floor(at - millis(Context.get(context, Clock.Clock)))))

/** The URL as an observer may see it: before credentials, and as its template where the contract redacts what is in it. */
export const shownUrl = (
  { prefix, redaction, secretTemplate }: Pick<Wire, "prefix" | "redaction" | "secretTemplate">,
  { origin, path }: Pick<Transport.Request, "origin" | "path">
): string => origin + (secretTemplate === undefined ? Redaction.path(redaction, path) : prefix + secretTemplate)

class Exchange implements Running, Transport.Receiver {
  protected readonly wire: Wire
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
    const decoded = this.decode(response, retryAfter)
    const exit = settled(decoded)
    if (exit !== undefined) return this.conclude(exit, status, retryAfter)
    this.run(decoded, (exit) => this.conclude(exit, status, retryAfter))
  }

  onFailure(reason: Transport.Failure): void {
    this.conclude(Exit.fail(reason), undefined, undefined)
  }

  protected decode(response: Transport.Response, retryAfter: number | undefined): Effect.Effect<unknown, unknown> {
    return this.wire.operation.decode(response, retryAfter)
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

  private run<A, E>(effect: Effect.Effect<A, E>, done: (exit: Exit.Exit<A, E>) => void): void {
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

class KeptExchange extends Exchange {
  /** What was asked for by its validator: a 304 then says that it has not changed. */
  private readonly known: Answered | undefined
  private response: Transport.Response | undefined = undefined

  constructor(wire: Wire, limits: Limits, attempt: Attempt, sink: Sink, known: Answered | undefined) {
    // What came of it is judged by its value, as everywhere.
    super(wire, limits, attempt, {
      handOver: (answer, outcome, status) => sink.handOver(answer, outcome, status),
      end: (exit, outcome, status) => sink.end(Exit.map(exit, (value) => this.answered(value)), outcome, status)
    })
    this.known = known
  }

  protected override decode(response: Transport.Response, retryAfter: number | undefined) {
    this.response = response
    return response.status === 304 && this.known !== undefined
      ? Effect.succeed(this.known.value)
      : super.decode(response, retryAfter)
  }

  private answered(value: unknown): Answered {
    const { known, response } = this
    return response?.status === 304 && known !== undefined ? known.confirmedBy(response) : new Answered(value, response)
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
