/**
 * The cases of how it behaves in the corners, by the letter of the part they belong to. Each is the beginning of the name
 * of a test, such as `A2: …`; several cases of one test stand before its colon, such as `J5, M8: …`.
 */
export const behaviours: Readonly<Record<string, ReadonlyArray<number>>> = {
  // the breaker, closed
  A: [1, 2, 3, 4, 6, 7, 9, 11, 12, 13, 14, 15, 16, 18, 19, 20, 22],
  // open
  B: [1, 3, 4, 5, 6, 7, 8, 9, 10, 12],
  // half-open
  C: [1, 2, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15],
  // late results
  D: [1, 2, 3, 5, 7],
  // manual control, persistence
  E: [1, 3, 4, 5, 6, 8, 9, 10, 11],
  // timeouts
  F: [1, 2, 4, 5, 6, 8, 9, 10, 11, 13],
  // retry and backoff
  G: [1, 2, 3, 5, 6, 9, 10, 11, 12, 13, 14, 15, 16, 18, 19],
  // Retry-After
  H: [1, 2, 4, 5, 7, 8, 9, 10, 13],
  // idempotency and bodies
  I: [1, 2, 3, 4, 5],
  // the retry budget
  J: [1, 2, 3, 5, 6, 10, 11],
  // limiters
  K: [1, 2, 4, 5, 6, 7, 8, 9, 10, 12, 13, 14, 15, 17],
  // interruption
  L: [1, 2, 4],
  // hedging
  M: [1, 2, 3, 4, 6, 7, 8, 9, 10, 11],
  // cache, coalescing, fallback
  N: [1, 3, 4, 6, 7, 8, 9],
  // composition
  O: [1, 2, 3, 4, 5, 7],
  // load balancing
  P: [1, 3, 4, 5],
  // deadlines
  Q: [1, 2, 4],
  // reload, telemetry, faults, shared stores
  R: [1, 2, 3, 5, 7, 8, 9, 10, 11, 12]
}
