// What is measured: which call, how many at a time, and what a right answer is.
import { page, streamBytes } from "./bodies.ts"
import type { Contender } from "./contender.ts"

export interface Workload {
  readonly title: string
  readonly calls: Exclude<keyof Contender, "settle" | "close">
  /** In the order of the runs: compilers see the calls of the first, so it is not one at a time, which takes longer. */
  readonly inFlight: ReadonlyArray<number>
  readonly isRight: (result: unknown) => boolean
  /** The workload of the baseline, where it has no counterpart. */
  readonly against?: string
  /** Nobody listens where these calls go. */
  readonly deadHost?: boolean
  /** About how many calls of `get` are the work of one of these. */
  readonly weight: number
  /** How many times as long as others its rounds are. Default 1. */
  readonly length?: number
}

const has = (name: string, value: unknown) => (result: unknown): boolean =>
  typeof result === "object" && result !== null && (result as Readonly<Record<string, unknown>>)[name] === value

const isCharge = has("id", "ch_1")

/** Every 60 MB of bodies make V8 collect all garbage: a round is to have several of these, or it has one or none by chance. */
const streamed = { weight: 20, length: 5 }

export const workloads: Readonly<Record<string, Workload>> = {
  get: { title: "GET a small JSON", calls: "get", inFlight: [50, 1, 500], isRight: isCharge, weight: 1 },
  post: { title: "POST 1 KiB of JSON", calls: "post", inFlight: [50, 1, 500], isRight: isCharge, weight: 1 },
  "get-100k": {
    title: "GET 100 KiB of JSON",
    calls: "getPage",
    inFlight: [50, 1],
    isRight: (result) => has("has_more", false)(result) && (result as typeof page).data.length === page.data.length,
    weight: 10
  },
  download: {
    title: "1 MiB streamed down",
    calls: "download",
    inFlight: [10, 1],
    isRight: (result) => result === streamBytes,
    ...streamed
  },
  upload: {
    title: "1 MiB streamed up",
    calls: "upload",
    inFlight: [10, 1],
    isRight: has("received", streamBytes),
    ...streamed
  },
  "open-circuit": {
    // What is answered at once is never in flight: a place may make many calls before the next begins.
    title: "A dead host behind an open circuit, beside bare undici's GET of a small JSON",
    calls: "getRefused",
    inFlight: [50],
    isRight: (result) => result === "refused",
    against: "get",
    deadHost: true,
    weight: 1
  },
  "mix-503": {
    title: "GET a small JSON, every tenth answer a 503",
    calls: "getFlaky",
    inFlight: [50],
    // Once in ten thousand calls every attempt meets a 503.
    isRight: (result) =>
      isCharge(result) || has("error", "unavailable")(result) ||
      result instanceof Error && result.message.includes("503"),
    weight: 1
  }
}
