/**
 * The connections to one origin, each an undici `Client` with at most one request, and the requests that wait for one.
 *
 * undici's own `Pool` is not used: a cancelled request stays in its queue until its turn comes (during an outage every one
 * of them costs a connection attempt), and each queued request costs an `AsyncResource`.
 */
import { type Client, errors } from "undici"
import type { Job } from "./job.ts"

export interface Owner {
  readonly makeClient: () => Client
  /** Nothing runs, waits or is connected. */
  readonly onEmpty: (connections: Connections) => void
  /** Nothing runs or waits. */
  readonly onIdle: () => void
}

export class Connections {
  readonly clients: Array<Client> = []
  private readonly owner: Owner
  private readonly max: number
  /** The most recently used is last and is taken first, so that the others may time out. */
  private readonly idle: Array<Client> = []
  private connected = 0
  private first: Job | undefined
  private last: Job | undefined
  private readonly leave = (job: Job): void => this.unlink(job)

  constructor(owner: Owner, max: number) {
    this.owner = owner
    this.max = max
  }

  get isIdle(): boolean {
    return this.idle.length === this.clients.length
  }

  run(job: Job): void {
    const client = this.idle.pop() ?? (this.clients.length < this.max ? this.add() : undefined)
    if (client === undefined) this.link(job)
    else if (!dispatch(client, job)) this.free(client)
  }

  /** Fails what waits. */
  refuse(): void {
    for (let job = this.first; job !== undefined; job = this.first) {
      this.unlink(job)
      job.onResponseError(undefined, new errors.ClientClosedError())
    }
  }

  private add(): Client {
    const client = this.owner.makeClient()
    client.on("drain", () => this.free(client)) // once after each request that was accepted, when the next may come
    client.on("connect", () => void this.connected++)
    client.on("disconnect", () => {
      this.connected--
      this.whenEmpty()
    })
    this.clients.push(client)
    return client
  }

  private free(client: Client): void {
    for (let job = this.first; job !== undefined; job = this.first) {
      this.unlink(job)
      if (dispatch(client, job)) return
    }
    this.idle.push(client)
    if (this.isIdle) this.owner.onIdle()
    this.whenEmpty()
  }

  private whenEmpty(): void {
    if (this.connected === 0 && this.isIdle) this.owner.onEmpty(this)
  }

  private link(job: Job): void {
    job.leave = this.leave
    job.previous = this.last
    if (this.last === undefined) this.first = job
    else this.last.next = job
    this.last = job
  }

  private unlink(job: Job): void {
    if (job.previous === undefined) this.first = job.next
    else job.previous.next = job.next
    if (job.next === undefined) this.last = job.previous
    else job.next.previous = job.previous
    job.previous = job.next = job.leave = undefined
  }
}

/**
 * False if the request was refused as invalid: then its handler was told, and no `drain` follows. undici answers true
 * when it could take another at once, which with one request per client means that this one has already ended.
 */
const dispatch = (client: Client, job: Job): boolean => client.dispatch(job.options, job) || client.stats.size > 0
