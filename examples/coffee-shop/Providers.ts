/**
 * Starts the providers' process, unless real endpoints are configured, and passes on what it says. Addresses and settings reach
 * the integrations the way they do in a deployment: through configuration, of which what is set in the environment comes first.
 */
import { Config, ConfigProvider, Context, Deferred, Effect, Layer, Option, Queue, Schema } from "effect"
import { type ChildProcess, fork } from "node:child_process"
import type { Journal } from "./Journal.ts"
import { type Books, type Command, Message, type Options } from "./providers/Messages.ts"

/** The process has ended before the shop has closed. */
export class ProvidersGone extends Schema.TaggedError<ProvidersGone>()("ProvidersGone", {
  exitCode: Schema.NullOr(Schema.Int)
}) {
  override get message(): string {
    return `the process of the providers has ended early (exit code ${this.exitCode})`
  }
}

export class Providers extends Context.Service<Providers, {
  /** Whether payments go to the providers' process, rather than to a real service. */
  readonly simulatesPayments: boolean
  /** Their schedules begin. */
  readonly begin: Effect.Effect<void>
  /** What they have done, by their own account. */
  readonly books: Effect.Effect<Books>
  /** Fails when the process ends. */
  readonly gone: Effect.Effect<never, ProvidersGone>
}>()("coffee/Providers") {}

export const layer = (options: { readonly seed: number; readonly journal: Journal }) =>
  Layer.effectContext(Effect.gen(function*() {
    const payments = Option.isNone(yield* Config.option(Config.String("PAYMENTS_BASE_URL")))
    const notifications = Option.isNone(yield* Config.option(Config.String("NOTIFICATIONS_BASE_URL")))
    const { books, child, gone, listening } = yield* start(
      { seed: options.seed, payments, notifications },
      options.journal
    )
    const urls = yield* Effect.raceFirst(Deferred.await(listening), Deferred.await(gone))
    const current = yield* ConfigProvider.ConfigProvider
    const simulated = ConfigProvider.fromEnvRecord({
      ...(urls.payments === undefined
        ? {}
        : { ...hurried("PAYMENTS"), PAYMENTS_BASE_URL: urls.payments, PAYMENTS_TOKEN: "demo-token" }),
      ...(urls.notifications === undefined
        ? {}
        : {
          ...hurried("NOTIFICATIONS"),
          NOTIFICATIONS_BASE_URL: urls.notifications,
          NOTIFICATIONS_API_KEY: "demo-key"
        })
    })
    const say = (command: Command) => Effect.sync(() => void child.send(command))
    return Context.make(Providers, {
      simulatesPayments: payments,
      begin: say("begin"),
      books: Effect.andThen(say("books"), Queue.take(books)),
      gone: Deferred.await(gone)
    }).pipe(Context.add(ConfigProvider.ConfigProvider, ConfigProvider.orElse(current, simulated)))
  }))

/** A minute passes in four seconds, so the times that are set for production shrink as well. */
const hurried = (name: string) => ({
  [`${name}_ATTEMPT_TIMEOUT`]: "660 millis",
  [`${name}_TOTAL_TIMEOUT`]: "2 seconds",
  [`${name}_BREAKER_RESET_TIMEOUT`]: "1 second",
  [`${name}_BREAKER_MAX_RESET_TIMEOUT`]: "2 seconds"
})

const start = Effect.fnUntraced(function*(options: Options, journal: Journal) {
  const listening = yield* Deferred.make<Extract<Message, { readonly _tag: "Listening" }>>()
  const gone = yield* Deferred.make<never, ProvidersGone>()
  const books = yield* Queue.unbounded<Books>()
  const child = yield* Effect.acquireRelease(
    Effect.sync(() => fork(new URL("./providers/process.ts", import.meta.url), [JSON.stringify(options)])),
    stop
  )
  child.once("exit", (exitCode) => Deferred.doneUnsafe(gone, Effect.fail(new ProvidersGone({ exitCode }))))
  child.on("message", (json) => {
    const message = decode(json)
    switch (message._tag) {
      case "Listening":
        return Deferred.doneUnsafe(listening, Effect.succeed(message))
      case "Phase":
        return journal.phaseBegan(message.service, message.phase)
      case "Books":
        return Queue.offerUnsafe(books, message)
    }
  })
  return { books, child, gone, listening }
})

const decode = Schema.decodeUnknownSync(Message)

/** Hanging up is enough: the process ends when its channel does. */
const stop = (child: ChildProcess): Effect.Effect<void> =>
  Effect.callback((resume) => {
    if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
    child.once("exit", () => resume(Effect.void))
    child.disconnect()
  })
