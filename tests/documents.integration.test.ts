/**
 * Every `ts` block of README and docs is type-checked and, unless its fence says `no-run`, run: with vitest where the fence
 * names a `.test.ts`, else with node. A block may import those of its document that have a name, and those of README.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { blocksOf, documents, filesOf } from "./documents.ts"
import { startPaymentsServer } from "./payments-server.ts"
import { run, runFile, tsc } from "./processes.ts"
import { root } from "./sources.ts"

const folder = join(root, `.tmp/documents-${process.pid}`)
const folderOf = (document: string): string => join(folder, document.replaceAll(/[/.]/g, "_"))

const blocks = documents.flatMap((document) => blocksOf(document).map((block) => ({ ...block, document })))

beforeAll(() => {
  for (const document of documents) {
    mkdirSync(folderOf(document), { recursive: true })
    for (const { code, file } of filesOf(document)) writeFileSync(join(folderOf(document), file), code)
  }
  const compilerOptions = {
    noEmit: true,
    composite: false,
    rewriteRelativeImportExtensions: false,
    allowImportingTsExtensions: true,
    types: ["node"]
  }
  const tsconfig = { extends: join(root, "tsconfig.base.json"), compilerOptions, include: ["*/*.ts"] }
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(tsconfig))
  const resolve = { conditions: ["switchboard-source", "node", "import", "module", "default"] }
  writeFileSync(
    join(folder, "vitest.config.mjs"),
    `export default ${JSON.stringify({ resolve, ssr: { resolve }, test: { include: ["**/*.test.ts"] } })}`
  )
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

const runBlock = (path: string, env: Record<string, string>) =>
  path.endsWith(".test.ts")
    ? run(process.execPath, [join(root, "node_modules/vitest/vitest.mjs"), "run", "--root", folder, path], { env })
    : runFile(path, { env })

describe.skipIf(blocks.length === 0)("the documents", () => {
  it("type-check", async () => {
    expect(await tsc("-p", folder)).toEqual({ exit: 0, output: "" })
  })

  it("have one file of each name", () => {
    for (const document of documents) {
      const names = blocksOf(document).map(({ file }) => file)
      expect(names).toEqual([...new Set(names)])
    }
  })

  it.each(blocks.filter(({ runs }) => runs))("$at runs", async ({ document, file }) => {
    await using server = await startPaymentsServer()
    expect(await runBlock(join(folderOf(document), file), server.environment)).toMatchObject({ exit: 0 })
  })
})
