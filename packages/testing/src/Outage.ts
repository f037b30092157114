/**
 * An outage to simulate: how callers arrive, how the remote behaves at each moment, and when the trouble begins and ends.
 *
 * Callers arrive at random and do not wait for each other, as those of a web server do: an outage does not make them
 * fewer. The remote is one or several instances behind one address, each with workers and a queue. An instance does not
 * notice that a caller gave up; it serves what it has queued.
 *
 * @example
 * Outage.deadHost()
 * Outage.brownOut({ workers: 2, callsPerSecond: 80 })
 * Outage.make("deploy", { outage: { ...Outage.healthy, failing: 0.3 }, lasts: "20 seconds" })
 */
import * as Duration from "effect/Duration"
import { inMillis, outOf } from "./internal/outage/checks.ts"

/** How an instance behaves at a moment. */
export interface Condition {
  /**
   * `answering`; `refusing`: nobody listens, which is known at once; `silent`: it takes requests and never answers.
   * What it has begun when it stops answering is lost.
   */
  readonly state: "answering" | "refusing" | "silent"
  /** How long it works on a request, drawn anew for each: never less than `min`, and on average `mean` milliseconds. */
  readonly latency: { readonly min: number; readonly mean: number }
  /** The part of the requests that it answers with 503 at once, from 0 to 1. */
  readonly failing: number
  /** How many requests it works on at once; the others queue. */
  readonly workers: number
  /** How many may queue; others are answered with 503 at once. */
  readonly queue: number
  /** How many requests it takes in each second; others are answered with 429. Absent: all. */
  readonly quota?: { readonly perSecond: number; /** `Retry-After`, in whole seconds. */ readonly retryAfter: number }
}

/** An instance that is well: 10 workers, 100 milliseconds a request, so 100 requests per second. */
export const healthy: Condition = {
  state: "answering",
  latency: { min: 40, mean: 100 },
  failing: 0,
  workers: 10,
  queue: 200
}

/** When, how many and how patient. Durations are positive. */
export interface Load {
  /** Calls that arrive per second, on average: positive. Default 30. */
  readonly callsPerSecond?: number | undefined
  /** How long all is well at first: default 10 seconds. */
  readonly begins?: Duration.Input | undefined
  /** How long the outage lasts: default 60 seconds. */
  readonly lasts?: Duration.Input | undefined
  /** How long calls go on arriving after it: default 75 seconds. */
  readonly after?: Duration.Input | undefined
  /** How long a caller waits for an answer before giving up, whatever the policy says: default 60 seconds. */
  readonly patience?: Duration.Input | undefined
}

export interface Options extends Load {
  /** What it is, in a sentence. */
  readonly description?: string | undefined
  /** How an instance behaves while the outage lasts; a function is given the milliseconds since it began, and the instance, from 0. */
  readonly outage: Condition | ((since: number, instance: number) => Condition)
  /** How an instance behaves before and after: default `healthy`. */
  readonly otherwise?: Condition | undefined
  /** Instances, each with its own workers, that requests go to in turn: at least 1; default 1. */
  readonly instances?: number | undefined
}

/** An outage, with every default in place; times in milliseconds. */
export interface Scenario {
  readonly name: string
  readonly description: string
  readonly callsPerSecond: number
  readonly instances: number
  readonly begins: number
  readonly ends: number
  /** When the last call arrives. */
  readonly length: number
  readonly patience: number
  readonly condition: (at: number, instance: number) => Condition
}

/** An outage of one's own. Throws a `RangeError` that names an option out of its range. */
export const make = (name: string, options: Options): Scenario => {
  const { instances = 1, otherwise = healthy, outage } = options
  const begins = inMillis("begins", options.begins ?? "10 seconds")
  const ends = begins + inMillis("lasts", options.lasts ?? "60 seconds")
  const during = typeof outage === "function" ? outage : () => outage
  return {
    name,
    description: options.description ?? "",
    callsPerSecond: outOf("callsPerSecond", options.callsPerSecond ?? 30, (rate) => rate > 0 && rate < Infinity),
    instances: outOf("instances", instances, (count) => count >= 1 && Number.isInteger(count)),
    begins,
    ends,
    length: ends + inMillis("after", options.after ?? "75 seconds"),
    patience: inMillis("patience", options.patience ?? "60 seconds"),
    condition: (at, instance) => at >= begins && at < ends ? during(at - begins, instance) : otherwise
  }
}

