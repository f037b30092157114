// What a file of bench/contenders/ exports. Its name there is its name in the tables.
export interface Module {
  readonly open: Open
  /** False if its process shall not have loaded what an application of Effect has. Default true. */
  readonly isApplication?: boolean
}

/** Gets ready to call an origin, with as many kept-alive connections as there will be calls at a time. */
export type Open = (origin: string, connections: number) => Contender | Promise<Contender>

/** One of the calls in flight: when it is answered, its place is given to the next. */
export interface Place {
  /** Whether there is another call to make. It begins now. */
  readonly begin: () => boolean
  /** Told the decoded answer or an `Error`, once per call. */
  readonly end: (result: unknown) => void
}

/** Makes one call after the other in one place, in the way of its library: a loop that awaits, a fiber, or callbacks. */
export type Calls = (place: Place) => void

/** The calls of each workload that the contender knows; `workloads.ts` says what each is. */
export interface Contender {
  /** `GET /v1/charges/ch_1`: the charge. */
  readonly get?: Calls
  /** `POST /v1/charges` of the order: the charge. */
  readonly post?: Calls
  /** `GET /v1/charges`: the page. */
  readonly getPage?: Calls
  /** `GET /v1/export`: how many bytes came, counted chunk by chunk. */
  readonly download?: Calls
  /** `POST /v1/import` of a stream made from the chunks: what the server answers. */
  readonly upload?: Calls
  /** `get` where nobody listens: `"refused"` where a breaker did not let the call through, else an `Error`. */
  readonly getRefused?: Calls
  /**
   * `GET /v1/flaky/ch_1`: every tenth answer is a 503. A charge where the contender retries, else the body of the 503.
   * Retries wait for a millisecond at the most, because waiting is no work.
   */
  readonly getFlaky?: Calls
  /** Does now what was put off, such as an export, so that it counts as part of the calls that caused it. */
  readonly settle?: () => Promise<void>
  readonly close: () => Promise<void>
}
