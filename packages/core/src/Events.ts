/**
 * What happens to calls, as values: for a log, a metric, a dashboard or an observability platform.
 *
 * Without a listener no event is built. A listener is called synchronously and may not fail: what it throws is dropped. The
 * stream is bounded, and a slow subscriber loses the oldest events rather than delaying a call.
 *
 * No event holds a header, a query, a body or a secret.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as PubSub from "effect/PubSub"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { Problem } from "./InvalidOptions.ts"

const about = {
  /** The id of the integration. */
  integration: Schema.String,
  /** Wall clock, milliseconds since 1970. */
  at: Schema.Number
}
const aboutCall = {
  ...about,
  /** `group.endpoint`. */
  operation: Schema.String,
  requestId: Schema.String
}

/** A call was answered with a declared success or a declared error; `outcome` names the error. */
export const CallAnswered = Schema.TaggedStruct("CallAnswered", {
  ...aboutCall,
  attempts: Schema.Int,
  /** Milliseconds, waits and retries included. */
  duration: Schema.Number,
  /** `success`, or the tag of the declared error. */
  outcome: Schema.String,
  /** Where the remote did not answer this call: `cache`, or the name of the fallback. */
  source: Schema.optionalKey(Schema.String),
  stale: Schema.optionalKey(Schema.Boolean)
})

/** A call failed; `reason` is the tag of the reason, or `defect`. */
export const CallFailed = Schema.TaggedStruct("CallFailed", {
  ...aboutCall,
  attempts: Schema.Int,
  duration: Schema.Number,
  reason: Schema.String,
  message: Schema.String
})

/** The caller was interrupted before there was an answer. */
export const CallInterrupted = Schema.TaggedStruct("CallInterrupted", {
  ...aboutCall,
  attempts: Schema.Int,
  duration: Schema.Number
})

/** An attempt ended. */
export const AttemptEnded = Schema.TaggedStruct("AttemptEnded", {
  ...aboutCall,
  /** From 1. */
  attempt: Schema.Int,
  /** Milliseconds, from the moment all policies had let it through. */
  duration: Schema.Number,
  /** Milliseconds before that. */
  waited: Schema.Number,
  status: Schema.optionalKey(Schema.Int),
  /** The tag of the reason, where it failed. */
  reason: Schema.optionalKey(Schema.String),
  /** False for a refusal by one of our own policies: nothing reached the transport. */
  started: Schema.Boolean
})

/** Another attempt will follow after `delay` milliseconds. */
export const RetryScheduled = Schema.TaggedStruct("RetryScheduled", {
  ...aboutCall,
  /** The attempt that failed, from 1. */
  attempt: Schema.Int,
  delay: Schema.Number,
  reason: Schema.String
})

/** No further attempt, though the failure is one that another attempt might mend; `why` says what stood against it. */
export const RetryStopped = Schema.TaggedStruct("RetryStopped", {
  ...aboutCall,
  attempts: Schema.Int,
  why: Schema.String
})

/** Another attempt begins beside those of the call that run, or in place of one that failed. */
export const HedgeStarted = Schema.TaggedStruct("HedgeStarted", {
  ...aboutCall,
  /** From 2. */
  attempt: Schema.Int
})

/** A fallback had no answer either; the next one of its chain is asked. `reason` is the tag of what it failed with. */
export const FallbackFailed = Schema.TaggedStruct("FallbackFailed", {
  ...aboutCall,
  fallback: Schema.String,
  reason: Schema.String
})

/** The circuit changed its state. */
export const CircuitChanged = Schema.TaggedStruct("CircuitChanged", {
  ...about,
  from: Schema.String,
  to: Schema.String,
  /** What tripped it. */
  cause: Schema.String,
  /** Milliseconds until a probe is admitted, where it opened. */
  retryAfter: Schema.optionalKey(Schema.Number)
})

/** New calls are made with other settings from now on. */
export const SettingsChanged = Schema.TaggedStruct("SettingsChanged", about)

