// The process of one contender: does a round when it is told to, and nothing in between.
//
//   node bench/client.ts <name> <origin> <origin where nobody listens>
import type { Contender, Module } from "./contender.ts"
import { type Load, measure, once, type Round, warmUp } from "./measure.ts"
import { type Workload, workloads } from "./workloads.ts"

/** A workload to get ready for, in place of the one before. */
export interface Prepare {
  readonly workload: string
  readonly inFlight: number
  /** How much CPU a round should take. */
  readonly millis: number
  /** How many calls a round makes, in place of as many as that is, and without warming up. */
  readonly calls: number | undefined
}
export type Request = { readonly prepare: Prepare } | "measure"
export type Reply = "ready" | "unknown" | Round | { readonly error: string }

const mostCalls = 200_000

/**
 * How many calls compilers see before any is measured: on one core, that they share with the calls, it takes about as many
 * until their cost stays. Less where most of the code, or all of it, has run before.
 */
const warmUpCalls = { process: 15_000, workload: 6000, connections: 1500 }
const warm = new Set<string>()

/**
 * What an application of Effect has loaded, whoever makes its calls. V8 looks at all of it with each full collection, so
 * that a contender in a process of its own would else be compared by what is in that process.
 */
const ofApplications = ["@effect/platform-node/NodeHttpClient", "effect/http-api/HttpApiClient", "effect/Stream"]

const [name, origin, deadOrigin] = process.argv.slice(2)
const { isApplication = true, open }: Module = await import(`./contenders/${name}.ts`)
if (isApplication) { for (const module of ofApplications) await import(module) }

let close = async (): Promise<void> => {}
let measureRound: (() => Promise<Round>) | undefined

const prepare = async ({ calls, inFlight, millis, workload: id }: Prepare): Promise<Reply> => {
  await close()
  // Another number of calls at a time is another number of connections: nothing is left of the contender before.
  const workload = workloads[id]!
  const contender = await open(workload.deadHost === true ? deadOrigin! : origin!, inFlight)
  close = contender.close
  const load = loadOf(contender, workload, inFlight)
  if (load === undefined) return "unknown"

  if (workload.deadHost === true) await openCircuit(load)
  const total = calls === undefined
    ? Math.max(inFlight * 2, await warmUpFor(load, id, millis))
    : Math.max(inFlight, Math.ceil(calls / workload.weight))
  const latencies = new Float64Array(total)
  measureRound = () => measure(load, total, latencies)
  return "ready"
}

/** Lets compilers see the calls; how many of them are a round. */
const warmUpFor = async (load: Load, id: string, millis: number): Promise<number> => {
  const calls = Math.ceil(
    warmUpCalls[warm.has(id) ? "connections" : warm.size > 0 ? "workload" : "process"] / workloads[id]!.weight
  )
  warm.add(id)
  const cpu = await warmUp(load, Math.max(load.inFlight, calls))
  return Math.min(mostCalls, Math.round(millis * (workloads[id]!.length ?? 1) / cpu))
}

const loadOf = (contender: Contender, { calls, isRight }: Workload, inFlight: number): Load | undefined =>
  contender[calls] && { calls: contender[calls], isRight, inFlight, settle: contender.settle }

/** Makes calls that fail, one after the other, until one is refused. */
const openCircuit = async ({ calls, isRight }: Load): Promise<void> => {
  for (let i = 0; i < 100; i++) if (isRight(await once(calls))) return
  throw new Error("the circuit does not open")
}

const handle = (request: Request): Promise<Reply> => request === "measure" ? measureRound!() : prepare(request.prepare)

process.on("message", (request: Request) => {
  const reply = (reply: Reply) => process.send!(reply)
  handle(request).then(reply, (error: Error) => reply({ error: `${error.stack} ${String(error.cause ?? "")}` }))
})
process.once("disconnect", () => process.exit())
process.send!("ready" satisfies Reply)
