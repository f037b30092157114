/**
 * What is told of a call: spans, metrics and events, with THE table of their names. Names are OpenTelemetry's where it has
 * one (semantic conventions 1.37, HTTP client spans and metrics).
 *
 * Labels are bounded: integration, operation, template, status, the tag of a reason; never a URL, a key or an id.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Exit from "effect/Exit"
import * as Metric from "effect/Metric"
import * as Predicate from "effect/Predicate"
import type * as Tracer from "effect/Tracer"
import type * as Call from "./Call.ts"
import type * as Events from "./Events.ts"
import { isIntegrationError } from "./IntegrationError.ts"
import { failOf } from "./internal/failure.ts"
import { reasonOf } from "./Outcome.ts"
import type { Provenance } from "./Provenance.ts"

/** Every metric: name, kind, unit and labels. */
export const metrics = {
  "http.client.request.duration": {
    kind: "histogram",
    unit: "s",
    labels: [
      "http.request.method",
      "server.address",
      "server.port",
      "url.template",
      "http.response.status_code",
      "error.type"
    ],
    description: "One attempt, from admission to the last byte of the body."
  },
  "switchboard.call.duration": {
    kind: "histogram",
    unit: "s",
    labels: ["switchboard.integration", "switchboard.operation", "switchboard.outcome"],
    description:
      "One call, waits and retries included. The outcome is success, interrupted, or the tag of the error or reason."
  },
  "switchboard.retries": {
    kind: "counter",
    unit: "{attempt}",
    labels: ["switchboard.integration", "switchboard.operation", "error.type"],
    description: "Attempts after the first."
  },
  "switchboard.hedges": {
    kind: "counter",
    unit: "{attempt}",
    labels: ["switchboard.integration", "switchboard.operation"],
    description: "Attempts begun while another one of the same call was running, or had failed, in place of a retry."
  },
  "switchboard.answers": {
    kind: "counter",
    unit: "{call}",
    labels: ["switchboard.integration", "switchboard.operation", "switchboard.source", "switchboard.stale"],
    description: "Answers that the remote did not give to this call: the source is cache, or the name of the fallback."
  },
  "switchboard.refusals": {
    kind: "counter",
    unit: "{attempt}",
    labels: ["switchboard.integration", "switchboard.operation", "error.type"],
    description: "Attempts refused before anything was sent."
  },
  "switchboard.circuit.state": {
    kind: "gauge",
    unit: "1",
    labels: ["switchboard.integration"],
    description: "0 closed, 1 half-open, 2 open, 3 isolated, 4 metrics only, 5 disabled."
  }
} as const

/** Every span: name, kind, attributes. */
export const spans = {
  call: {
    name: "{integration} {operation}",
    kind: "internal",
    attributes: [
      "switchboard.integration",
      "switchboard.operation",
      "switchboard.request_id",
      "switchboard.attempts",
      "error.type"
    ]
  },
  attempt: {
    name: "{method} {template}",
    kind: "client",
    attributes: [
      "http.request.method",
      "url.template",
      "url.full",
      "server.address",
      "server.port",
      "http.request.resend_count",
      "http.response.status_code",
      "error.type"
    ]
  }
} as const

/** What a call is told by. */
export interface CallInfo extends Omit<Call.Call, "attempt"> {
  readonly context: Context.Context<never>
}

/** How an attempt ended. */
export interface AttemptInfo {
  readonly attempt: number
  readonly exit: Exit.Exit<unknown, unknown>
  readonly status: number | undefined
  /** Milliseconds, from the moment all policies had let it through. */
  readonly duration: number
  /** Milliseconds before that: in a queue, for a token, for a refusal. */
  readonly waited: number
  /** False where one of our own policies refused. */
  readonly started: boolean
}