/** Other settings were refused; those of before stay. */
export const SettingsRefused = Schema.TaggedStruct("SettingsRefused", { ...about, problems: Schema.Array(Problem) })

/** A store that processes share cannot be reached, or can be again. */
export const StoreChanged = Schema.TaggedStruct("StoreChanged", {
  /** Such as `redis`. */
  store: Schema.String,
  /** Wall clock, milliseconds since 1970. */
  at: Schema.Number,
  available: Schema.Boolean
})

/** Everything that integrations and shared stores tell of themselves, as a Schema. */
export const IntegrationEvent = Schema.Union([
  CallAnswered,
  CallFailed,
  CallInterrupted,
  AttemptEnded,
  RetryScheduled,
  RetryStopped,
  HedgeStarted,
  FallbackFailed,
  CircuitChanged,
  SettingsChanged,
  SettingsRefused,
  StoreChanged
])
export type IntegrationEvent = typeof IntegrationEvent.Type

/** Is told every event, synchronously. */
export type Listener = (event: IntegrationEvent) => void

/** The listener that integrations built below it report to; none by default. Read when a layer is built. */
export const CurrentListener: Context.Reference<Listener | undefined> = Context.Reference<Listener | undefined>(
  "switchboard/Events/CurrentListener",
  { defaultValue: () => undefined }
)

/** The events of every integration built under `Events.layer`. */
export class Events extends Context.Service<Events, {
  /** From the moment of subscription on. */
  readonly stream: Stream.Stream<IntegrationEvent>
}>()("switchboard/Events") {}

/** Installs a listener beside those that are installed already. */
export const layerListener = (listener: Listener): Layer.Layer<never> =>
  Layer.effect(CurrentListener, Effect.map(CurrentListener, (outer) => together(outer, listener)))

/** The stream. `capacity`: events kept for a slow subscriber, default 1,024. */
export const layer = (options: { readonly capacity?: number } = {}): Layer.Layer<Events> =>
  Layer.effectContext(
    Effect.gen(function*() {
      const hub = yield* Effect.acquireRelease(
        PubSub.sliding<IntegrationEvent>(options.capacity ?? 1024),
        PubSub.shutdown
      )
      const outer = yield* CurrentListener
      return Context.make(Events, { stream: Stream.fromPubSub(hub) }).pipe(
        Context.add(CurrentListener, together(outer, (event) => publish(hub, event)))
      )
    })
  )

/** A hub that is full refuses what is published unsafely; only the effect, which is synchronous here, lets it slide. */
const publish = (hub: PubSub.PubSub<IntegrationEvent>, event: IntegrationEvent): void => {
  if (!PubSub.publishUnsafe(hub, event)) Effect.runSync(PubSub.publish(hub, event))
}

/** An event as the envelope that observability platforms take (seed format: id, service, type, payload, time, metadata). */
export const toEnvelope = (event: IntegrationEvent, eventId: string) => {
  const { _tag, at, ...said } = event
  const [serviceName, payload] = "store" in said ? ofStore(said) : ofIntegration(said)
  return {
    eventId,
    serviceName,
    eventType: _tag,
    payload,
    timestamp: new Date(at).toISOString(),
    metadata: "requestId" in event ? { requestId: event.requestId } : {}
  }
}

const ofStore = <A extends { readonly store: string }>({ store, ...payload }: A) => [store, payload] as const
const ofIntegration = <A extends { readonly integration: string }>({ integration, ...payload }: A) =>
  [integration, payload] as const

const together = (outer: Listener | undefined, inner: Listener): Listener => {
  const [first, second] = [harmless(outer), harmless(inner)]
  return (event) => {
    first?.(event)
    second?.(event)
  }
}

/** The same listener, less what it throws: it has no caller to report to, and no call may fail because it was watched. */
export const harmless = (listener: Listener | undefined): Listener | undefined =>
  listener === undefined ? undefined : (event) => {
    try {
      listener(event)
    } catch {
      return
    }
  }
