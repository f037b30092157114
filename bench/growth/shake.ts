// What a bundler leaves of core where little of it is used: bytes of minified JavaScript, without effect.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { rolldown } from "rolldown"
import { core, root } from "./dist.ts"
import type { Line } from "./line.ts"

interface Bundle {
  readonly bytes: number
  /** Files of core that something is left of, below its `dist`. */
  readonly modules: ReadonlyArray<string>
}

const bundle = async (name: string, code: string): Promise<Bundle> => {
  const folder = join(await core(), "../../..")
  mkdirSync(folder, { recursive: true })
  const input = join(folder, `${name}.ts`)
  writeFileSync(input, code)
  const built = await rolldown({ input, external: /^effect(\/|$)/, platform: "node" })
  const { output: [chunk] } = await built.generate({ minify: true })
  await built.close()
  const modules = Object.entries(chunk.modules).filter(([, { renderedLength }]) => renderedLength > 0)
  return {
    bytes: Buffer.byteLength(chunk.code),
    modules: modules.map(([path]) => path.split("/dist/")[1]!).filter((path) => path !== undefined)
  }
}

/** The first integration of README. */
const first = (): string => /^```ts payments\.ts\n(.*?)^```$/ms.exec(readFileSync(join(root, "README.md"), "utf8"))![1]!

const use = (specifier: string, name = "* as Retry") => `import ${name} from "${specifier}"\nconsole.log(Retry.make)\n`

/** What has no place in a bundle that retries and does nothing else. */
const others =
  /policy\/(?!Retry)|circuit\/(?!slidingCounts)|rateLimit\/|bulkhead\/|contract\/|Integration\.js|Telemetry|Resilience/

export const measure = async (): Promise<ReadonlyArray<Line>> => {
  const direct = await bundle("direct", use("@switchboard/core/policy/Retry"))
  const index = await bundle("index", use("@switchboard/core", "{ Retry }"))
  const whole = await bundle("whole", "import * as core from \"@switchboard/core\"\nconsole.log(Object.values(core))\n")
  const integration = await bundle("integration", first())
  return [
    { what: "Retry alone, bundled", unit: "bytes", ours: direct.bytes },
    {
      what: "files of other parts in it",
      unit: "",
      ours: direct.modules.filter((module) => others.test(module)).length,
      limit: 0
    },
    {
      what: "Retry from the index",
      unit: "bytes",
      ours: index.bytes,
      limit: direct.bytes * 1.05,
      peer: { name: "imported directly", value: direct.bytes }
    },
    {
      what: "README's first integration",
      unit: "bytes",
      ours: integration.bytes,
      peer: { name: "all of core", value: whole.bytes }
    }
  ]
}
