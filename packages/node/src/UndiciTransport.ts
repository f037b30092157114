/**
 * A transport over undici: HTTP/1.1, one request per connection at a time, a pool for each integration.
 *
 * `send` sends a request and collects the answer. `channel.client` is an `HttpClient` over the same connections, for
 * streams, uploads and upgrades. Both accept and decode gzip, deflate, br and zstd; limits apply to decoded bytes.
 * Neither has a timeout of its own except for connecting: cancel what takes too long.
 *
 * A request is written at most once (undici repeats a request only while it is waiting for a connection), so that
 * `wasSent` is false exactly until a connected socket has been given it.
 */
import type * as Transport from "@switchboard/core/Transport"
import * as Effect from "effect/Effect"
import * as Client from "./internal/client.ts"
import { acceptEncoding } from "./internal/coding.ts"
import { Exchange } from "./internal/exchange.ts"
import { type ConnectOptions, Pool } from "./internal/pool.ts"

export interface Options {
  /** How connections are made: TLS settings (`ca`, `cert`, `key`), `lookup`, `socketPath`. Default: the platform's. */
  readonly connect?: ConnectOptions | undefined
  /**
   * How long requests that run may go on when the pool is closed, in milliseconds. Those that wait for a connection are
   * refused at once; afterwards every socket is destroyed. Default 1,000.
   */
  readonly closeGrace?: number | undefined
  /**
   * How long an answer of `channel.client` that nobody has begun to read may keep its connection, in milliseconds. One
   * that ends within 64 KiB gives it back by itself. Default 30,000.
   */
  readonly unreadTimeout?: number | undefined
}

/** A transport that opens a pool of its own for each caller. */
export const make = (options: Options = {}): Transport.Transport => ({
  open: (poolOptions) =>
    Effect.map(
      Effect.acquireRelease(
        Effect.sync(() => new Pool(poolOptions, options.connect ?? {})),
        (pool) => Effect.promise(() => pool.close(options.closeGrace ?? 1_000))
      ),
      (pool): Transport.Channel => ({
        client: Client.make(pool, options.unreadTimeout ?? 30_000),
        quiet: Client.quiet(pool, options.unreadTimeout ?? 30_000),
        send: (request, receiver) => {
          if (!has(request.headers, "accept-encoding")) request.headers.push("accept-encoding", acceptEncoding)
          const exchange = new Exchange(request, receiver)
          pool.run(request.origin, exchange)
          return exchange
        }
      })
    )
})

const has = (headers: ReadonlyArray<string>, name: string): boolean => {
  for (let i = 0; i < headers.length; i += 2) if (headers[i] === name) return true
  return false
}
