// Counts what a call does, instead of how long it takes: the functions that it calls and the bytes that it allocates, by
// whose code they are. These are the same on every machine with the same Node, so that a guard can hold them to a file.
//
//   node --conditions=switchboard-source bench/counts.ts [--only get,layerTest] [--top 20]
//
// `--top` lists the functions behind the numbers.
import { spawn } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"
import { text } from "node:stream/consumers"
import { parseArgs } from "node:util"
import type { Count } from "./counts/measure.ts"
import { type Origin, origins } from "./counts/origins.ts"

export interface Counted {
  readonly scenario: string
  readonly counts: ReadonlyArray<Count>
}

const flags = [
  "--conditions=switchboard-source",
  // Nothing becomes machine code, which leaves out calls and allocations when it sees fit.
  "--no-opt",
  "--no-maglev",
  "--no-sparkplug",
  "--no-lazy-feedback-allocation",
  "--single-threaded",
  "--sampling-heap-profiler-suppress-randomness"
]

/** All scenarios, or some; in two processes, because that takes half of the time. */
export const count = async (only: ReadonlyArray<string> = []): Promise<ReadonlyArray<Counted>> =>
  (await Promise.all(["0", "1"].map((part) => countPart([part, "2", ...only])))).flat()

const countPart = async (args: ReadonlyArray<string>): Promise<ReadonlyArray<Counted>> => {
  const child = join(import.meta.dirname, "counts/child.ts")
  const running = spawn(process.execPath, [...flags, child, ...args], { stdio: ["ignore", "pipe", "inherit"] })
  const [printed, [code]] = await Promise.all([text(running.stdout), once(running, "exit")])
  if (code !== 0) throw new Error("the calls could not be counted")
  return printed.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line))
}

type Counter = "calls" | "bytes"
const counters: Readonly<Record<Counter, string>> = { calls: "functions called", bytes: "bytes allocated" }

/** One line for each scenario and counter. */
export const table = (counted: ReadonlyArray<Counted>): string => {
  const width = Math.max(...Object.values(counters).concat(counted.map(({ scenario }) => scenario)).map(lengthOf)) + 2
  const section = (counter: Counter) => [
    line(width, counters[counter], [...origins, "all"]),
    ...counted.map(({ counts, scenario }) =>
      line(width, scenario, [...origins, undefined].map((origin) => sum(counts, counter, origin)))
    )
  ]
  return `${section("calls").join("\n")}\n\n${section("bytes").join("\n")}\n`
}
const lengthOf = ({ length }: string): number => length
const line = (width: number, name: string, cells: ReadonlyArray<string | number>): string =>
  name.padEnd(width) + cells.map((cell) => String(cell).padStart(8)).join("")

const sum = (counts: ReadonlyArray<Count>, counter: Counter, of: Origin | undefined): number =>
  counts.reduce((total, count) => of === undefined || count.origin === of ? total + count[counter] : total, 0)

/** The functions that come to most. */
const top = (counted: ReadonlyArray<Counted>, many: number): string =>
  counted.flatMap(({ counts, scenario }) =>
    (["calls", "bytes"] as const).flatMap((counter) => [
      `\n${scenario}: ${counters[counter]}`,
      ...counts.filter((count) => count[counter] > 0).toSorted((a, b) => b[counter] - a[counter]).slice(0, many).map(
        (count) => `${String(count[counter]).padStart(8)}  ${count.name}`
      )
    ])
  ).join("\n")

if (import.meta.main) {
  const { values } = parseArgs({ options: { only: { type: "string" }, top: { type: "string" } } })
  const counted = await count(values.only?.split(","))
  console.log(table(counted))
  if (values.top !== undefined) console.log(top(counted, Number(values.top)))
}
