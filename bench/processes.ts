// Starts the processes of a run, each on a core of its own where the machine lets us choose.
import { type ChildProcess, fork, spawn } from "node:child_process"
import { once } from "node:events"
import { accessSync, constants, existsSync } from "node:fs"
import { createServer } from "node:net"
import { availableParallelism } from "node:os"
import { delimiter, join } from "node:path"
import type { Reply, Request } from "./client.ts"

const taskset = "/usr/bin/taskset"
const isPinned = availableParallelism() > 1 && existsSync(taskset)

const serverCore = 0
const clientCore = 1

/** A program of this folder, with the packages as they are published. It ends with this process, because its channel does. */
const start = (
  file: string,
  core: number,
  { args = [], env = {}, flags = [], stdout }: {
    readonly args?: ReadonlyArray<string>
    readonly env?: Record<string, string>
    readonly flags?: ReadonlyArray<string>
    /** Read by us, or shown beside the progress, so that nothing is lost that a contender says. */
    readonly stdout: "pipe" | typeof process.stderr
  }
) => {
  const node = ["--no-warnings", ...flags]
  return fork(join(import.meta.dirname, file), args, {
    stdio: ["ignore", stdout, "inherit", "ipc"],
    env: { ...process.env, NODE_COMPILE_CACHE: join(import.meta.dirname, "../.tmp/compile-cache"), ...env },
    ...(isPinned
      ? { execPath: taskset, execArgv: ["-c", String(core), process.execPath, ...node] }
      : { execArgv: node })
  })
}

export interface Running {
  readonly origin: string
  readonly stop: () => Promise<void>
}

export const startServer = async (): Promise<Running> => {
  const server = start("server.ts", serverCore, { stdout: "pipe" })
  const [line] = await once(server.stdout!, "data")
  return { origin: String(line).trim(), stop: () => stop(server, () => server.disconnect()) }
}

/** `undefined` where there is no redis-server on the PATH. */
export const startRedis = async (): Promise<Running | undefined> => {
  const folders = (process.env["PATH"] ?? "").split(delimiter)
  const found = folders.map((folder) => join(folder, "redis-server")).find(isProgram)
  if (found === undefined) return undefined
  const port = await freePort()
  const settings = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
  const [program, ...args] = isPinned ? [taskset, "-c", String(serverCore), found, ...settings] : [found, ...settings]
  const redis = spawn(program!, args, { stdio: ["ignore", "pipe", "inherit"] })
  for await (const text of redis.stdout) if (String(text).includes("Ready to accept")) break
  return { origin: `redis://127.0.0.1:${port}`, stop: () => stop(redis, () => redis.kill()) }
}

const isProgram = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** A port that nobody listens on. */
export const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === "object" && address !== null ? address.port : 0
}

export interface Client {
  readonly name: string
  /** Answers when it has done what it was told; fails where it could not. */
  readonly tell: (request: Request) => Promise<Exclude<Reply, { readonly error: string }>>
  readonly stop: () => Promise<void>
}

export const startClient = async (
  name: string,
  origins: { readonly server: string; readonly dead: string; readonly redis: string | undefined },
  profile: { readonly folder: string; readonly launch: number } | undefined
): Promise<Client> => {
  const env = origins.redis === undefined ? {} : { REDIS_URL: origins.redis }
  const args = [name, origins.server, origins.dead]
  const flags = profile === undefined ? [] : [
    "--cpu-prof",
    "--cpu-prof-interval=200",
    `--cpu-prof-dir=${profile.folder}`,
    `--cpu-prof-name=${name}-${profile.launch}.cpuprofile`
  ]
  const child = start("client.ts", clientCore, { args, env, flags, stdout: process.stderr })
  const next = () =>
    new Promise<Exclude<Reply, { readonly error: string }>>((resolve, reject) => {
      const onExit = () => reject(new Error(`${name} ended`))
      child.once("exit", onExit)
      child.once("message", (reply: Reply) => {
        child.off("exit", onExit)
        if (typeof reply === "object" && "error" in reply) reject(new Error(`${name}: ${reply.error}`))
        else resolve(reply)
      })
    })
  await next()
  return {
    name,
    tell: (request) => {
      const reply = next()
      child.send(request)
      return reply
    },
    stop: () => stop(child, () => child.disconnect())
  }
}

const stop = async (child: ChildProcess, end: () => void): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, "exit")
  end()
  await ended
}
