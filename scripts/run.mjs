// Runs one task of this workspace on any machine that has Node 20 or newer and npm: brings the pinned pnpm into
// .tools/, installs the locked dependencies if they changed, then runs the task under the pinned Node of node_modules.
//
//   node scripts/run.mjs <task> [arguments of the task]
//
// package.json starts it with `exec`, so that a signal sent to npm or pnpm reaches it instead of the shell between them.

import { spawn, spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { constants } from "node:os"
import { delimiter, dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

process.chdir(join(dirname(fileURLToPath(import.meta.url)), ".."))

const vitest = "vitest run --config vitest.workspace.ts"
const source = "--conditions=switchboard-source"

/** A task is a list of commands, run in order until one fails. Its arguments go to the last of them. */
const tasks = {
  start: [`node ${source} examples/coffee-shop/main.ts`],
  test: [vitest],
  "test:unit": [`${vitest} --project unit`],
  "test:integration": [`${vitest} --project integration`],
  types: ["tsc -b"],
  effect: ["effect-tsgo diagnostics --project tsconfig.json --format text --strict"],
  lint: ["oxlint --deny-warnings"],
  format: ["dprint fmt"],
  "format:check": ["dprint check"],
  guards: [`${vitest} tests/ --exclude **/{documents,examples}.integration.test.ts`],
  build: ["node scripts/clean.ts", "tsc -b packages"],
  "pack:verify": ["node scripts/clean.ts", "tsc -b packages", "node scripts/verify-pack.ts"],
  bench: ["tsc -b packages", `node ${source} bench/run.ts`],
  pnpm: [".tools/node_modules/.bin/pnpm"]
}

/** `check` runs all of these, even after a failure, and names the ones that failed. */
const checks = ["types", "effect", "lint", "format:check", "guards"]

const [task, ...rest] = process.argv.slice(2)
const args = rest[0] === "--" ? rest.slice(1) : rest

if (task !== "check" && !(task in tasks)) {
  fail(`unknown task ${JSON.stringify(task)}; there are: check, ${Object.keys(tasks).join(", ")}`)
}
if (Number(process.versions.node.split(".")[0]) < 20) {
  fail(`Node ${process.versions.node} is too old: 20 or newer is needed`)
}

bringPnpm()
if (task !== "pnpm") installDependencies()

// The pinned Node is an optional dependency, because there is none for some machines; those need a recent one of their own.
if (!existsSync("node_modules/.bin/node") && isOlder(process.versions.node, [22, 19])) {
  fail(`there is no pinned Node for ${process.platform} ${process.arch}, so that Node 22.19 or newer is needed here`)
}
process.env.PATH = join(process.cwd(), "node_modules/.bin") + delimiter + process.env.PATH

if (task === "check") {
  const failed = []
  for (const name of checks) {
    console.log(`\n── ${name}`)
    if (await runTask(name, []) !== 0) failed.push(name)
  }
  console.log(failed.length === 0 ? "\ncheck: all passed" : `\ncheck: failed: ${failed.join(", ")}`)
  process.exit(failed.length === 0 ? 0 : 1)
}
process.exit(await runTask(task, args))

/** Whether a version is below the wanted major and minor. */
function isOlder(version, [wantedMajor, wantedMinor]) {
  const [major, minor] = version.split(".").map(Number)
  return major < wantedMajor || (major === wantedMajor && minor < wantedMinor)
}

/** Runs the commands of a task and answers the exit code of the first that fails, or 0. */
async function runTask(name, args) {
  const commands = tasks[name].map((line) => line.split(" "))
  commands.at(-1).push(...args)
  for (const [command, ...parameters] of commands) {
    const code = await run(command, parameters)
    if (code !== 0) return code
  }
  return 0
}

/** Runs one command in the foreground, passing signals on to it and its exit code back. */
function run(command, parameters) {
  const child = spawn(command, parameters, { stdio: "inherit" })
  const passOn = (signal) => {
    // A terminal sends SIGINT to the whole group, so that the child has it already.
    if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal)
  }
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"]
  for (const signal of signals) process.on(signal, passOn)
  return new Promise((resolve) => {
    child.once("error", (error) => fail(`${command}: ${error.message}`))
    child.once("exit", (code, signal) => {
      for (const signal of signals) process.off(signal, passOn)
      resolve(code ?? 128 + constants.signals[signal])
    })
  })
}

/** Installs the pnpm that package.json names under .tools/, unless it is there. */
function bringPnpm() {
  const wanted = JSON.parse(readFileSync("package.json", "utf8")).packageManager
  const manifest = ".tools/node_modules/pnpm/package.json"
  if (existsSync(manifest) && `pnpm@${JSON.parse(readFileSync(manifest, "utf8")).version}` === wanted) return
  mkdirSync(".tools", { recursive: true })
  step(`npm install --prefix .tools --no-save --no-package-lock --no-fund --no-audit --loglevel=error ${wanted}`)
}

/** Installs the locked dependencies, unless the lockfile and all manifests are the ones of the last installation. */
function installDependencies() {
  const manifests = ["packages", "packages/adapters", "."].flatMap((folder) =>
    existsSync(folder) ? readdirSync(folder).toSorted().map((name) => join(folder, name, "package.json")) : []
  ).filter((path) => !path.startsWith("node_modules") && existsSync(path))
  const hash = createHash("sha256").update(`${process.platform} ${process.arch}`)
  for (const path of ["pnpm-lock.yaml", "pnpm-workspace.yaml", "package.json", ...manifests]) {
    hash.update(path).update(readFileSync(path))
  }
  const stamp = "node_modules/.installed"
  const wanted = hash.digest("hex")
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return
  step(".tools/node_modules/.bin/pnpm install --frozen-lockfile --prefer-offline --reporter=append-only")
  writeFileSync(stamp, wanted)
}

/** Runs a preparing command. Its output goes to stderr, so that a task's own output stays clean. */
function step(line) {
  const [command, ...parameters] = line.split(" ")
  const { status, error } = spawnSync(command, parameters, { stdio: ["ignore", 2, 2] })
  if (status !== 0) fail(`failed: ${line}${error === undefined ? "" : ` (${error.message})`}`)
}

function fail(message) {
  console.error(`run: ${message}`)
  process.exit(1)
}
