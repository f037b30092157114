// What it takes to type-check a contract of 100 operations and a call of each, against the published types.
import { execFile } from "node:child_process"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import { core, root } from "./dist.ts"
import { type Line, median } from "./line.ts"

const groups = 10
const perGroup = 10
const range = (length: number) => Array.from({ length }, (_, i) => i)

/** One of three orders something; each has schemas of its own. */
const operation = (group: number, i: number): string => {
  const item =
    `Schema.Struct({ id: Schema.String, amount${group}_${i}: Schema.Int, tags: Schema.Array(Schema.String) })`
  const payload =
    `Schema.Struct({ amount: Schema.Int, currency: Schema.Literals(["USD", "EUR"]), note${i}: Schema.String })`
  const path = `"/group${group}/items${i}/:id", { params: { id: Schema.String }`
  return i % 3 === 0
    ? `HttpApiEndpoint.post("order${i}", ${path}, payload: ${payload}, success: ${item}, error: Refused })`
    : `HttpApiEndpoint.get("get${i}", ${path}, query: { limit: Schema.FiniteFromString }, success: ${item}, error: Refused })`
}

const contract = `
import * as Schema from "effect/Schema"
import { HttpApi, HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
class Refused extends Schema.TaggedError<Refused>()("Refused", { code: Schema.String }, { httpApiStatus: 402 }) {}
${
  range(groups).map((group) =>
    `class Group${group} extends HttpApiGroup.make("group${group}").add(\n  ${
      range(perGroup).map((i) => operation(group, i)).join(",\n  ")
    }\n) {}`
  ).join("\n")
}
export class Api extends HttpApi.make("payments").add(${range(groups).map((group) => `Group${group}`).join(", ")}) {}
`

const calls = range(groups).flatMap((group) =>
  range(perGroup).map((i) =>
    i % 3 === 0
      ? `  yield* client.group${group}.order${i}({ params: { id: "1" }, payload: { amount: 1, currency: "USD", note${i}: "" } })`
      : `  total += (yield* client.group${group}.get${i}({ params: { id: "1" }, query: { limit: 1 } })).amount${group}_${i}`
  )
).join("\n")

const programs = {
  switchboard: `
import * as Integration from "@switchboard/core/Integration"
import * as Effect from "effect/Effect"
import { Api } from "./contract.ts"
class Payments extends Integration.Service<Payments>()("growth/Payments", { api: Api }) {}
export const program = Effect.gen(function*() {
  let total = 0
  const client = yield* Payments
${calls}
  return total
})
`,
  peer: `
import * as Effect from "effect/Effect"
import { HttpApiClient } from "effect/http-api"
import { HttpClient } from "effect/http"
import { Api } from "./contract.ts"
export const program = Effect.gen(function*() {
  let total = 0
  const client = yield* HttpApiClient.makeWith(Api, { httpClient: yield* HttpClient.HttpClient })
${calls}
  return total
})
`,
  contract: `export { Api } from "./contract.ts"\n`
}

const tsconfig = {
  extends: join(root, "tsconfig.base.json"),
  compilerOptions: {
    noEmit: true,
    composite: false,
    declaration: false,
    declarationMap: false,
    incremental: false,
    customConditions: [],
    allowImportingTsExtensions: true,
    skipLibCheck: true, // as `tsc --init` writes it
    types: []
  }
}

type Program = keyof typeof programs

const folderOf = async (name: Program): Promise<string> => {
  const folder = join(await core(), "../../../types", name)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, "contract.ts"), contract)
  writeFileSync(join(folder, "program.ts"), programs[name])
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ ...tsconfig, files: ["program.ts"] }))
  return folder
}

/** A figure that the compiler prints, such as `Check time`. */
const figure = async (name: Program, label: string, ...flags: ReadonlyArray<string>): Promise<number> => {
  const args = ["-p", await folderOf(name), "--extendedDiagnostics", ...flags]
  const { stdout } = await promisify(execFile)(join(root, "node_modules/.bin/tsc"), args)
  return Number(new RegExp(`^${label}:\\s*([\\d.]+)`, "m").exec(stdout)![1])
}

/** By one thread, so that no type is instantiated in several: the same number on every machine. */
export const instantiations = (name: Program): Promise<number> => figure(name, "Instantiations", "--singleThreaded")

export const measure = async (rounds: number): Promise<ReadonlyArray<Line>> => {
  const seconds: Record<Program, Array<number>> = { switchboard: [], peer: [], contract: [] }
  for (let round = 0; round < rounds; round++) {
    for (const name of ["switchboard", "peer", "contract"] as const) {
      seconds[name].push(await figure(name, "Check time"))
    }
  }
  const ours = median(seconds.switchboard)
  const peer = { name: "HttpApiClient", value: median(seconds.peer) }
  return [
    { what: "type-checking 100 operations and a call of each", unit: "s", ours, limit: 1.5, peer },
    { what: "of that, without the contract", unit: "s", ours: ours - median(seconds.contract) },
    {
      what: "type instantiations of the same",
      unit: "",
      ours: await instantiations("switchboard"),
      peer: { name: "HttpApiClient", value: await instantiations("peer") }
    }
  ]
}

if (import.meta.main) {
  const [switchboard, peer] = await Promise.all([instantiations("switchboard"), instantiations("peer")])
  console.log(`types instantiated              ours  HttpApiClient's`)
  console.log(`100 operations, a call of each${String(switchboard).padStart(8)}${String(peer).padStart(17)}`)
}