/** Is told what happens to the calls of one operation. */
export interface Observer {
  readonly attemptEnded: (call: CallInfo, attempt: AttemptInfo) => void
  /** `delay` in milliseconds. */
  readonly retryScheduled: (call: CallInfo, attempt: AttemptInfo, delay: number) => void
  readonly retryStopped: (call: CallInfo, attempts: number, why: string) => void
  /** Another attempt begins beside those that run. */
  readonly hedged: (call: CallInfo, attempt: number) => void
  readonly fallbackFailed: (call: CallInfo, fallback: string, cause: Cause.Cause<unknown>) => void
  /** `duration` in milliseconds. */
  readonly callEnded: (
    call: CallInfo,
    exit: Exit.Exit<unknown, unknown>,
    attempts: number,
    duration: number,
    provenance?: Provenance | undefined
  ) => void
  readonly callSpan: (call: CallInfo) => SpanDescription
  readonly attemptSpan: (call: CallInfo, attempt: number) => SpanDescription
}

/** A span to open. */
export interface SpanDescription {
  readonly name: string
  readonly options: Tracer.SpanOptions
}

/** Attributes that one operation's telemetry carries. */
export interface Subject {
  readonly integration: string
  readonly operation: string
  readonly method: string
  /** The path of the contract, with `{placeholders}`. */
  readonly template: string
  /** Scheme, host and port. */
  readonly origin: string
  readonly listener: Events.Listener | undefined
}

// OpenTelemetry's recommended boundaries for HTTP durations, in seconds.
const boundaries = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]

/** The observer of one operation. */
export const make = (subject: Subject): Observer => {
  const { integration, listener, operation } = subject
  const server = serverOf(subject.origin)
  const ours = { "switchboard.integration": integration, "switchboard.operation": operation }
  const http = { "http.request.method": subject.method, "url.template": subject.template, ...server }
  const attempts = series((key) =>
    Metric.histogram("http.client.request.duration", {
      description: metrics["http.client.request.duration"].description,
      boundaries,
      attributes: {
        ...http,
        unit: "s",
        ...labelsOf(String(key))
      }
    })
  )
  const calls = series((outcome) =>
    Metric.histogram("switchboard.call.duration", {
      description: metrics["switchboard.call.duration"].description,
      boundaries,
      attributes: { ...ours, unit: "s", "switchboard.outcome": String(outcome) }
    })
  )
  const counter = (name: "switchboard.retries" | "switchboard.refusals") =>
    series((type) =>
      Metric.counter(name, {
        description: metrics[name].description,
        incremental: true,
        attributes: { ...ours, "error.type": String(type) }
      })
    )
  const retries = counter("switchboard.retries")
  const refusals = counter("switchboard.refusals")
  const hedges = series(() =>
    Metric.counter("switchboard.hedges", {
      description: metrics["switchboard.hedges"].description,
      incremental: true,
      attributes: ours
    })
  )
  const answers = series((key) => {
    const [source, stale] = String(key).split(" ")
    return Metric.counter("switchboard.answers", {
      description: metrics["switchboard.answers"].description,
      incremental: true,
      attributes: { ...ours, "switchboard.source": source!, "switchboard.stale": String(stale === "stale") }
    })
  })
  const tell = (
    call: CallInfo,
    event: { readonly _tag: Events.IntegrationEvent["_tag"]; readonly [field: string]: unknown }
  ) => {
    const at = Context.get(call.context, Clock.Clock).currentTimeMillisUnsafe()
    listener!({ integration, operation, requestId: call.requestId, at, ...event } as Events.IntegrationEvent)
  }
  return {
    attemptEnded: (call, { attempt, duration, exit, started, status, waited }) => {
      const reason = Exit.isSuccess(exit) ? undefined : tagOf(exit)
      if (started) {
        attempts(reason === undefined ? status ?? "" : `${status ?? ""} ${reason}`)
          .updateUnsafe(duration / 1000, call.context)
      } else refusals(reason ?? "unknown").updateUnsafe(1, call.context)
      if (listener === undefined) return
      tell(call, {
        _tag: "AttemptEnded",
        attempt,
        duration,
        waited,
        started,
        ...(status === undefined ? undefined : { status }),
        ...(reason === undefined ? undefined : { reason })
      })
    },
    retryScheduled: (call, { attempt, exit }, delay) => {
      const reason = tagOf(exit)
      retries(reason).updateUnsafe(1, call.context)
      if (listener !== undefined) tell(call, { _tag: "RetryScheduled", attempt, delay, reason })
    },
    retryStopped: (call, attempts, why) => {
      if (listener !== undefined) tell(call, { _tag: "RetryStopped", attempts, why })
    },
    hedged: (call, attempt) => {
      hedges("").updateUnsafe(1, call.context)
      if (listener !== undefined) tell(call, { _tag: "HedgeStarted", attempt })
    },
    fallbackFailed: (call, fallback, cause) => {
      if (listener !== undefined) {
        tell(call, { _tag: "FallbackFailed", fallback, reason: tagOf(Exit.failCause(cause)) })
      }
    },
    callEnded: (call, exit, attempts, duration, provenance) => {
      const source = provenance?.fallback ?? (provenance?.source === "cache" ? "cache" : undefined)
      if (source !== undefined) answers(provenance?.stale ? `${source} stale` : source).updateUnsafe(1, call.context)
      const outcome = Exit.isSuccess(exit) ? "success" : tagOf(exit)
      calls(outcome).updateUnsafe(duration / 1000, call.context)
      if (listener === undefined) return
      if (outcome === "interrupted") return tell(call, { _tag: "CallInterrupted", attempts, duration })
      const reason = reasonOf(exit)
      if (reason !== undefined) {
        return tell(call, { _tag: "CallFailed", attempts, duration, reason: outcome, message: reason.message })
      }
      // What a defect says of itself may be anything.
      return outcome === "defect"
        ? tell(call, { _tag: "CallFailed", attempts, duration, reason: outcome, message: "a defect ended the call" })
        : tell(call, {
          _tag: "CallAnswered",
          attempts,
          duration,
          outcome,
          ...(source === undefined ? undefined : { source, stale: provenance?.stale })
        })
    },
    callSpan: (call) => ({
      name: `${integration} ${operation}`,
      options: { kind: "internal", attributes: { ...ours, "switchboard.request_id": call.requestId } }
    }),
    attemptSpan: (_, attempt) => ({
      name: `${subject.method} ${subject.template}`,
      options: {
        kind: "client",
        attributes: attempt === 1 ? http : { ...http, "http.request.resend_count": attempt - 1 }
      }
    })
  }
}

