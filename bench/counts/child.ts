// Counts a part of the scenarios, and prints the counts of each as a line of JSON.
//
//   node bench/counts/child.ts <part> <of how many> [<name> ...]
import { once } from "node:events"
import { Worker } from "node:worker_threads"
import { measure } from "./measure.ts"
import { scenarios } from "./scenarios.ts"

const [part, parts, ...only] = process.argv.slice(2)
const chosen = Object.entries(scenarios).filter(([name]) => only.length === 0 || only.includes(name))
const from = (part: number) => Math.ceil((chosen.length * part) / Number(parts))

const server = new Worker(new URL("server.ts", import.meta.url))
const [origin] = await once(server, "message")
for (const [scenario, open] of chosen.slice(from(Number(part)), from(Number(part) + 1))) {
  console.log(JSON.stringify({ scenario, counts: await measure(await open(String(origin))) }))
}
process.exit()
