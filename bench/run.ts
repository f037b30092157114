// Compares what a call costs, contender by contender, with bare undici. `npm run bench -- --help` lists the options.
//
// Each contender runs in a process of its own, the server in another. In every round all of them run, in turn, so that
// whatever else the machine does hits them alike; a ratio compares two contenders in the same round.
import { readdirSync, writeFileSync } from "node:fs"
import { basename, join } from "node:path"
import { parseArgs } from "node:util"
import { compare } from "./goals.ts"
import * as Growth from "./growth.ts"
import { inFlightLines } from "./growth/inFlight.ts"
import type { Round } from "./measure.ts"
import { type Client, freePort, startClient, startRedis, startServer } from "./processes.ts"
import { document, printed, type Result } from "./result.ts"
import { rowsOf } from "./table.ts"
import { workloads } from "./workloads.ts"

const baseline = "undici-request"

const { values: options } = parseArgs({
  options: {
    launches: { type: "string", default: "3" },
    rounds: { type: "string", default: "4" },
    millis: { type: "string", default: "60" },
    calls: { type: "string" },
    only: { type: "string" },
    workloads: { type: "string" },
    "in-flight": { type: "string" },
    growth: { type: "string" },
    profile: { type: "string" },
    json: { type: "string" },
    document: { type: "boolean", default: false },
    help: { type: "boolean", default: false }
  }
})

if (options.help) {
  console.log(`pnpm bench [options]
  --launches 3          how often all processes are started anew
  --rounds 4            of each launch
  --millis 60           of CPU that a round takes
  --calls N             that a round makes, without warming up: to see that all works
  --only a,b            these contenders, and the baseline
  --workloads a,b       of ${Object.keys(workloads).join(", ")}
  --in-flight 1,50      these numbers of calls at a time
  --growth N            also what may not grow, launched N times each; 0: not. Default 5, or 0 where only some are measured
  --profile FOLDER      writes a profile of each process there, for bench/profile.ts
  --json FILE           writes the tables as data
  --document            writes them into docs/performance.md`)
  process.exit()
}

const say = (text: string): void => void process.stderr.write(`${text}\n`)

/** Those of the list that were asked for, by default all. A name that is not in it is a mistake. */
const choose = (option: "only" | "workloads" | "in-flight", known: ReadonlyArray<string>): ReadonlyArray<string> => {
  const asked = options[option]?.split(",") ?? known
  const unknown = asked.filter((name) => !known.includes(name))
  if (unknown.length > 0) throw new Error(`--${option}: no ${unknown.join(", ")} among ${known.join(", ")}`)
  return asked
}

const contenders = readdirSync(join(import.meta.dirname, "contenders")).map((file) => basename(file, ".ts"))
const chosen = new Set([baseline, ...choose("only", contenders)])
const needsRedis = (name: string): boolean => name.startsWith("switchboard-redis")
const redis = [...chosen].some(needsRedis) ? await startRedis() : undefined
const names = [...chosen].filter((name) => redis !== undefined || !needsRedis(name))
if (names.length < chosen.size) say("no redis-server on the PATH: contenders that need one are left out")

const numbers = [...new Set(Object.values(workloads).flatMap(({ inFlight }) => inFlight))]
const chosenNumbers = choose("in-flight", numbers.map(String))
const cells = choose("workloads", Object.keys(workloads)).flatMap((workload) =>
  workloads[workload]!.inFlight
    .filter((inFlight) => chosenNumbers.includes(String(inFlight)))
    .map((inFlight) => ({ workload, inFlight, rounds: new Map<string, Array<Round>>() }))
)

const [millis, rounds, launches] = [Number(options.millis), Number(options.rounds), Number(options.launches)]
const calls = options.calls === undefined ? undefined : Number(options.calls)

/** One workload in all contenders that know it. */
const runCell = async (clients: ReadonlyArray<Client>, cell: typeof cells[number]): Promise<void> => {
  const { against } = workloads[cell.workload]!
  const ready: Array<Client> = []
  for (const client of clients) {
    const workload = client.name === baseline ? against ?? cell.workload : cell.workload
    const reply = await client.tell({ prepare: { workload, inFlight: cell.inFlight, millis, calls } })
    if (reply === "ready") ready.push(client)
  }
  for (let round = 0; round < rounds; round++) {
    // Each round starts with another contender, so that none is always first.
    for (let i = 0; i < ready.length; i++) {
      const client = ready[(i + round) % ready.length]!
      const measured = await client.tell("measure")
      if (typeof measured === "string") throw new Error(`${client.name} answered ${measured}`)
      if (!cell.rounds.has(client.name)) cell.rounds.set(client.name, [])
      cell.rounds.get(client.name)!.push(measured)
    }
  }
}

const server = await startServer()
const dead = `http://127.0.0.1:${await freePort()}`
try {
  for (let launch = 1; launch <= launches; launch++) {
    const profile = options.profile === undefined ? undefined : { folder: options.profile, launch }
    const start = (name: string) => startClient(name, { server: server.origin, dead, redis: redis?.origin }, profile)
    const clients = await Promise.all(names.map(start))
    for (const cell of cells) {
      const seconds = Math.round(performance.now() / 1000)
      say(`${seconds} s, launch ${launch} of ${launches}: ${cell.workload}, ${cell.inFlight} in flight`)
      await runCell(clients, cell)
    }
    await Promise.all(clients.map((client) => client.stop()))
  }
} finally {
  await Promise.all([server.stop(), redis?.stop()])
}

const rows = rowsOf(cells, baseline)
const goals = compare(cells, baseline)
const isWhole = options.only === undefined && options.workloads === undefined
const growthRounds = Number(options.growth ?? (isWhole ? 5 : 0))
if (growthRounds > 0) say("what may not grow")
const growth = growthRounds === 0 ? [] : await Growth.measure({ rounds: growthRounds })
const result: Result = {
  node: process.version,
  settings: { launches, rounds, millis, calls, baseline },
  rows,
  goals,
  growth: [...inFlightLines(rows, "switchboard", baseline), ...growth]
}
console.log(printed(result))
if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(result, null, 2)}\n`)
if (options.document) document(result)
