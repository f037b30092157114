// What a file of bench/contenders/ exports. Its name there is its name in the tables.

/** Gets ready to call an origin, with as many kept-alive connections as there will be calls at a time. */
export type Open = (origin: string, connections: number) => Contender | Promise<Contender>

/** Told the decoded answer or an `Error`, once per call; before or after the call has returned. */
export type Done = (result: unknown) => void
export type Call = (done: Done) => void

/** A call for each workload that the contender knows; `workloads.ts` says what each is. */
export interface Contender {
  /** `GET /v1/charges/ch_1`: the charge. */
  readonly get?: Call
  /** `POST /v1/charges` of the order: the charge. */
  readonly post?: Call
  /** `GET /v1/charges`: the page. */
  readonly getPage?: Call
  /** `GET /v1/export`: how many bytes came, counted chunk by chunk. */
  readonly download?: Call
  /** `POST /v1/import` of a stream made from the chunks: what the server answers. */
  readonly upload?: Call
  /** `get` where nobody listens: `"refused"` where a breaker did not let the call through, else an `Error`. */
  readonly getRefused?: Call
  /**
   * `GET /v1/flaky/ch_1`: every tenth answer is a 503. A charge where the contender retries, else the body of the 503.
   * Retries wait for a millisecond at the most, because waiting is no work.
   */
  readonly getFlaky?: Call
  /** Does now what was put off, such as an export, so that it counts as part of the calls that caused it. */
  readonly settle?: () => Promise<void>
  readonly close: () => Promise<void>
}
