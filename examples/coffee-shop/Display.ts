/** What goes on, while it goes on: a board that is redrawn on a terminal, plain lines elsewhere. */
import { Console, Effect, Schedule } from "effect"
import type { Journal } from "./Journal.ts"

export interface Options {
  readonly journal: Journal
  readonly orders: number
  readonly pending: Effect.Effect<number>
  /** Redraws in place; otherwise only lines are added. */
  readonly terminal: boolean
  readonly color: boolean
}

/** Shows the journal until it is interrupted. */
export const run = (options: Options): Effect.Effect<never> => options.terminal ? board(options) : plain(options)

const board = ({ color, journal, orders, pending }: Options): Effect.Effect<never> => {
  let height = 0
  const draw = Effect.gen(function*() {
    const news = newsOf(journal, color).slice(-8)
    const lines = [bar(journal.entries.size, orders, color), summary(journal, yield* pending), ...news]
    process.stdout.write(`${height === 0 ? "" : `\u001b[${height}A`}\u001b[J${lines.join("\n")}\n`)
    height = lines.length
  })
  return Effect.andThen(Effect.repeat(draw, Schedule.spaced("100 millis")), Effect.never).pipe(Effect.ensuring(draw))
}

const plain = ({ journal, orders, pending }: Options): Effect.Effect<never> => {
  let shown = 0
  const tell = Effect.gen(function*() {
    const news = newsOf(journal, false)
    for (const line of news.slice(shown)) yield* Console.log(line)
    shown = news.length
  })
  const progress = Effect.gen(function*() {
    yield* Console.log(
      `${time(journal.elapsed)}  ${journal.entries.size}/${orders} orders: ${summary(journal, yield* pending)}`
    )
  })
  return Effect.all([
    Effect.repeat(tell, Schedule.spaced("100 millis")),
    Effect.repeat(progress, Schedule.spaced("2 seconds"))
  ], { concurrency: 2, discard: true }).pipe(Effect.andThen(Effect.never), Effect.ensuring(tell))
}

const summary = (journal: Journal, pending: number): string => {
  const counts = { Paid: 0, Declined: 0, Failed: 0, Unknown: 0 }
  for (const { outcome } of journal.entries.values()) counts[outcome._tag]++
  return `${counts.Paid} paid, ${counts.Declined} declined, ${counts.Failed} failed, ${counts.Unknown} unknown; ${pending} mails to send`
}

/** Changes of the providers' phases and of the circuits, in the order they came. */
const newsOf = (journal: Journal, color: boolean): ReadonlyArray<string> => {
  const paint = (code: number, text: string) => color ? `\u001b[${code}m${text}\u001b[0m` : text
  const phases = journal.phases.map(({ at, phase, service }) => ({
    at,
    text: `${service} provider: ${paint(33, phase)}`
  }))
  const circuits = journal.events.filter((event) => event._tag === "CircuitChanged").map((
    { at, from, integration, to }
  ) => ({
    at,
    text: `${integration} circuit: ${from} → ${paint(colors[to] ?? 0, to)}`
  }))
  return [...phases, ...circuits].toSorted((a, b) => a.at - b.at)
    .map(({ at, text }) => `${time((at - journal.begun) / 1000)}  ${text}`)
}

const colors: Record<string, number> = { Closed: 32, HalfOpen: 36, Open: 31 }

const bar = (done: number, all: number, color: boolean): string => {
  const width = 40
  const full = Math.round(done / all * width)
  const blocks = `${"█".repeat(full)}${"░".repeat(width - full)}`
  return `${color ? `\u001b[36m${blocks}\u001b[0m` : blocks} ${done}/${all} orders`
}

const time = (seconds: number): string => `${seconds.toFixed(1).padStart(5)} s`
