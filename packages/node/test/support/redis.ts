/** A Redis of one's own, where the program is on the path. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { createConnection, createServer } from "node:net"
import { expect } from "vitest"

const installed = spawnSync("redis-server", ["--version"]).status === 0

/** Skips what needs a Redis where there is none, and says so; in CI that is a failure. */
export const withoutRedis: boolean = !installed && process.env.CI !== "true"
if (withoutRedis) console.warn("There is no redis-server on the path: tests that need one are skipped.")
else if (!installed) expect.fail("There is no redis-server on the path.")

export interface RedisServer {
  readonly url: string
  /** Kills it, as if its machine were gone. */
  readonly kill: Effect.Effect<void>
  /** Starts it again on the same port, with nothing in it. */
  readonly start: Effect.Effect<void>
  /** Takes no more steps, though its connections stay. */
  readonly stop: Effect.Effect<void>
  readonly resume: Effect.Effect<void>
}

/** Running, until the scope closes. */
export const redisServer: Effect.Effect<RedisServer, never, Scope.Scope> = Effect.suspend(() => redisServerWith())

/** With arguments of its own. */
export const redisServerWith = (
  ...args: ReadonlyArray<string>
): Effect.Effect<RedisServer, never, Scope.Scope> => Effect.tap(redisServerLater(...args), ({ start }) => start)

/** On a free port, but not running yet. */
export const redisServerLater = (...args: ReadonlyArray<string>): Effect.Effect<RedisServer, never, Scope.Scope> =>
  Effect.gen(function*() {
    const port = yield* Effect.promise(freePort)
    let child: ChildProcess | undefined
    const kill = Effect.promise(async () => {
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
      child.kill("SIGKILL")
      await once(child, "exit")
    })
    yield* Effect.addFinalizer(() => kill)
    const signal = (name: NodeJS.Signals) => Effect.sync(() => void child?.kill(name))
    return {
      url: `redis://127.0.0.1:${port}`,
      kill,
      start: Effect.promise(async () => {
        const usual = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        child = spawn("redis-server", [...usual, ...args], { stdio: "ignore" })
        while (!(await accepts(port))) await new Promise((resolve) => setTimeout(resolve, 10))
      }),
      stop: signal("SIGSTOP"),
      resume: signal("SIGCONT")
    }
  })

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  server.close()
  await once(server, "close")
  return typeof address === "object" && address !== null ? address.port : 0
}

const accepts = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = createConnection(port, "127.0.0.1")
    socket.once("connect", () => {
      socket.destroy()
      resolve(true)
    })
    socket.once("error", () => resolve(false))
  })
