// How long a fresh process takes to load core, effect included, from JavaScript.
import { globSync, readFileSync, rmSync, symlinkSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { parseArgs } from "node:util"
import { core } from "./dist.ts"
import { type Launch, medians } from "./launch.ts"
import type { Line } from "./line.ts"

const load = async (modules: ReadonlyArray<string>): Promise<number> => {
  const began = performance.now()
  for (const module of modules) await import(module)
  return performance.now() - began
}

/** What of effect a build of core imports, by its own imports alone. */
const imported = (dist: string): ReadonlyArray<string> => {
  const files = globSync("**/*.js", { cwd: dist }).map((file) => readFileSync(join(dist, file), "utf8"))
  const specifiers = files.flatMap((text) => [...text.matchAll(/from "(effect[^"]*)"/g)].map(([, name]) => name!))
  return [...new Set(specifiers)].toSorted()
}

/** Effect beside core, as in an application: with each import Node looks for it in every folder on the way up. */
const install = (core: string): void => {
  const effect = join(core, "../../effect")
  rmSync(effect, { force: true })
  symlinkSync(dirname(fileURLToPath(import.meta.resolve("effect/package.json"))), effect)
}

export const measure = async (rounds: number): Promise<ReadonlyArray<Line>> => {
  const folder = await core()
  install(folder)
  const dist = join(folder, "dist")
  const subject = (...args: ReadonlyArray<string>): Launch => ({ file: "load.ts", args, flags: [] })
  const ours = (module: string) => pathToFileURL(join(dist, module)).href
  const found = await medians(rounds, {
    index: subject(ours("index.js")),
    integration: subject(ours("Integration.js")),
    own: subject(ours("index.js"), ...imported(dist).map((name) => `--after=${name}`)),
    peer: subject("effect/http-api/HttpApi", "effect/http-api/HttpApiClient", "effect/Schema")
  })
  const peer = { name: "Effect's HttpApi, HttpApiClient, Schema", value: found.peer }
  return [
    { what: "loading all of core, effect included", unit: "ms", ours: found.index, limit: 60, peer },
    { what: "loading Integration, effect included", unit: "ms", ours: found.integration, peer },
    { what: "loading all of core, effect loaded before", unit: "ms", ours: found.own, limit: 60 }
  ]
}

if (import.meta.main) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { after: { type: "string", multiple: true } }
  })
  await load(values.after ?? [])
  console.log(await load(positionals))
}
