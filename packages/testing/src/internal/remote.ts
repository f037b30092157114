/** The far side: takes requests in, asks the script, and makes its answer happen. */
import type * as Redaction from "@switchboard/core/Redaction"
import type * as Transport from "@switchboard/core/Transport"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as Stream from "effect/Stream"
import { type Answer, wasSent } from "../Answer.ts"
import { isBodiless } from "./body.ts"
import { buffered, streamed } from "./deliver.ts"
import { type Arrival, Recorder, stateOf } from "./recorder.ts"
import { compile, type Script } from "./script.ts"
import { UnscriptedRequest } from "./unscripted.ts"
import * as Upload from "./upload.ts"

export class Remote {
  readonly recorder: Recorder
  private handler: ReturnType<typeof compile>
  private readonly unscripted: Array<UnscriptedRequest> = []

  constructor(script: Script, redaction: Redaction.Redaction) {
    this.recorder = new Recorder(redaction)
    this.handler = compile(script)
  }

  use(script: Script): void {
    this.handler = compile(script)
  }

  /** Dies if a request came for which there was no answer. */
  get verdict(): Effect.Effect<void> {
    return Effect.suspend(() => {
      const [first] = this.unscripted
      return first === undefined ? Effect.void : Effect.die(first)
    })
  }

  arrive(request: Transport.Request, context: Context.Context<never>): Arrival {
    const { body, headers, method, origin, path } = request
    const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body ?? new Uint8Array(0)
    return this.recorder.arrive({ method, origin, path, headers, body: bytes }, Context.get(context, Clock.Clock))
  }

  /** The answer to a request, whole. */
  exchange(
    arrival: Arrival,
    request: Transport.Request
  ): Effect.Effect<Transport.Response, Transport.Failure> {
    return Effect.flatMap(this.ask(arrival), (answer) => buffered(answer, request)).pipe(
      Effect.onExit((exit) => Effect.sync(() => arrival.settle(stateOf(exit))))
    )
  }

  /** The same remote at its headers. Trace headers are sent only where they are asked for, as by `NodeSwitchboard`. */
  get client(): HttpClient.HttpClient {
    return HttpClient.make((request, url, signal, fiber) =>
      Effect.flatMap(Upload.read(request), ({ bytes, contentType }) => {
        const headers = { ...request.headers, ...(contentType === null ? {} : { "content-type": contentType }) }
        const arrival = this.recorder.arrive({
          method: request.method,
          origin: url.origin,
          path: url.pathname + url.search,
          headers: Object.entries(headers).flat(),
          body: bytes
        }, fiber.getRef(Clock.Clock))
        signal.addEventListener("abort", () => arrival.settle("cancelled"), { once: true })
        const settled = <E>(body: Stream.Stream<Uint8Array, E>) =>
          Stream.onExit(body, (exit) => Effect.sync(() => arrival.settle(stateOf(exit))))
        return Effect.flatMap(Effect.orDie(this.ask(arrival)), (answer) => streamed(answer, request, url.href, settled))
          .pipe(Effect.onExit((exit) =>
            Effect.sync(() => {
              const pending = exit._tag === "Success" && !isBodiless(request.method, exit.value.status)
              if (!pending) arrival.settle(stateOf(exit))
            })
          ))
      })
    ).pipe(HttpClient.transformResponse(withoutPropagation))
  }

  /** A handler is asked once the request is logged, so that it may read the log. */
  private ask(arrival: Arrival): Effect.Effect<Answer, UnscriptedRequest> {
    const { received } = arrival
    return Effect.suspend(() => {
      const answer = this.handler(received)
      return Effect.isEffect(answer) ? answer : Effect.succeed(answer)
    }).pipe(
      Effect.catchCauseIf(
        (cause) => !Cause.hasInterruptsOnly(cause),
        (cause) => this.miss(UnscriptedRequest.because(received, "the handler failed", Cause.squash(cause)))
      ),
      Effect.flatMap((answer) => {
        if (answer === undefined) return this.miss(UnscriptedRequest.because(received, "there is no answer"))
        arrival.wasSent = wasSent(answer)
        return Effect.succeed(answer)
      })
    )
  }

  private miss(unscripted: UnscriptedRequest): Effect.Effect<never, UnscriptedRequest> {
    this.unscripted.push(unscripted)
    return Effect.fail(unscripted)
  }
}

const withoutPropagation = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.contextWith((context: Context.Context<never>) =>
    context.mapUnsafe.has(HttpClient.TracerPropagationEnabled.key)
      ? effect
      : Effect.provideService(effect, HttpClient.TracerPropagationEnabled, false)
  )
