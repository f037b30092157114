// What a call holds that waits: heap and memory outside of it, for each of 10,000 calls that are in flight at once over 50
// connections to a remote that does not answer.
import * as Integration from "@switchboard/core/Integration"
import type * as Resilience from "@switchboard/core/Resilience"
import * as NodeSwitchboard from "@switchboard/node/NodeSwitchboard"
import * as Cockatiel from "cockatiel"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import { once } from "node:events"
import { setImmediate, setTimeout } from "node:timers/promises"
import { Worker } from "node:worker_threads"
import { Pool } from "undici"
import { type Launch, medians } from "./launch.ts"
import type { Line } from "./line.ts"

const calls = 10_000
const connections = 50

/** Makes a call, which somebody waits for. */
type Call = (path: "/charge" | "/silent", done: () => void) => void

const Charge = Schema.Struct({ id: Schema.String, amount: Schema.Int })
class Charges extends HttpApiGroup.make("charges").add(
  HttpApiEndpoint.get("get", "/charge", { success: Charge }),
  HttpApiEndpoint.get("silent", "/silent", { success: Charge })
) {}
class PaymentsApi extends HttpApi.make("payments").add(Charges) {}
class Payments extends Integration.Service<Payments>()("growth/Payments", { api: PaymentsApi }) {}

const switchboard = (bulkhead: Resilience.Options["bulkhead"]) => async (baseUrl: string): Promise<Call> => {
  const layer = Payments.layer({ baseUrl, pool: { maxConnections: connections }, bulkhead })
  const live = layer.pipe(Layer.provide(NodeSwitchboard.layer))
  const context = await Effect.runPromise(Layer.buildWithScope(live, Scope.makeUnsafe()))
  const { charges } = Context.get(context, Payments)
  const run = Effect.runForkWith(context)
  return (path, done) => void run(path === "/charge" ? charges.get() : charges.silent()).addObserver(done)
}

const undici = (origin: string): Call => {
  const pool = new Pool(origin, { connections })
  return (path, done) => void pool.request({ method: "GET", path }).then(({ body }) => body.json()).then(done)
}

const cockatiel = (running: number, waiting: number) => (origin: string): Call => {
  const pool = new Pool(origin, { connections })
  const policy = Cockatiel.wrap(
    Cockatiel.retry(Cockatiel.handleAll, { maxAttempts: 3, backoff: new Cockatiel.ExponentialBackoff() }),
    Cockatiel.circuitBreaker(Cockatiel.handleAll, {
      halfOpenAfter: 30_000,
      breaker: new Cockatiel.ConsecutiveBreaker(5)
    }),
    Cockatiel.timeout(10_000, Cockatiel.TimeoutStrategy.Aggressive),
    Cockatiel.bulkhead(running, waiting)
  )
  return (path, done) =>
    void policy.execute(({ signal }) => pool.request({ method: "GET", path, signal }).then(({ body }) => body.json()))
      .then(done)
}

const subjects: Readonly<Record<string, (origin: string) => Call | Promise<Call>>> = {
  "switchboard-bulkhead": switchboard({ maxQueue: calls }),
  "switchboard-connection": switchboard({ maxConcurrent: calls }),
  "undici": undici,
  "cockatiel-bulkhead": cockatiel(connections, calls),
  "cockatiel-connection": cockatiel(calls, 0)
}

const used = async (): Promise<number> => {
  for (let i = 0; i < 4; i++) {
    await setImmediate()
    globalThis.gc?.()
  }
  const { external, heapUsed } = process.memoryUsage()
  return heapUsed + external
}

const bytesPerCall = async (name: string): Promise<number> => {
  const [origin] = await once(new Worker(new URL("remote.ts", import.meta.url)), "message")
  const call = await subjects[name]!(String(origin))
  const answered = () => new Promise<void>((resolve) => call("/charge", resolve))
  for (let i = 0; i < 20; i++) await Promise.all(Array.from({ length: connections }, answered))
  const before = await used()
  for (let i = 0; i < calls; i++) call("/silent", () => process.exit(1))
  await setTimeout(100)
  return (await used() - before) / calls
}

export const measure = async (rounds: number): Promise<ReadonlyArray<Line>> => {
  const flags = ["--conditions=switchboard-source", "--expose-gc"]
  const subject = (name: string): Launch => ({ file: "memory.ts", args: [name], flags })
  const found = await medians(rounds, Object.fromEntries(Object.keys(subjects).map((name) => [name, subject(name)])))
  const of = (name: string) => found[name]!
  return ["bulkhead", "connection"].flatMap((place): ReadonlyArray<Line> => {
    const what = `memory of a call waiting for ${place === "bulkhead" ? "the bulkhead" : "a connection"}, of 10,000`
    const ours = of(`switchboard-${place}`)
    return [
      { what, unit: "bytes", ours, limit: of("undici"), peer: { name: "undici", value: of("undici") } },
      {
        what,
        unit: "bytes",
        ours,
        limit: of(`cockatiel-${place}`) * 0.75,
        peer: { name: "undici + cockatiel", value: of(`cockatiel-${place}`) }
      }
    ]
  })
}

if (import.meta.main) {
  console.log(await bytesPerCall(process.argv[2]!))
  process.exit()
}
