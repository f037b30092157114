/**
 * A connection to Redis that nobody waits for: it is made in the background, and again whenever it is lost. Until then, and
 * in between, commands fail at once with what is known of why.
 */
import * as NodeRedis from "@effect/platform-node/NodeRedis"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Scope from "effect/Scope"
import type { ConnectionOptions } from "node:tls"
import type { Send } from "./commands.ts"

export interface Options {
  readonly url: string
  readonly username: string | undefined
  readonly password: string | undefined
  readonly tls: ConnectionOptions | undefined
}

/** The most milliseconds between two attempts to connect, and that closing may take. */
const patience = 1_000

export const connect = Effect.fnUntraced(function*(options: Options): Effect.fn.Return<Send, never, Scope.Scope> {
  /** Done when it is known how the first attempt ended. */
  const attempted = yield* Deferred.make<void>()
  let client: NodeRedis.NodeRedis["Service"] | undefined
  let lost: Error | undefined

  const socket = {
    // Closes a connection of which only this end is left.
    socketTimeout: 15_000,
    reconnectStrategy: (attempts: number, cause: Error) => {
      lost = cause
      Deferred.doneUnsafe(attempted, Exit.void)
      return Math.min(50 * 2 ** Math.min(attempts, 10), patience)
    }
  }
  const layer = NodeRedis.layer({
    url: options.url,
    ...options.username !== undefined && { username: options.username },
    ...options.password !== undefined && { password: options.password },
    socket: options.tls === undefined ? socket : { ...options.tls, ...socket, tls: true },
    // So that one which is merely idle has something to say.
    pingInterval: 5_000,
    // What could not be sent must not be sent when it is no longer wanted.
    disableOfflineQueue: true
  })
  const scope = yield* Scope.make()
  const connecting = Layer.buildWithScope(layer, scope).pipe(
    // It would say each time that it cannot connect; the guard says it once.
    Effect.provide(Logger.layer([])),
    Effect.flatMap((context) => {
      client = Context.get(context, NodeRedis.NodeRedis)
      return Deferred.succeed(attempted, undefined)
    })
  )
  yield* Effect.acquireRelease(
    Effect.forkDetach(connecting, { startImmediately: true }),
    Effect.fnUntraced(function*(fiber) {
      // Closing waits for answers, which may never come.
      if (client?.client.isOpen === true) client.client.destroy()
      const closing = yield* Effect.forkDetach(
        Effect.andThen(Fiber.interrupt(fiber), Scope.close(scope, Exit.void)),
        { startImmediately: true }
      )
      yield* Effect.timeoutOption(Effect.interruptible(Fiber.await(closing)), patience)
    })
  )

  const send: Send = (command, ...args) =>
    Effect.suspend(() => {
      if (client !== undefined) {
        const { client: redis, use } = client
        const sent = use(() => redis.sendCommand([command, ...args]))
        return Effect.mapError(sent, (error) => redis.isReady ? error : lost ?? error)
      }
      return lost === undefined
        ? Effect.andThen(Deferred.await(attempted), send(command, ...args))
        : Effect.fail(lost)
    })
  return send
})
