/**
 * What a user's editor shows for the values of each `*.tst.ts` file, pinned beside it as `*.tst.txt`. The assertions in
 * such a file are checked by `pnpm types`; regenerate the texts with `pnpm guards -u`.
 */
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { tsc } from "./processes.ts"
import { root } from "./sources.ts"

const files = globSync("packages/**/test/**/*.tst.ts", { cwd: root, exclude: ["**/node_modules"] }).toSorted()
const folder = join(root, `.tmp/displayed-types-${process.pid}`)

describe.skipIf(files.length === 0)("the displayed types", () => {
  beforeAll(async () => {
    mkdirSync(folder, { recursive: true })
    const compilerOptions = {
      rootDir: root,
      outDir: "out",
      composite: false,
      sourceMap: false,
      declarationMap: false,
      emitDeclarationOnly: true,
      types: ["node"]
    }
    const tsconfig = {
      extends: join(root, "tsconfig.base.json"),
      compilerOptions,
      files: files.map((file) => join(root, file))
    }
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(tsconfig))
    const { exit, output } = await tsc("-p", folder)
    if (exit !== 0) throw new Error(output)
  }, 30_000)

  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it.each(files)("of %s", async (file) => {
    const emitted = readFileSync(join(folder, "out", file.replace(/\.ts$/, ".d.ts")), "utf8")
    const text = emitted.replaceAll(/^(import .*|export \{\};)\n/gm, "")
    await expect(text).toMatchFileSnapshot(join(root, file.replace(/\.ts$/, ".txt")))
  })
})
