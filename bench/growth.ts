// What may not grow: with the number of integrations, of calls that wait, of operations; and what loading core, bundling
// and type-checking cost. Each measurement runs in processes of its own, several times, its peers in turn with it.
//
//   node --conditions=switchboard-source bench/growth.ts [--only memory,build] [--rounds 5]
import { parseArgs } from "node:util"
import * as Build from "./growth/build.ts"
import * as Integrations from "./growth/integrations.ts"
import { type Line, markdownOf } from "./growth/line.ts"
import * as Load from "./growth/load.ts"
import * as Memory from "./growth/memory.ts"
import * as Shake from "./growth/shake.ts"
import * as Types from "./growth/types.ts"

export interface Options {
  /** Names of measurements; default all. */
  readonly only?: ReadonlyArray<string> | undefined
  /** How often each subject is launched; the median counts. Default: as often as its noise asks for. */
  readonly rounds?: number | undefined
}

const measurements: Readonly<Record<string, (rounds?: number) => Promise<ReadonlyArray<Line>>>> = {
  integrations: (rounds = 5) => Integrations.measure(rounds),
  memory: (rounds = 3) => Memory.measure(rounds), // the same to a few bytes, whatever else runs
  build: (rounds = 9) => Build.measure(rounds),
  load: (rounds = 9) => Load.measure(rounds),
  shake: () => Shake.measure(),
  types: (rounds = 3) => Types.measure(rounds)
}

export const measure = async ({ only, rounds }: Options = {}): Promise<ReadonlyArray<Line>> => {
  const lines: Array<Line> = []
  for (const [name, run] of Object.entries(measurements)) {
    if (only?.includes(name) ?? true) lines.push(...await run(rounds))
  }
  return lines
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { only: { type: "string" }, rounds: { type: "string" } } })
  const rounds = values.rounds === undefined ? undefined : Number(values.rounds)
  console.log(markdownOf(await measure({ only: values.only?.split(","), rounds })))
}
