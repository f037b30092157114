// Where the time of a contender goes: whose code, and which functions, in a profile that a run has written.
//
//   npm run bench -- --only switchboard --workloads get --in-flight 50 --millis 5000 --profile .tmp/profiles
//   node --conditions=switchboard-source bench/profile.ts .tmp/profiles/switchboard-1.cpuprofile [how many functions]
import { readFileSync } from "node:fs"
import { originOf, shortened } from "./counts/origins.ts"
import { markdown } from "./table.ts"

interface Profile {
  readonly nodes: ReadonlyArray<{ readonly id: number; readonly callFrame: Frame }>
  readonly samples: ReadonlyArray<number>
  /** In microseconds. */
  readonly timeDeltas: ReadonlyArray<number>
}
interface Frame {
  readonly functionName: string
  readonly url: string
  /** From 0. */
  readonly lineNumber: number
}

/** System calls and others of the platform's own, which have no script, stand under their names. */
const whose = ({ functionName, url }: Frame): string =>
  originOf(url) ?? (url.startsWith("node:") ? "node:" : url === "" ? functionName : "the benchmark, the parser")

const whichOf = ({ functionName, lineNumber, url }: Frame): string =>
  `${functionName === "" ? "(anonymous)" : functionName} ${shortened(url)}:${lineNumber + 1}`

const [file, most = "20"] = process.argv.slice(2)
if (file === undefined) throw new Error("which profile?")
const { nodes, samples, timeDeltas }: Profile = JSON.parse(readFileSync(file, "utf8"))
const frames = new Map(nodes.map(({ callFrame, id }) => [id, callFrame]))

/** The share of each in the time that was not idle, the largest first. */
const shares = (of: (frame: Frame) => string): ReadonlyArray<readonly [name: string, share: number]> => {
  const times = new Map<string, number>()
  let total = 0
  samples.forEach((id, i) => {
    const frame = frames.get(id)!
    if (frame.functionName === "(idle)") return
    total += timeDeltas[i]!
    times.set(of(frame), (times.get(of(frame)) ?? 0) + timeDeltas[i]!)
  })
  return [...times].map(([name, time]) => [name, time / total] as const).toSorted((a, b) => b[1] - a[1])
}

const show = (title: string, rows: ReadonlyArray<readonly [string, number]>): void =>
  console.log(
    `${
      markdown(
        [title, "share"],
        ["---", "---"],
        ...rows.map(([name, share]) => [name, `${(share * 100).toFixed(1)} %`])
      )
    }\n`
  )

show("whose", shares(whose).filter(([, share]) => share >= 0.005))
show("function", shares(whichOf).slice(0, Number(most)))