/** The gauge of a circuit. */
export const circuitState = (integration: string): Metric.Gauge<number> =>
  Metric.gauge("switchboard.circuit.state", {
    description: metrics["switchboard.circuit.state"].description,
    attributes: { "switchboard.integration": integration }
  })

/** A bounded name for how something ended: the tag of an error or a reason, `interrupted`, or `defect`. */
export const tagOf = (exit: Exit.Exit<unknown, unknown>): string => {
  if (Exit.isSuccess(exit)) return "success"
  const fail = failOf(exit.cause)
  if (fail === undefined) return Cause.hasInterruptsOnly(exit.cause) ? "interrupted" : "defect"
  const { error } = fail
  if (isIntegrationError(error)) return error.reason._tag
  if (Predicate.hasProperty(error, "_tag") && typeof error._tag === "string") return error._tag
  return error instanceof Error ? error.name : "error"
}

/** A status, a space and a tag, or one of the two. */
const labelsOf = (key: string): Record<string, string> => {
  const [status, type] = key.split(" ")
  return {
    ...(status === "" ? undefined : { "http.response.status_code": status! }),
    ...(type === undefined ? undefined : { "error.type": type })
  }
}

/** The most values of one label: a contract whose error tags come from the remote must not make as many series. */
const mostSeries = 64

const series = <M>(make: (label: string | number) => M): (label: string | number) => M => {
  const known = new Map<string | number, M>()
  return (label) => {
    const bounded = known.size < mostSeries || known.has(label) ? label : "other"
    let metric = known.get(bounded)
    if (metric === undefined) known.set(bounded, metric = make(bounded))
    return metric
  }
}

const serverOf = (origin: string): { readonly "server.address": string; readonly "server.port": string } => {
  const url = new URL(origin)
  return {
    "server.address": url.hostname,
    "server.port": url.port === "" ? (url.protocol === "https:" ? "443" : "80") : url.port
  }
}
