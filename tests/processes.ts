/** Runs a program to its end, as a user would, and answers what it printed. */
import { spawn } from "node:child_process"
import { join } from "node:path"
import { root } from "./sources.ts"

export interface Finished {
  /** The exit code; the signal's name where one ended the process. */
  readonly exit: number | string
  /** What it wrote to stdout and stderr, in the order it came. */
  readonly output: string
}

export interface RunOptions {
  readonly cwd?: string
  /** Added to this process's environment. */
  readonly env?: Record<string, string>
  /** Milliseconds after which it is killed; 60 000 by default. */
  readonly timeout?: number
}

export const run = (command: string, args: ReadonlyArray<string>, options: RunOptions = {}): Promise<Finished> =>
  new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.cwd ?? root,
      env: { ...process.env, ...options.env },
      timeout: options.timeout ?? 60_000,
      stdio: ["ignore", "pipe", "pipe"]
    })
    let output = ""
    const append = (chunk: Buffer): void => void (output += chunk.toString())
    child.stdout.on("data", append)
    child.stderr.on("data", append)
    child.once("error", reject)
    child.once("close", (code, signal) => resolve({ exit: code ?? signal ?? "unknown", output }))
  })

/** A TypeScript file of this workspace, with the packages resolved to their sources. */
export const runFile = (
  file: string,
  { args = [], ...options }: RunOptions & { readonly args?: ReadonlyArray<string> } = {}
): Promise<Finished> => run(process.execPath, ["--conditions=switchboard-source", file, ...args], options)

export const tsc = (...args: ReadonlyArray<string>): Promise<Finished> => run(join(root, "node_modules/.bin/tsc"), args)
