/**
 * The connections to one origin, each an undici `Client` with at most one request, and the requests that wait for one.
 *
 * A client whose answer is complete is given the next request in the same turn of the event loop, before undici would
 * call it idle: no timer, and no event. It sends the request one turn later, when it has read what the peer may have sent
 * behind the answer: most often that it has closed the connection, on which the request would be lost.
 *
 * undici's own `Pool` is not used: a cancelled request stays in its queue until its turn comes (during an outage every
 * one of them costs a connection attempt), and each queued request costs an `AsyncResource`.
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
  private readonly owner: Owner
  private readonly max: number
  private readonly slots: Array<Slot> = []
  /** The most recently used is last and is taken first, so that the others may time out; first are those without a connection. */
  private readonly idle: Array<Slot> = []
  private connected = 0
  /** Those whose answer is complete: they are free within this turn of the event loop, so that no other need be added. */
  private ending: Array<Slot> = []
  private waiting = 0
  private first: Job | undefined
  private last: Job | undefined
  private readonly leave = (job: Job): void => this.unlink(job)

  constructor(owner: Owner, max: number) {
    this.owner = owner
    this.max = max
  }

  get isIdle(): boolean {
    return this.idle.length === this.slots.length
  }

  run(job: Job): void {
    const slot = this.idle.pop() ?? this.add()
    if (slot === undefined) this.link(job)
    else if (!slot.start(job)) this.drained(slot)
  }

  /** Fails what waits. */
  refuse(): void {
    for (let job = this.first; job !== undefined; job = this.first) {
      this.unlink(job)
      job.onResponseError(undefined, new errors.ClientClosedError())
    }
  }

  /** Tells the owner when it is of no use any more. */
  forgetIfEmpty(): void {
    if (this.connected === 0 && this.isIdle) this.owner.onEmpty(this)
  }

  destroy(): ReadonlyArray<Promise<void>> {
    return this.slots.map((slot) => slot.client.destroy())
  }

  private add(): Slot | undefined {
    if (this.slots.length >= this.max || this.waiting < this.ending.length) return undefined
    const client = this.owner.makeClient()
    const slot: Slot = new Slot(client, () => this.end(slot))
    client.on("drain", () => this.drained(slot))
    client.on("connect", () => {
      this.connected++
      slot.isConnected = true
    })
    client.on("disconnect", () => {
      this.connected--
      slot.isConnected = false
      const index = this.idle.indexOf(slot)
      if (index > 0) this.idle.unshift(...this.idle.splice(index, 1))
      this.forgetIfEmpty()
    })
    this.slots.push(slot)
    return slot
  }

  private end(slot: Slot): void {
    slot.isEnding = true
    if (this.ending.push(slot) === 1) setImmediate(this.freeAll)
  }

  private readonly freeAll = (): void => {
    const { ending } = this
    this.ending = []
    for (const slot of ending) if (slot.isEnding) this.free(slot)
  }

  /** It has no request any more: told of by undici, after the answer, unless it has been given the next one. */
  private drained(slot: Slot): void {
    if (!slot.isFree && slot.client.stats.size === 0) this.free(slot)
    if (this.isIdle) this.owner.onIdle()
    this.forgetIfEmpty()
  }

  private free(slot: Slot): void {
    slot.isEnding = false
    for (let job = this.first; job !== undefined; job = this.first) {
      this.unlink(job)
      if (slot.start(job)) return
    }
    slot.isFree = true
    if (slot.isConnected) this.idle.push(slot)
    else this.idle.unshift(slot)
  }

  private link(job: Job): void {
    this.waiting++
    job.leave = this.leave
    job.previous = this.last
    if (this.last === undefined) this.first = job
    else this.last.next = job
    this.last = job
  }

  private unlink(job: Job): void {
    this.waiting--
    if (job.previous === undefined) this.first = job.next
    else job.previous.next = job.next
    if (job.next === undefined) this.last = job.previous
    else job.next.previous = job.previous
    job.previous = job.next = job.leave = undefined
  }
}

/** A client, and whether it may be given a request. */
class Slot {
  readonly client: Client
  isConnected = false
  isEnding = false
  isFree = false
  private readonly release: () => void

  /** `release` is called when an answer is complete. */
  constructor(client: Client, release: () => void) {
    this.client = client
    this.release = release
  }

  /**
   * False if the request was refused as invalid: then its handler was told, and no `drain` follows. undici answers true
   * when it could take another at once, which with one request per client means that this one has already ended.
   */
  start(job: Job): boolean {
    this.isFree = false
    job.release = this.release
    return this.client.dispatch(job.options, job) || this.client.stats.size > 0
  }
}
