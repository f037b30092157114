/**
 * A connection to Redis that nobody waits for: it is made in the background, and again whenever it is lost. Until then, and
 * in between, commands fail at once with what is known of why.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { RedisError } from "effect/persistence/Redis"
import type * as Scope from "effect/Scope"
import type { ConnectionOptions } from "node:tls"
import { createClient } from "redis"
import type { Send } from "./commands.ts"
import { NotConnected } from "./reason.ts"

export interface Options {
  readonly url: string
  readonly username: string | undefined
  readonly password: string | undefined
  readonly tls: ConnectionOptions | undefined
}

/** The most milliseconds between two attempts to connect. */
const patience = 1_000

export const connect = Effect.fnUntraced(function*(options: Options): Effect.fn.Return<Send, never, Scope.Scope> {
  /** Done when it is known how the first attempt ended. */
  const attempted = yield* Deferred.make<void>()
  const ending = new AbortController()
  let lost: unknown
  let attempting = true
  const known = () => {
    attempting = false
    Deferred.doneUnsafe(attempted, Exit.void)
  }

  const socket = {
    // Closes a connection of which only this end is left.
    socketTimeout: 15_000,
    reconnectStrategy: (attempts: number) => Math.min(50 * 2 ** Math.min(attempts, 10), patience),
    // The client knows only a socket that is connected.
    signal: ending.signal
  }
  const redis = createClient({
    url: options.url,
    ...options.username !== undefined && { username: options.username },
    ...options.password !== undefined && { password: options.password },
    socket: options.tls === undefined ? socket : { ...options.tls, ...socket, tls: true },
    // Every version knows it, and answers the same.
    RESP: 2,
    // So that one which is merely idle has something to say.
    pingInterval: 5_000,
    // What could not be sent must not be sent when it is no longer wanted.
    disableOfflineQueue: true
  })
  redis.on("error", (error) => {
    lost = error
    known()
  })
  redis.on("ready", known)
  yield* Effect.acquireRelease(
    // How it ends is told by the events.
    Effect.sync(() => void redis.connect().catch(known)),
    () =>
      Effect.sync(() => {
        redis.destroy()
        ending.abort()
      })
  )

  const send: Send = (command, ...args) =>
    Effect.suspend(() =>
      attempting && !redis.isReady
        ? Effect.andThen(Deferred.await(attempted), send(command, ...args))
        : Effect.tryPromise({
          try: () => redis.sendCommand([command, ...args]),
          catch: (error) =>
            redis.isReady ? new RedisError({ cause: error }) : new NotConnected({ cause: lost ?? error })
        })
    )
  return send
})
