/**
 * A connection that the peer agreed to use for another protocol, as an Effect `Socket`.
 */
import * as Effect from "effect/Effect"
import * as HttpClientError from "effect/http/HttpClientError"
import type * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as SocketModule from "effect/socket/Socket"
import type { Duplex } from "node:stream"

/** Needs `@effect/platform-node`, an optional peer of this package; without it the upgrade fails. */
export const toSocket = (
  request: HttpClientRequest.HttpClientRequest,
  connection: Duplex
): Effect.Effect<SocketModule.Socket, HttpClientError.HttpClientError> =>
  Effect.tryPromise({
    try: () => import("@effect/platform-node/NodeSocket"),
    catch: (cause) => {
      const description = "an upgrade needs the package @effect/platform-node"
      const reason = new HttpClientError.TransportError({ request, cause, description })
      return new HttpClientError.HttpClientError({ reason })
    }
  }).pipe(Effect.flatMap((NodeSocket) => NodeSocket.fromDuplex(acquire(connection))))

const acquire = (connection: Duplex) =>
  Effect.acquireRelease(
    Effect.suspend(() => (connection.destroyed ? Effect.fail(closed()) : Effect.succeed(connection))),
    (self) => Effect.sync(() => self.destroy())
  )

const closed = () =>
  new SocketModule.SocketError({
    reason: new SocketModule.SocketOpenError({ kind: "Unknown", cause: new Error("the connection was closed") })
  })
