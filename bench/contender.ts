// Runs one contender in a process of its own and prints the CPU time of one call, in microseconds.
//
//   node bench/contender.ts <name> <origin> <calls> <concurrency>
//
// To add a contender, put a file into bench/contenders/ that exports `open`; its name there is its name in the table.

/** Gets ready to call `GET /charge` of the origin. Every contender has as many connections as calls at a time. */
export type Open = (origin: string, connections: number) => Contender | Promise<Contender>

export interface Contender {
  /** Tells `done` the decoded body, or an `Error`, and never before `call` has returned. */
  readonly call: (done: (result: unknown) => void) => void
  readonly close: () => Promise<void>
}

const measure = async ([name, origin, calls, concurrency]: ReadonlyArray<string>): Promise<number> => {
  const { open }: { readonly open: Open } = await import(`./contenders/${name}.ts`)
  const { call, close } = await open(origin!, Number(concurrency))

  const run = (total: number) =>
    new Promise<void>((resolve, reject) => {
      let started = 0
      let finished = 0
      const done = (result: unknown): void => {
        if ((result as { readonly id?: unknown }).id !== "ch_1") return reject(result)
        if (++finished === total) return resolve()
        if (started < total) next()
      }
      const next = (): void => {
        started++
        call(done)
      }
      while (started < Math.min(total, Number(concurrency))) next()
    })

  await run(Number(calls) / 2)
  const before = process.cpuUsage()
  await run(Number(calls))
  const { user, system } = process.cpuUsage(before)
  await close()
  return (user + system) / Number(calls)
}

if (import.meta.main) console.log(await measure(process.argv.slice(2)))
