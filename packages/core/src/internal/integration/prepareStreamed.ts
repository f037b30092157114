/** Requests that go over an `HttpClient`, and what becomes of the streams they are answered with. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Predicate from "effect/Predicate"
import * as Stream from "effect/Stream"
import * as Outcome from "../../Outcome.ts"
import type { Encoded, Streamed } from "../contract/operation.ts"
import type * as Attempt from "../pipeline/attempt.ts"
import * as EffectAttempt from "../pipeline/effectAttempt.ts"
import * as HandedOut from "../pipeline/handedOut.ts"
import { Lent } from "../pipeline/lent.ts"
import type * as Run from "../pipeline/run.ts"
import * as StreamedClient from "../pipeline/streamedClient.ts"
import { isKeyed, type Prepare, type Prepared, sending } from "./prepare.ts"
import type { Shared } from "./shared.ts"

export const streamed = (operation: Streamed, shared: Shared): Prepare => {
  const client = StreamedClient.make(shared.channel, { ...shared, ...sending(operation, shared) })
  const lent = new Lent(shared.scope)
  const compile = (limit: number) => ({ limit, send: operation.run(client, undefined, limit) })
  let compiled: ReturnType<typeof compile> | undefined
  const prepared = (request: unknown, head: Encoded, plan: Run.Plan): Prepared => {
    if (compiled?.limit !== plan.maxResponseBytes) compiled = compile(plan.maxResponseBytes)
    const { send } = compiled
    const { classify, keyHeader, maxRequestBytes } = plan
    const start: Prepared["start"] = (attempt, sink) => {
      const answer: StreamedClient.Answer = {
        sent: false,
        status: undefined,
        retryAfter: undefined,
        at: attempt.at,
        span: attempt.span,
        keyHeader,
        maxRequestBytes
      }
      const work = Effect.provideService(send(request), StreamedClient.CurrentAnswer, answer)
      const outcomeOf = (exit: Exit.Exit<unknown, unknown>) =>
        classify?.(exit) ?? Outcome.fromAnswer(exit, answer.status, answer.retryAfter)
      const handingOut: Attempt.Sink = {
        handOver: (answer, outcome, status) => sink.handOver(answer, outcome, status),
        end: (exit, outcome, status) => {
          const handOut = Exit.isSuccess(exit) ? streamIn(exit.value) : undefined
          if (handOut === undefined) return sink.end(exit, outcome, status)
          sink.handOver(
            (held) => handOut((stream) => HandedOut.make(stream, held, { attempt, outcome, plan, lent })),
            outcome,
            status
          )
        }
      }
      return EffectAttempt.start(attempt, handingOut, work, outcomeOf, answer)
    }
    const once: Run.Work = { oneShot: operation.oneShot(request), start }
    return { ...once, keyed: isKeyed(head, plan), kept: () => once, identity }
  }
  return (request, plan) => Effect.mapEager(operation.head(request), (head) => prepared(request, head, plan))
}

/** Nothing that is shared is a stream. */
const identity = () => ""

type Replace = (stream: Stream.Stream<unknown, unknown>) => Stream.Stream<unknown, unknown>

/** Puts another stream in the place of the one in an answer, if there is one. */
const streamIn = (value: unknown): ((replace: Replace) => unknown) | undefined => {
  if (isStream(value)) return (replace) => replace(value)
  if (!Predicate.hasProperty(value, "body") || !isStream(value.body)) return undefined
  const { body } = value
  return (replace) => ({ ...value, body: replace(body) })
}

/** What a stream of a contract needs, it was given when it was made. */
const isStream = (value: unknown): value is Stream.Stream<unknown, unknown> => Stream.isStream(value)
