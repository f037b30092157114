// Counts what calls of one scenario do, function by function: how often each was called, and how many bytes it
// allocated, alone or by way of what it asked the engine and Node for.
import type { HeapProfiler } from "node:inspector"
import { Session } from "node:inspector/promises"
import { lineOf, type Origin, originOf, shortened } from "./origins.ts"
import type { Call } from "./scenarios.ts"

export interface Count {
  readonly origin: Origin
  /** The name and the place of a function. */
  readonly name: string
  /** Per call. */
  readonly calls: number
  readonly bytes: number
}

const warmUp = 200
const batch = 20
const batches = 3
// Each profile ends with a collection of all garbage, among it what the engine knows of shapes of which no object is left.
const settling = 5

const session = new Session()
session.connect()

const repeat = (call: Call, times: number): Promise<void> =>
  new Promise((resolve) => {
    const next = () => --times < 0 ? resolve() : call(() => setImmediate(next))
    next()
  })

/** By function, `origin|name`: what a batch came to. */
type Tally = Map<string, number>
const add = (tally: Tally, key: string, amount: number) => tally.set(key, (tally.get(key) ?? 0) + amount)

const countCalls = async (call: Call): Promise<Tally> => {
  await session.post("Profiler.takePreciseCoverage")
  await repeat(call, batch)
  const { result } = await session.post("Profiler.takePreciseCoverage")
  const tally: Tally = new Map()
  for (const { functions, url } of result) {
    const origin = originOf(url)
    if (origin === undefined) continue
    for (const { functionName, ranges: [whole] } of functions) {
      if (whole !== undefined && whole.count > 0) {
        add(tally, keyOf(origin, url, functionName, lineOf(url, whole.startOffset)), whole.count)
      }
    }
  }
  return tally
}
const keyOf = (origin: Origin, url: string, name: string, line: number) => `${origin}|${shortened(url)}:${line} ${name}`

const countBytes = async (call: Call): Promise<Tally> => {
  await repeat(call, settling)
  await session.post("HeapProfiler.startSampling", {
    samplingInterval: 1, // every allocation
    includeObjectsCollectedByMajorGC: true,
    includeObjectsCollectedByMinorGC: true
  })
  await repeat(call, batch)
  const { profile } = await session.post("HeapProfiler.stopSampling")
  const tally: Tally = new Map()
  const walk = ({ callFrame, children, selfSize }: HeapProfiler.SamplingHeapProfileNode, caller?: string) => {
    const origin = originOf(callFrame.url)
    const key = origin === undefined
      ? caller
      : keyOf(origin, callFrame.url, callFrame.functionName, callFrame.lineNumber + 1)
    if (key !== undefined) add(tally, key, selfSize)
    for (const child of children) walk(child, key)
  }
  walk(profile.head)
  return tally
}

/** The least of several batches, function by function: so that what is done only now and then does not count. */
const least = async (count: () => Promise<Tally>, unit: number): Promise<Tally> => {
  const tallies: Array<Tally> = []
  for (let i = 0; i < batches; i++) tallies.push(await count())
  const leastOf = (key: string) => Math.min(...tallies.map((tally) => tally.get(key) ?? 0))
  return new Map([...tallies[0]!.keys()].map((key) => [key, Math.round(leastOf(key) / batch / unit) * unit]))
}

export const measure = async (call: Call): Promise<ReadonlyArray<Count>> => {
  await repeat(call, warmUp)
  await session.post("Profiler.enable")
  await session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: false })

  const calls = await least(() => countCalls(call), 1)
  await session.post("Profiler.stopPreciseCoverage")
  await session.post("Profiler.disable")

  const bytes = await least(() => countBytes(call), 8)
  return [...new Set([...calls.keys(), ...bytes.keys()])].map((key) => {
    const [origin, name] = key.split("|") as [Origin, string]
    return { origin, name, calls: calls.get(key) ?? 0, bytes: bytes.get(key) ?? 0 }
  })
}
