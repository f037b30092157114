// Core as it is published, built into a folder of its own, so that what others build is left alone.
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"

export const root = join(import.meta.dirname, "../..")

/** Below the root, so that effect is found as it is by core. */
const folder = join(root, ".tmp/growth")

let built: Promise<string> | undefined

/** The folder of the package. Below it `dist` and the manifest. */
export const core = (): Promise<string> => built ??= build()

const build = async (): Promise<string> => {
  const target = join(folder, "node_modules/@switchboard/core")
  mkdirSync(target, { recursive: true })
  writeFileSync(join(target, "package.json"), readFileSync(join(root, "packages/core/package.json")))
  const project = join(root, "packages/core/tsconfig.json")
  const info = join(folder, "core.tsbuildinfo")
  const args = ["-p", project, "--outDir", join(target, "dist"), "--tsBuildInfoFile", info]
  const tsc = spawn(join(root, "node_modules/.bin/tsc"), args, { stdio: ["ignore", "inherit", "inherit"] })
  const [code] = await once(tsc, "exit")
  if (code !== 0) throw new Error("core could not be built")
  return target
}
