/**
 * The connections of one integration, by origin, and the sockets under them.
 */
import type * as Transport from "@switchboard/core/Transport"
import type { Socket } from "node:net"
import { buildConnector, Client, errors } from "undici"
import { Connections, type Owner } from "./connections.ts"
import { maxHeaderBytes } from "./failure.ts"
import type { Job } from "./job.ts"

/** How connections are made: TLS settings (`ca`, `cert`, `key`), `lookup`, `socketPath`, `localAddress`. */
export type ConnectOptions = Omit<buildConnector.BuildOptions, "allowH2" | "preferH2" | "timeout">

export class Pool {
  /** Every socket that is connecting, connected or was handed over by an upgrade. */
  readonly sockets = new Set<Socket>()
  private readonly origins = new Map<string, Connections>()
  private readonly max: number
  private readonly clientOptions: Client.Options
  private closed = false
  private onIdle: () => void = () => {}

  constructor(options: Transport.PoolOptions, connect: ConnectOptions) {
    const connectTimeout = Math.max(1, options.connectTimeout) // 0 would mean none
    const keepAliveTimeout = Math.max(1, options.keepAliveTimeout)
    this.max = Math.max(1, options.maxConnections)
    this.clientOptions = {
      connect: this.tracked(buildConnector({ ...connect, allowH2: false, timeout: connectTimeout })),
      allowH2: false, // over HTTP/2 undici repeats requests by itself, and a cancelled one does not close the connection
      pipelining: 1,
      keepAliveTimeout,
      keepAliveMaxTimeout: keepAliveTimeout, // a hint of the server may shorten it, not lengthen it
      maxHeaderSize: maxHeaderBytes,
      headersTimeout: 0,
      bodyTimeout: 0
    }
  }

  run(origin: string, job: Job): void {
    try {
      if (this.closed) throw new errors.ClientClosedError()
      const connections = this.origins.get(origin) ?? this.open(origin)
      connections.run(job)
    } catch (error) {
      job.onResponseError(undefined, error instanceof Error ? error : new errors.InvalidArgumentError("origin"))
    }
  }

  /** Refuses what waits, gives what runs `grace` milliseconds, then destroys every socket. */
  async close(grace: number): Promise<void> {
    this.closed = true
    for (const connections of this.origins.values()) connections.refuse()
    if (!this.isIdle) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, grace) // real time: the peer does not live on a test clock
        this.onIdle = () => {
          if (!this.isIdle) return
          clearTimeout(timer)
          resolve()
        }
      })
    }
    const clients = [...this.origins.values()].flatMap((connections) => connections.clients)
    await Promise.all(clients.map((client) => client.destroy()))
    const closing = [...this.sockets].map((socket) => new Promise((resolve) => socket.once("close", resolve)))
    for (const socket of this.sockets) socket.destroy(new errors.ClientDestroyedError())
    await Promise.all(closing)
    this.origins.clear()
  }

  private get isIdle(): boolean {
    for (const connections of this.origins.values()) if (!connections.isIdle) return false
    return true
  }

  private open(origin: string): Connections {
    const owner: Owner = {
      makeClient: () => new Client(origin, this.clientOptions),
      onIdle: () => this.onIdle(),
      onEmpty: (self) => {
        if (this.origins.get(origin) === self) this.origins.delete(origin)
      }
    }
    const connections = new Connections(owner, this.max)
    this.origins.set(origin, connections)
    return connections
  }

  private tracked(connector: buildConnector.connector): buildConnector.connector {
    // the one cast of this file: undici's connector returns its socket (lib/core/connect.js), its types do not say so
    const connect = connector as (...args: Parameters<buildConnector.connector>) => Socket
    return (options, callback) => {
      const socket = connect(options, callback)
      this.sockets.add(socket)
      socket.once("close", () => this.sockets.delete(socket))
    }
  }
}
