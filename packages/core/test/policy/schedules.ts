/** What random schedules are made of. */

/** mulberry32: small, seeded, good enough to make schedules. */
export const random = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296
}

/** Picks at random. */
export const among = (next: () => number) => <A>(all: ReadonlyArray<A>): A => all[Math.floor(next() * all.length)]!