/** Nobody listens: every request fails at once. */
export const deadHost = (load: Load = {}): Scenario =>
  make("dead host", {
    ...load,
    description: "Nobody listens. Every request is refused at once.",
    outage: { ...healthy, state: "refusing" }
  })

/** Connections are taken and nothing is ever answered: every request ends with a timeout. */
export const silentHost = (load: Load = {}): Scenario =>
  make("silent host", {
    ...load,
    description: "Requests are taken and never answered.",
    outage: { ...healthy, state: "silent" }
  })

/** Fewer workers than the load needs: it answers correctly, but with a queue. Default 1 worker of 10. */
export const brownOut = ({ workers = 1, ...load }: Load & { readonly workers?: number | undefined } = {}): Scenario =>
  make("brown-out", {
    ...load,
    description: `It has ${workers} of ${healthy.workers} workers left; each serves ${1000 / healthy.latency.mean} ` +
      `requests per second. ${healthy.queue} may queue, others are answered with 503.`,
    outage: { ...healthy, workers: outOf("workers", workers, (count) => count >= 1) }
  })

/** It answers correctly and slowly, however many ask: default 3 seconds on average, 2 at the least. */
export const slowHost = (
  { mean = 3000, min = mean * 2 / 3, ...load }: Load & {
    readonly mean?: number | undefined
    readonly min?: number | undefined
  } = {}
): Scenario =>
  make("slow host", {
    ...load,
    description: `It answers correctly, after ${mean / 1000} seconds on average, however many ask.`,
    outage: {
      ...healthy,
      latency: {
        min: outOf("min", min, (least) => least >= 0),
        mean: outOf("mean", mean, (average) => average >= min)
      },
      workers: Infinity
    }
  })

/** Down and up in turn: default 4 seconds and 8. */
export const flapping = (
  { down = "4 seconds", up = "8 seconds", ...load }: Load & {
    readonly down?: Duration.Input | undefined
    readonly up?: Duration.Input | undefined
  } = {}
): Scenario => {
  const downFor = inMillis("down", down)
  const period = downFor + inMillis("up", up)
  const shown = (millis: number) => Duration.format(Duration.millis(millis))
  return make("flapping", {
    ...load,
    description: `Nobody listens for ${shown(downFor)}, then all is well for ${shown(period - downFor)}, in turn.`,
    outage: (since) => since % period < downFor ? { ...healthy, state: "refusing" } : healthy
  })
}

/** It takes less than it is asked and answers the rest with 429. Default 10 a second, `Retry-After` of 1 second. */
export const rateLimitStorm = (
  { perSecond = 10, retryAfter = 1, ...load }: Load & {
    readonly perSecond?: number | undefined
    readonly retryAfter?: number | undefined
  } = {}
): Scenario =>
  make("429 storm", {
    ...load,
    description: `It takes ${perSecond} requests in each second, and answers the others with 429 and ` +
      `\`Retry-After: ${retryAfter}\`.`,
    outage: {
      ...healthy,
      quota: {
        perSecond: outOf("perSecond", perSecond, (count) => count >= 0),
        retryAfter: outOf("retryAfter", retryAfter, (seconds) => seconds >= 0 && Number.isInteger(seconds))
      }
    }
  })

/** Three instances in turn behind one address, of which one is bad: by default it answers everything with 503, at once. */
export const oneBadInstance = ({ bad, ...load }: Load & { readonly bad?: Condition | undefined } = {}): Scenario =>
  make("one bad instance of three", {
    ...load,
    description: "Three instances in turn behind one address. One of them " +
      (bad === undefined ? "answers everything with 503, at once." : "is in trouble."),
    instances: 3,
    outage: (_, instance) => instance === 0 ? bad ?? { ...healthy, failing: 1 } : healthy
  })

/** Every outage above, with its defaults. */
export const all = (load: Load = {}): ReadonlyArray<Scenario> =>
  [deadHost, silentHost, brownOut, slowHost, flapping, rateLimitStorm, oneBadInstance].map((outage) => outage(load))
