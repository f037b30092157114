// Proves that the published packages work for a user who has nothing of this workspace: packs every package, installs
// the tarballs into an empty project elsewhere, type-checks it with skipLibCheck off, loads every public module, and runs
// the blocks of README there, tests included.

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { blocksOf } from "../tests/documents.ts"
import { startPaymentsServer } from "../tests/payments-server.ts"
import { run, type RunOptions } from "../tests/processes.ts"
import { isPublic, manifest, packages, root, sourcesOf } from "../tests/sources.ts"

const project = mkdtempSync(join(tmpdir(), "switchboard-"))
const tarballs = join(project, "tarballs")

const step = async (title: string, command: string, args: ReadonlyArray<string>, options?: RunOptions) => {
  const { exit, output } = await run(command, args, { cwd: project, timeout: 300_000, ...options })
  if (exit !== 0) throw new Error(`${title} failed (${exit})\n${output}`)
  console.log(`${title}: ok`)
}

const write = (file: string, content: unknown): void =>
  writeFileSync(join(project, file), typeof content === "string" ? content : JSON.stringify(content))

const modules = packages.flatMap((name) =>
  sourcesOf(name)
    .filter(isPublic)
    .map(({ module }) => module === "index" ? manifest(name).name : `${manifest(name).name}/${module}`)
)

try {
  mkdirSync(tarballs)
  for (const name of packages) {
    await step(`pack ${name}`, join(root, ".tools/node_modules/.bin/pnpm"), ["pack", "--pack-destination", tarballs], {
      cwd: join(root, "packages", name)
    })
  }

  const { devDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"))
  const versions = (...names: ReadonlyArray<string>) =>
    Object.fromEntries(names.map((name) => [name, devDependencies[name]]))
  write("package.json", {
    private: true,
    type: "module",
    dependencies: versions("effect", "@effect/platform-node", "redis")
  })
  write("tsconfig.json", {
    compilerOptions: {
      module: "NodeNext",
      target: "ES2023",
      lib: ["ESNext", "DOM"],
      types: ["node"],
      strict: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck: false,
      noEmit: true,
      allowImportingTsExtensions: true
    },
    include: ["*.ts"]
  })
  const files = readdirSync(tarballs).map((file) => `./tarballs/${file}`)
  await step("install", "npm", ["install", "--no-audit", "--no-fund", "--prefer-offline", ...files])
  const tools = Object.entries(versions("typescript", "@types/node", "vitest", "@effect/vitest"))
    .map(([name, version]) => `${name}@${version}`)
  await step("install tools", "npm", ["install", "--no-audit", "--no-fund", "--prefer-offline", "--save-dev", ...tools])

  const readme = blocksOf("README.md")
  write("modules.ts", modules.map((module, i) => `export * as m${i} from "${module}"`).join("\n"))
  write(
    "internal.mjs",
    `
    const refused = await import("@switchboard/core/internal/monotonic").then(() => false, (error) => error.code)
    if (refused !== "ERR_PACKAGE_PATH_NOT_EXPORTED") throw new Error("internal modules can be imported")
  `
  )
  for (const { code, file } of readme) write(file, code)

  await step("type-check", join(project, "node_modules/.bin/tsc"), ["-p", "."])
  await step(`load ${modules.length} modules`, process.execPath, ["modules.ts"])
  await step("internal modules stay inside", process.execPath, ["internal.mjs"])
  for (const { at, file } of readme.filter(({ runs }) => runs)) {
    await using server = await startPaymentsServer()
    const args = file.endsWith(".test.ts") ? ["node_modules/vitest/vitest.mjs", "run", file] : [file]
    await step(`run ${at}`, process.execPath, args, { env: server.environment })
  }
} finally {
  rmSync(project, { recursive: true, force: true })
}
