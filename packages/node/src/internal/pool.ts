/**
 * The connections of one integration, by origin, and the sockets under them.
 */
import type * as Transport from "@switchboard/core/Transport"
import type { LookupFunction, Socket } from "node:net"
import type { ConnectionOptions } from "node:tls"
import { buildConnector, Client, errors } from "undici"
import { Connections, type Owner } from "./connections.ts"
import { maxHeaderBytes } from "./failure.ts"
import type { Job } from "./job.ts"
import { onread, readDirectly } from "./socketReads.ts"

/** How connections are made. Absent means the platform's default. */
export interface ConnectOptions extends Pick<ConnectionOptions, TlsOption> {
  /** Resolves names, and may refuse addresses; not called for an origin that is an address. Default: the system's. */
  readonly lookup?: LookupFunction
  /** A Unix domain socket or named pipe, to connect to instead of the origin. */
  readonly socketPath?: string
  /** The local address to connect from. */
  readonly localAddress?: string
}
type TlsOption =
  | "ca"
  | "cert"
  | "key"
  | "pfx"
  | "passphrase"
  | "servername"
  | "rejectUnauthorized"
  | "checkServerIdentity"
  | "minVersion"
  | "ciphers"

export class Pool {
  /** Every socket that is connecting, connected or was handed over by an upgrade. */
  readonly sockets = new Set<Socket>()
  private readonly origins = new Map<string, Connections>()
  private readonly max: number
  private readonly clientOptions: Client.Options
  private closed = false
  private onIdle: () => void = () => {}

  constructor(options: Transport.PoolOptions, connect: ConnectOptions) {
    const keepAliveTimeout = timerMillis(options.keepAliveTimeout)
    this.max = Math.max(1, Math.floor(options.maxConnections))
    this.clientOptions = {
      connect: this.connector(connect, timerMillis(options.connectTimeout)),
      allowH2: false, // over HTTP/2 undici repeats requests by itself
      pipelining: 1,
      keepAliveTimeout,
      keepAliveMaxTimeout: keepAliveTimeout, // a hint of the server may shorten it, not lengthen it
      maxHeaderSize: maxHeaderBytes,
      headersTimeout: 0,
      bodyTimeout: 0
    }
  }

  /** Origins that have a connection, or a request that runs or waits. */
  get size(): number {
    return this.origins.size
  }

  run(origin: string, job: Job): void {
    try {
      if (this.closed) throw new errors.ClientClosedError()
      const connections = this.origins.get(origin) ?? this.open(origin)
      connections.run(job)
    } catch (error) {
      this.origins.get(origin)?.forgetIfEmpty()
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
    await Promise.all([...this.origins.values()].flatMap((connections) => connections.destroy()))
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

  /** undici's connector, with a timer of our own: undici's is up to a second late. */
  private connector(options: ConnectOptions, timeout: number): buildConnector.connector {
    // the one cast of this file: undici's connector returns its socket (lib/core/connect.js), its types do not say so
    const connect = buildConnector({ ...options, allowH2: false, timeout: 0, onread }) as Connect
    return (target, callback) => {
      const expire = () => socket.destroy(new errors.ConnectTimeoutError("connecting took too long"))
      const timer = setTimeout(expire, timeout)
      const socket = connect(target, (...result) => {
        clearTimeout(timer)
        callback(...result)
      })
      readDirectly(socket)
      this.sockets.add(socket)
      socket.once("close", () => {
        clearTimeout(timer)
        this.sockets.delete(socket)
      })
    }
  }
}

/** What a timer of Node can wait: more, or an infinity, would become 1 ms. */
const timerMillis = (millis: number): number => Math.min(Math.max(1, millis), 2_147_483_647)

type Connect = (...args: Parameters<buildConnector.connector>) => Socket
