/** A transport to a remote in memory, and the pools that were opened in it. */
import { Transport as TransportFailure } from "@switchboard/core/IntegrationError"
import type * as Transport from "@switchboard/core/Transport"
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import { Exchange, failAll, type Live } from "./exchange.ts"
import type { Remote } from "./remote.ts"

interface Pool {
  readonly options: Transport.PoolOptions
  isOpen: boolean
  readonly live: Live
}

export const inMemory = (remote: Remote, client: HttpClient.HttpClient) => {
  const pools: Array<Pool> = []
  const acquire = (options: Transport.PoolOptions) =>
    Effect.sync(() => {
      const pool = { options, isOpen: true, live: new Set<Exchange>() }
      pools.push(pool)
      return pool
    })
  const channel = (pool: Pool): Transport.Channel => ({
    client,
    send: (request, receiver, context) => {
      const arrival = pool.isOpen ? remote.arrive(request, context) : undefined
      const answer = arrival === undefined ? closed : remote.exchange(arrival, request)
      return new Exchange(answer, { receiver, context }, pool.live, () => arrival?.wasSent ?? false)
    }
  })
  const transport: Transport.Transport = {
    open: (options) => Effect.map(Effect.acquireRelease(acquire(options), close), channel)
  }
  return { pools, transport }
}

const closed = Effect.fail(new TransportFailure({ kind: "Closed", code: "POOL_CLOSED", wasSent: false }))

const close = (pool: Pool): Effect.Effect<void> =>
  Effect.sync(() => {
    pool.isOpen = false
    failAll(pool.live)
  })
