/**
 * Spreads calls over the endpoints of a service, away from those that are down and those that keep failing.
 *
 * An endpoint that fails so many times in a row is ejected for a while: nothing is sent to it, then it is as any other. Each
 * ejection takes longer than the last one, up to a maximum; every good time of the base length makes up for one. No more
 * than a share of all are ejected at once. Where nothing but ejected ones is left that is not down, they are used after all.
 *
 * Nothing here suspends. Times are milliseconds of the monotonic clock.
 *
 * @example
 * const balancer = yield* LoadBalancer.make({ name: "coffee/Stock", endpoints: [{ id: "https://a" }, { id: "https://b" }] })
 * const picked = balancer.pick(now)
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import { NoEndpoint } from "./IntegrationError.ts"
import * as Node from "./internal/balancer/node.ts"
import { ejectionOf, validate as check, validateEndpoints } from "./internal/balancer/options.ts"
import * as Pickers from "./internal/balancer/pickers.ts"
import { stackless } from "./internal/stackless.ts"
import { type InvalidOptions, type Problem, refuse } from "./InvalidOptions.ts"
import type * as Outcome from "./Outcome.ts"
import type * as Policy from "./Policy.ts"

/** Where a service can be reached. */
export interface Endpoint {
  /** Such as its URL: what tells it from the others. */
  readonly id: string
  /** Its share of the calls beside that of others, positive: default 1. Round robin does not look at it. */
  readonly weight?: number | undefined
  readonly metadata?: Readonly<Record<string, string>> | undefined
}

/**
 * - `round-robin`: one after the other.
 * - `weighted-random`: each as often as its weight says.
 * - `least-in-flight`: of two at random the one with less in flight for its weight.
 * - `consistent-hash`: calls of one key go to one endpoint, as long as it is there. Without a key: at random, by weight.
 */
export type Strategy = Pickers.Strategy

export interface LoadBalancer {
  readonly name: string
  /** The endpoint for an attempt, or a refusal where there is none that is not down. */
  readonly pick: (now: number, options?: PickOptions) => Pick | Policy.Refusal<NoEndpoint>
  /** Other endpoints from now on. What is known of those that stay is kept, and forgotten of those that go. */
  readonly update: (endpoints: ReadonlyArray<Endpoint>) => Effect.Effect<void, InvalidOptions>
  /** What a health check says of an endpoint. One that is down is not picked until it is up again. */
  readonly mark: (id: string, status: "up" | "down") => void
  /** What is known of each endpoint. */
  readonly state: (now: number) => ReadonlyArray<State>
}

/** What a picker may want to know of a call. */
export interface PickOptions {
  /** The ids that this call has tried: others are preferred. */
  readonly tried?: ReadonlySet<string> | undefined
  /** Of the consistent hash. */
  readonly key?: string | undefined
}

/** The endpoint of one attempt. */
export interface Pick {
  readonly _tag: "Pick"
  readonly endpoint: Endpoint
  /** How the attempt ended; to be called once, however that was. A second call changes nothing. */
  readonly settle: (outcome: Outcome.Outcome, now: number) => void
}

export interface State {
  readonly endpoint: Endpoint
  readonly status: "up" | "down" | "ejected"
  /** Attempts that were not settled yet. */
  readonly inFlight: number
  /** Milliseconds until it is picked again, 0 where it is not ejected. */
  readonly ejectedFor: number
}

export interface Options {
  /** The service, for errors. */
  readonly name: string
  readonly endpoints: ReadonlyArray<Endpoint>
  /** Default `least-in-flight`. */
  readonly strategy?: Strategy | undefined
  /** `false`: none is ejected. */
  readonly ejection?: false | EjectionOptions | undefined
}

/** When an endpoint is ejected, and for how long. */
export interface EjectionOptions {
  /** Failures in a row that eject an endpoint, at least 1: default 5. One that was throttled (429) is none. */
  readonly consecutiveFailures?: number | undefined
  /** The first ejection, positive: default 30 seconds. The second takes twice as long, and so on. */
  readonly baseTime?: Duration.Input | undefined
  /** The longest, at least `baseTime`: default 5 minutes, or `baseTime` if that is longer. */
  readonly maxTime?: Duration.Input | undefined
  /**
   * The share of all endpoints that may be ejected at once, from 0 to 100: default 50. Where that is less than one of them,
   * none is.
   */
  readonly maxPercent?: number | undefined
}

