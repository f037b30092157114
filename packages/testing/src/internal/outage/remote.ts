/** The remote of a simulation: instances that queue, work and fail as their condition at the moment says. */
import type * as Random from "effect/Random"
import type { Condition, Scenario } from "../../Outage.ts"
import type { VirtualTime } from "./virtualTime.ts"

/** What a request comes to. */
export type Reply =
  | { readonly _tag: "Answer"; readonly status: number; readonly retryAfter?: number | undefined }
  /** Nobody listened. */
  | { readonly _tag: "Refused" }
  /** The host went down while it worked on it. */
  | { readonly _tag: "Reset" }

/** The way to the remote and back, where it does not have to work: milliseconds. */
export const roundTrip = 1

/** Who made the call that a request belongs to. */
export interface Caller {
  /** Requests sent for this call. */
  requests: number
}

export class Remote {
  /** When each request was sent. */
  readonly sentAt: Array<number> = []
  inFlight = 0
  mostInFlight = 0
  private readonly world: VirtualTime
  private readonly instances: ReadonlyArray<Instance>

  constructor(world: VirtualTime, scenario: Scenario, random: Random.Random) {
    this.world = world
    this.instances = Array.from(
      { length: scenario.instances },
      (_, index) => new Instance(world, () => scenario.condition(world.now, index), random)
    )
  }

  /** Sends a request; `reply` is called once, later, unless it was cancelled. */
  send(caller: Caller | undefined, reply: (reply: Reply) => void): { readonly cancel: () => void } {
    if (caller !== undefined) caller.requests++
    const instance = this.instances[this.sentAt.length % this.instances.length]!
    this.sentAt.push(this.world.now)
    this.mostInFlight = Math.max(this.mostInFlight, ++this.inFlight)
    let ended = false
    const end = (): boolean => {
      if (ended) return false
      this.inFlight--
      return ended = true
    }
    instance.take((what) => {
      if (end()) reply(what)
    })
    return { cancel: () => void end() }
  }
}

type Done = (reply: Reply) => void

class Instance {
  private readonly world: VirtualTime
  private readonly condition: () => Condition
  private readonly random: Random.Random
  private readonly queue: Array<Done> = []
  private working = 0
  /** Of the quota: the second it is counted in, and how many it took. */
  private second = 0
  private taken = 0

  constructor(world: VirtualTime, condition: () => Condition, random: Random.Random) {
    this.world = world
    this.condition = condition
    this.random = random
  }

  take(done: Done): void {
    const { failing, queue, quota, state, workers } = this.condition()
    const atOnce = (reply: Reply) => void this.world.after(roundTrip, () => done(reply))
    if (state === "silent") return
    if (state === "refusing") return atOnce({ _tag: "Refused" })
    if (quota !== undefined && !this.isWithin(quota.perSecond)) {
      return atOnce({ _tag: "Answer", status: 429, retryAfter: quota.retryAfter })
    }
    if (failing > 0 && this.random.nextDoubleUnsafe() < failing) return atOnce({ _tag: "Answer", status: 503 })
    if (this.working >= workers && this.queue.length >= queue) return atOnce({ _tag: "Answer", status: 503 })
    this.queue.push(done)
    this.work()
  }

  private isWithin(perSecond: number): boolean {
    const second = Math.floor(this.world.now / 1000)
    if (second !== this.second) this.taken = 0
    this.second = second
    return ++this.taken <= perSecond
  }

  /** Takes from the queue what there are workers for. */
  private work(): void {
    const { latency, workers } = this.condition()
    while (this.working < workers) {
      const done = this.queue.shift()
      if (done === undefined) return
      this.working++
      const beyond = latency.mean - latency.min
      const took = latency.min - Math.log(1 - this.random.nextDoubleUnsafe()) * beyond
      this.world.after(took, () => {
        this.working--
        this.finish(done)
      })
    }
  }

  private finish(done: Done): void {
    const { state } = this.condition()
    if (state === "answering") {
      done({ _tag: "Answer", status: 200 })
      return this.work()
    }
    // It went down meanwhile: what it had is lost.
    const lost = [done, ...this.queue.splice(0)]
    if (state === "refusing") { for (const each of lost) each({ _tag: "Reset" }) }
  }
}
