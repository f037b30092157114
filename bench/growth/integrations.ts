// What a call costs where a process has one integration, and where it has 1,000, of a name, a circuit and connections each.
import * as Integration from "@switchboard/core/Integration"
import * as NodeSwitchboard from "@switchboard/node/NodeSwitchboard"
import * as Effect from "effect/Effect"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import { fork } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"
import { Pool } from "undici"
import { type Launch, medians } from "./launch.ts"
import type { Line } from "./line.ts"

const many = 1_000
const inFlight = 50
const calls = 20_000

/** Makes a call of the integration of that number. */
type Call = (integration: number, done: (answer: unknown) => void) => void

const Charge = Schema.Struct({ id: Schema.String, amount: Schema.Int })
class PaymentsApi extends HttpApi.make("payments").add(
  HttpApiGroup.make("charges").add(HttpApiEndpoint.get("get", "/charge", { success: Charge }))
) {}

const switchboard = async (baseUrl: string, count: number): Promise<Call> => {
  const scope = Scope.makeUnsafe()
  const platform = await Effect.runPromise(Layer.buildWithScope(NodeSwitchboard.layer, scope))
  const make = (i: number) =>
    Integration.make(`growth/Payments${i}`, { api: PaymentsApi })({ baseUrl, pool: { maxConnections: inFlight } })
  const clients = await Effect.forEach(Array.from({ length: count }, (_, i) => i), make).pipe(
    Scope.provide(scope),
    Effect.runPromiseWith(platform)
  )
  const run = Effect.runForkWith(platform)
  return (i, done) =>
    void run(clients[i]!.charges.get()).addObserver((exit) => done(exit._tag === "Success" ? exit.value : undefined))
}

const undici = (origin: string, count: number): Call => {
  const pools = Array.from({ length: count }, () => new Pool(origin, { connections: inFlight }))
  return (i, done) =>
    void pools[i]!.request({ method: "GET", path: "/charge" }).then(({ body }) => body.json()).then(done)
}

const subjects: Readonly<Record<string, (origin: string, count: number) => Call | Promise<Call>>> = {
  switchboard,
  undici
}

/** Microseconds of CPU per call. */
const cpu = async (name: string, count: number): Promise<number> => {
  const server = fork(join(import.meta.dirname, "remote.ts"), { execArgv: ["--no-warnings"] })
  const [origin] = await once(server, "message")
  const call = await subjects[name]!(String(origin), count)
  const run = (total: number) =>
    new Promise<void>((resolve, reject) => {
      let begun = 0
      let ended = 0
      const next = () => {
        if (begun < total) call(begun++ % count, done)
      }
      const done = (answer: unknown) => {
        if ((answer as { readonly id?: unknown } | undefined)?.id !== "ch_1") return reject(new Error("a call failed"))
        if (++ended === total) return resolve()
        // Not from inside the call that has just ended, so that all begin alike.
        queueMicrotask(next)
      }
      for (let i = 0; i < inFlight; i++) next()
    })
  await run(calls)
  const before = process.cpuUsage()
  await run(calls)
  const { system, user } = process.cpuUsage(before)
  server.disconnect()
  return (system + user) / calls
}

export const measure = async (rounds: number): Promise<ReadonlyArray<Line>> => {
  const subject = (name: string, count: number): Launch => ({ file: "integrations.ts", args: [name, String(count)] })
  const found = await medians(rounds, {
    one: subject("switchboard", 1),
    all: subject("switchboard", many),
    peerOne: subject("undici", 1),
    peerAll: subject("undici", many)
  })
  const peer = { name: "undici, 1,000 pools of 1", value: found.peerAll / found.peerOne }
  return [{
    what: "CPU per call with 1,000 integrations, of that with 1",
    unit: "×",
    ours: found.all / found.one,
    limit: Math.max(1.1, peer.value),
    peer
  }]
}

if (import.meta.main) {
  console.log(await cpu(process.argv[2]!, Number(process.argv[3])))
  process.exit()
}