/** What is wrong with some options. */
export const validate: (options: Partial<Options>) => ReadonlyArray<Problem> = check

/** A balancer of its own. What it decides by chance comes from the `Random` service that it is made under. */
export const make = Effect.fnUntraced(function*(options: Options): Effect.fn.Return<LoadBalancer, InvalidOptions> {
  yield* refuse(validate(options))
  const random = yield* Random.Random
  const balancer = new Balancer(options, () => random.nextDoubleUnsafe())
  balancer.update(options.endpoints)
  return {
    name: options.name,
    pick: (now, options) => balancer.pick(now, options),
    update: (endpoints) => Effect.map(refuse(validateEndpoints(endpoints)), () => balancer.update(endpoints)),
    mark: (id, status) => balancer.mark(id, status === "down"),
    state: (now) => balancer.nodes.map((node) => stateOf(node, now))
  }
})

class Balancer {
  nodes: ReadonlyArray<Node.Node> = []
  /** Those that may be picked … */
  private open: ReadonlyArray<Node.Node> = []
  /** … until then, when the first of the others comes back. */
  private openUntil = -Infinity
  private readonly picker: Pickers.Picker
  private readonly random: () => number
  private readonly ejection: Node.Ejection | undefined
  private readonly none: Policy.Refusal<NoEndpoint>

  constructor({ ejection, name, strategy = "least-in-flight" }: Options, random: () => number) {
    this.picker = Pickers.make(strategy)
    this.random = random
    this.ejection = ejection === false ? undefined : ejectionOf(ejection ?? {})
    this.none = {
      _tag: "Refusal",
      retryAfter: undefined,
      reason: () => stackless(() => new NoEndpoint({ service: name }))
    }
  }

  pick(now: number, { key, tried }: PickOptions = {}): Pick | Policy.Refusal<NoEndpoint> {
    if (now >= this.openUntil) this.reopen(now)
    if (this.open.length === 0) return this.none
    const fresh = tried === undefined || tried.size === 0
      ? this.open
      : this.open.filter(({ endpoint }) => !tried.has(endpoint.id))
    const node = this.picker(fresh.length === 0 ? this.open : fresh, this.random, key)
    node.inFlight++
    return picked(this, node)
  }

  settle(node: Node.Node, outcome: Outcome.Outcome, now: number): void {
    node.inFlight--
    const { ejection } = this
    if (outcome._tag === "Neutral" || ejection === undefined) return
    if (outcome._tag === "Success") node.failures = 0
    else if (
      !outcome.throttled && Node.failed(node, ejection, now) && this.nodes.includes(node) &&
      Node.mayEject(this.nodes, ejection, now)
    ) {
      Node.eject(node, ejection, now)
      this.openUntil = -Infinity
    }
  }

  update(endpoints: ReadonlyArray<Endpoint>): void {
    const known = new Map(this.nodes.map((node) => [node.endpoint.id, node]))
    this.nodes = endpoints.map((endpoint) => {
      const node = known.get(endpoint.id)
      if (node === undefined) return Node.make(endpoint, Pickers.hashOf(endpoint.id))
      node.endpoint = endpoint
      return node
    })
    this.openUntil = -Infinity
  }

  mark(id: string, down: boolean): void {
    const node = this.nodes.find(({ endpoint }) => endpoint.id === id)
    if (node === undefined || node.down === down) return
    node.down = down
    this.openUntil = -Infinity
  }

  private reopen(now: number): void {
    const up = this.nodes.filter(({ down }) => !down)
    const open = up.filter((node) => !Node.isEjected(node, now))
    this.open = open.length === 0 ? up : open
    this.openUntil = Infinity
    for (const { ejectedUntil } of up) {
      if (now < ejectedUntil && ejectedUntil < this.openUntil) this.openUntil = ejectedUntil
    }
  }
}

const picked = (balancer: Balancer, node: Node.Node): Pick => {
  let settled = false
  return {
    _tag: "Pick",
    endpoint: node.endpoint,
    settle: (outcome, now) => {
      if (settled) return
      settled = true
      balancer.settle(node, outcome, now)
    }
  }
}

const stateOf = (node: Node.Node, now: number): State => {
  const ejected = Node.isEjected(node, now)
  return {
    endpoint: node.endpoint,
    status: node.down ? "down" : ejected ? "ejected" : "up",
    inFlight: node.inFlight,
    ejectedFor: ejected ? node.ejectedUntil - now : 0
  }
}
