/** Every `ts` block of README and docs is type-checked and, unless its fence says `no-run`, run. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { blocksOf, documents } from "./documents.ts"
import { startPaymentsServer } from "./payments-server.ts"
import { runFile, tsc } from "./processes.ts"
import { root } from "./sources.ts"

// Inside examples, whose dependencies are those of an application.
const folder = join(root, `examples/.tmp/documents-${process.pid}`)
const fileOf = (at: string): string => join(folder, `${at.replaceAll(/[/.:]/g, "_")}.ts`)

const blocks = documents.flatMap(blocksOf)

beforeAll(() => {
  mkdirSync(folder, { recursive: true })
  for (const { at, code } of blocks) writeFileSync(fileOf(at), code)
  const compilerOptions = { noEmit: true, composite: false, noUnusedLocals: false, types: ["node"] }
  const tsconfig = { extends: join(root, "tsconfig.base.json"), compilerOptions, include: ["*.ts"] }
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(tsconfig))
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe.skipIf(blocks.length === 0)("the documents", () => {
  it("type-check", async () => {
    expect(await tsc("-p", folder)).toEqual({ exit: 0, output: "" })
  })

  it.each(blocks.filter(({ runs }) => runs))("$at runs", async ({ at }) => {
    await using server = await startPaymentsServer()
    expect(await runFile(fileOf(at), { env: server.environment })).toMatchObject({ exit: 0 })
  })
})
