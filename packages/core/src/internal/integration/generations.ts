/**
 * An integration whose settings may change while it runs. Each set of settings is a generation with a scope of its own: new
 * calls use the newest, calls in flight end on the one they began with, and it is closed after the last of them.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import type * as Events from "../../Events.ts"
import { InvalidOptions, refuse } from "../../InvalidOptions.ts"
import type * as CircuitBreaker from "../../policy/CircuitBreaker.ts"
import type { Compiled } from "../contract/compile.ts"
import type { InFlight } from "../pipeline/inFlight.ts"
import type { Caller } from "./client.ts"

/** What one set of settings amounts to. */
export interface Generation {
  /** In the order of the contract. */
  readonly calls: ReadonlyArray<Caller>
  readonly breaker: CircuitBreaker.CircuitBreaker | undefined
  readonly inFlight: InFlight
}

export interface ReloadOptions {
  /** Whether to wait until the last call with the settings of before has ended: default false. */
  readonly awaitInFlight?: boolean | undefined
}

/** What can be done with an integration besides calling it. */
export interface Controls<Settings> {
  readonly breaker: () => CircuitBreaker.CircuitBreaker | undefined
  readonly reload: (settings: Settings, options?: ReloadOptions) => Effect.Effect<void, InvalidOptions>
}

type Method = (request?: unknown) => Effect.Effect<unknown, unknown>

/**
 * The client of a contract, with one method for each operation, and its controls. `tell` is told of each reload; what is
 * wrong with settings is said of the integration of that id.
 */
export const make = Effect.fnUntraced(function*<Settings, R>(
  id: string,
  operations: ReadonlyArray<Compiled>,
  build: (settings: Settings) => Effect.Effect<Generation, InvalidOptions, R | Scope.Scope>,
  first: Settings,
  tell: (event: Told) => void
): Effect.fn.Return<object, InvalidOptions, R | Scope.Scope> {
  const outer = yield* Effect.scope
  const context = yield* Effect.context<R>()
  const lock = yield* Semaphore.make(1)

  const open = Effect.suspend(() => refuse(outer.state._tag === "Closed" ? [closed] : []))
  const begin = (settings: Settings) =>
    Effect.gen(function*() {
      yield* open
      const scope = yield* Scope.fork(outer)
      const generation = yield* build(settings).pipe(
        // The layer may have been closed meanwhile, and this scope with it.
        Effect.tap(open),
        Effect.provideService(Scope.Scope, scope),
        Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause)))
      )
      return { ...generation, close: Scope.close(scope, Exit.void) }
    }).pipe(Effect.mapError(({ problems }) => InvalidOptions.of(problems, id)))

  let current = yield* begin(first)

  const reload = (settings: Settings, { awaitInFlight = false }: ReloadOptions = {}) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.gen(function*() {
        const next = yield* restore(begin(settings)).pipe(
          Effect.tapError(({ problems }) => Effect.sync(() => tell({ _tag: "SettingsRefused", problems })))
        )
        const previous = current
        current = next
        tell({ _tag: "SettingsChanged" })
        return yield* Effect.forkIn(Effect.andThen(previous.inFlight.none, previous.close), outer)
      })
    ).pipe(
      lock.withPermit,
      Effect.provideContext(context),
      Effect.flatMap((retiring) => awaitInFlight ? Effect.asVoid(Fiber.await(retiring)) : Effect.void)
    )

  const client: Record<string, Method | Record<string, Method>> = {}
  operations.forEach(({ endpoint, group, topLevel }, index) => {
    // Which generation a call belongs to is decided when it begins.
    const method: Method = (request = {}) => Effect.withFiber((fiber) => current.calls[index]!(request, fiber))
    if (topLevel) client[endpoint] = method
    else client[group] = { ...client[group] as Record<string, Method> | undefined, [endpoint]: method }
  })
  const controls: Controls<Settings> = { breaker: () => current.breaker, reload }
  return Object.defineProperty(client, controlsKey, { value: controls })
})

/** There is nothing left that could have other settings. */
const closed = { option: "the layer", problem: "is closed" }

/** What is told of a reload. */
export type Told =
  | Pick<typeof Events.SettingsChanged.Type, "_tag">
  | Pick<typeof Events.SettingsRefused.Type, "_tag" | "problems">

const controlsKey = Symbol.for("switchboard/controls")

/** The controls of a client made here; a test client has none. */
export const controlsOf = <Settings>(client: object): Controls<Settings> | undefined =>
  (client as { readonly [controlsKey]?: Controls<Settings> })[controlsKey]
