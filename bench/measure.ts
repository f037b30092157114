// Makes a number of calls, so many at a time, and measures what they cost.
import type { Calls, Place } from "./contender.ts"

export interface Round {
  readonly calls: number
  /** CPU of one call, user and system, in microseconds. */
  readonly cpu: number
  /** Milliseconds the round took. */
  readonly elapsed: number
  /** Latency in microseconds. */
  readonly p50: number
  readonly p99: number
}

export interface Load {
  readonly calls: Calls
  readonly isRight: (result: unknown) => boolean
  readonly inFlight: number
  /** Does what calls put off. */
  readonly settle?: (() => Promise<void>) | undefined
}

/** Makes the calls. What a call took, in milliseconds, is written into `latencies`. */
const run = ({ calls, inFlight, isRight }: Load, total: number, latencies: Float64Array): Promise<void> =>
  new Promise((resolve, reject) => {
    let started = 0
    let finished = 0
    let failed = false

    const place = (): Place => {
      let began = 0
      return {
        begin: () => {
          if (failed || started === total) return false
          started++
          began = performance.now()
          return true
        },
        end: (result) => {
          if (!isRight(result)) {
            failed = true
            return reject(new Error("a wrong answer", { cause: result }))
          }
          latencies[finished++] = performance.now() - began
          if (finished === total) resolve()
        }
      }
    }
    for (let i = 0; i < inFlight; i++) calls(place())
  })

/** Makes one call, and tells what is answered. */
export const once = (calls: Calls): Promise<unknown> =>
  new Promise((resolve) => {
    let started = false
    calls({ begin: () => !started && (started = true), end: resolve })
  })

/** One round; `latencies` has room for all its calls. */
export const measure = async (load: Load, calls: number, latencies: Float64Array): Promise<Round> => {
  // The last turn of this contender was a while ago: caches fill again, and connections that are gone are made, unmeasured.
  await run(load, Math.max(load.inFlight, Math.ceil(calls / 5)), latencies)

  const before = process.cpuUsage()
  const began = performance.now()
  await run(load, calls, latencies)
  await load.settle?.()
  const elapsed = performance.now() - began
  const { system, user } = process.cpuUsage(before)

  const sorted = latencies.subarray(0, calls).toSorted()
  const at = (quantile: number): number => sorted[Math.floor((calls - 1) * quantile)]! * 1000
  return { calls, cpu: (user + system) / calls, elapsed, p50: at(0.5), p99: at(0.99) }
}

/** Makes so many calls, that compilers have seen enough of them; the CPU of one in the end, in milliseconds. */
export const warmUp = async (load: Load, calls: number): Promise<number> => {
  const latencies = new Float64Array(calls)
  // Connections first, then half of the calls, and the other half.
  await run(load, load.inFlight, latencies)
  const half = Math.ceil(calls / 2)
  await run(load, half, latencies)
  await load.settle?.()
  const before = process.cpuUsage()
  await run(load, half, latencies)
  const { system, user } = process.cpuUsage(before)
  return (user + system) / 1000 / half
}
