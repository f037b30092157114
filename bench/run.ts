// Compares the CPU time of one call, contender by contender, with bare undici.
//
//   pnpm bench [--rounds 11] [--calls 20000] [--concurrency 50] [--only name,name] [--json FILE]
//
// Each contender runs in a process of its own, the server in another. In every round all of them run, in turn, so that
// whatever else the machine does hits them alike; a ratio compares a contender with the baseline of the same round.
import { fork } from "node:child_process"
import { once } from "node:events"
import { existsSync, readdirSync, writeFileSync } from "node:fs"
import { availableParallelism } from "node:os"
import { basename, join } from "node:path"
import { text } from "node:stream/consumers"
import { parseArgs } from "node:util"

const baseline = "undici-request"
const taskset = "/usr/bin/taskset"

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "11" },
    calls: { type: "string", default: "20000" },
    concurrency: { type: "string", default: "50" },
    only: { type: "string" },
    json: { type: "string" }
  }
})

/** A process of this folder, on a core of its own where the machine lets us choose. */
const start = (file: string, core: number, args: ReadonlyArray<string> = []) => {
  const pinned = availableParallelism() > 1 && existsSync(taskset)
  const node = ["--conditions=switchboard-source", "--no-warnings"]
  return fork(join(import.meta.dirname, file), args, {
    stdio: ["ignore", "pipe", "inherit", "ipc"],
    ...(pinned ? { execPath: taskset, execArgv: ["-c", String(core), process.execPath, ...node] } : { execArgv: node })
  })
}

const quantile = (values: ReadonlyArray<number>, at: number): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const position = (sorted.length - 1) * at
  const [low, high] = [sorted[Math.floor(position)]!, sorted[Math.ceil(position)]!]
  return low + (high - low) * (position % 1)
}

const all = readdirSync(join(import.meta.dirname, "contenders")).map((file) => basename(file, ".ts"))
const chosen = options.only?.split(",") ?? all
const names = [baseline, ...chosen.filter((name) => name !== baseline)]

const server = start("server.ts", 0)
const [line] = await once(server.stdout!, "data")
const origin = String(line).trim()

const micros: Record<string, Array<number>> = Object.fromEntries(names.map((name) => [name, []]))
try {
  for (let round = 0; round < Number(options.rounds); round++) {
    // Each round starts with another contender, so that none is always first.
    for (let i = 0; i < names.length; i++) {
      const name = names[(i + round) % names.length]!
      const child = start("contender.ts", 1, [name, origin, options.calls, options.concurrency])
      const [printed, [code]] = await Promise.all([text(child.stdout!), once(child, "exit")])
      if (code !== 0) throw new Error(`${name} failed`)
      micros[name]!.push(Number(printed))
    }
  }
} finally {
  server.disconnect()
}

const table = names.map((name) => {
  const ratios = micros[name]!.map((value, round) => value / micros[baseline]![round]!)
  return {
    name,
    micros: quantile(micros[name]!, 0.5),
    ratio: { median: quantile(ratios, 0.5), lower: quantile(ratios, 0.25), upper: quantile(ratios, 0.75) }
  }
}).toSorted((a, b) => a.ratio.median - b.ratio.median)

console.log("| contender | CPU per call | × bare undici | quartiles |\n| --- | --- | --- | --- |")
for (const { micros, name, ratio } of table) {
  const quartiles = `${ratio.lower.toFixed(2)} to ${ratio.upper.toFixed(2)}`
  console.log(`| ${name} | ${micros.toFixed(1)} µs | ${ratio.median.toFixed(2)} | ${quartiles} |`)
}

if (options.json !== undefined) {
  const { calls, concurrency, rounds } = options
  const settings = { rounds: Number(rounds), calls: Number(calls), concurrency: Number(concurrency), baseline }
  writeFileSync(options.json, `${JSON.stringify({ node: process.version, settings, table, micros }, null, 2)}\n`)
}
