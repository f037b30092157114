// Runs a subject of a measurement in a process of its own, and reads the numbers that it prints.
import { spawn } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"
import { text } from "node:stream/consumers"
import { median } from "./line.ts"

export interface Launch {
  /** A file of this folder, and its arguments. */
  readonly file: string
  readonly args?: ReadonlyArray<string>
  /** Of Node. */
  readonly flags?: ReadonlyArray<string>
}

/** Everything it prints is one JSON document. */
export const launch = async <A>(
  { args = [], file, flags = ["--conditions=switchboard-source"] }: Launch
): Promise<A> => {
  const child = spawn(process.execPath, ["--no-warnings", ...flags, join(import.meta.dirname, file), ...args], {
    stdio: ["ignore", "pipe", "inherit"],
    timeout: 120_000
  })
  const [printed, [code]] = await Promise.all([text(child.stdout), once(child, "exit")])
  if (code !== 0) throw new Error(`${file} ${args.join(" ")} failed`)
  return JSON.parse(printed)
}

/**
 * Every subject several times, in turn, so that whatever else the machine does hits them alike: the median of what each
 * printed.
 */
export const medians = async <Name extends string>(
  rounds: number,
  subjects: Readonly<Record<Name, Launch>>
): Promise<Readonly<Record<Name, number>>> => {
  const names = Object.keys(subjects) as Array<Name>
  const values = names.map((): Array<number> => [])
  for (let round = 0; round < rounds; round++) {
    for (const [i, name] of names.entries()) values[i]!.push(await launch<number>(subjects[name]))
  }
  return Object.fromEntries(names.map((name, i) => [name, median(values[i]!)])) as Record<Name, number>
}
