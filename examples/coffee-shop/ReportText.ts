/** The report as a table to read. */
import type { Report, Traffic } from "./Report.ts"

export const render = (report: Report): string => {
  const { money, orders, repetitions, timeToRecover, transitions } = report
  const again = orders.placedAgain === 0 ? "" : `  (${orders.placedAgain} placed again when all was well again)`
  return [
    "",
    "Orders",
    row("placed", `${orders.placed}${again}`),
    row("paid", `${orders.paid}  (${money.paid} USD)`),
    row("declined", String(orders.declined)),
    row("failed", String(orders.failed)),
    row("unknown", String(orders.unknown)),
    ...Object.entries(orders.reasons).toSorted(descending).map(([reason, times]) => row(`  ${reason}`, String(times))),
    "",
    `${" ".repeat(24)}${"payments".padStart(14)}${"notifications".padStart(16)}`,
    ...lines.map(([name, of]) =>
      `  ${name.padEnd(22)}${of(report.payments).padStart(14)}${of(report.notifications).padStart(16)}`
    ),
    "",
    transitions.length === 0 ? "Circuits: closed all the time" : "Circuits",
    ...transitions.map(({ at, cause, from, integration, to }) =>
      `  ${at.toFixed(1).padStart(5)} s  ${integration.padEnd(22)}${from} → ${to}  (${cause})`
    ),
    "",
    ...(timeToRecover === undefined
      ? []
      : [row("time to recover", `${Math.round(timeToRecover)} ms after the outage ended`)]),
    ...(repetitions === undefined ? [] : [row("repetitions", `${repetitions} requests for what was charged already`)]),
    row("events", Object.entries(report.events).map(([name, times]) => `${times} ${name}`).join(", ")),
    ...(money.charged === undefined
      ? [row("money", "not compared: the books of a real provider are its own")]
      : [row("money", `${money.charged} USD charged by the provider, ${money.paid} USD paid by the orders`)]),
    "",
    report.broken.length === 0
      ? money.charged === undefined ? "Done." : "Nothing was charged twice, and no order was lost."
      : ["BROKEN:", ...report.broken.map((what) => `  ${what}`)].join("\n")
  ].join("\n")
}

const lines: ReadonlyArray<readonly [name: string, of: (traffic: Traffic) => string]> = [
  ["calls", ({ calls }) => String(calls)],
  ["attempts", ({ attempts }) => String(attempts)],
  ["refused unsent", ({ refused }) => String(refused)],
  ["requests received", ({ requests }) => requests === undefined ? "–" : String(requests)],
  ["requests per call", ({ amplification }) => amplification === undefined ? "–" : amplification.toFixed(2)],
  ["p50", ({ duration }) => `${duration.p50} ms`],
  ["p95", ({ duration }) => `${duration.p95} ms`],
  ["p99", ({ duration }) => `${duration.p99} ms`]
]

const row = (name: string, value: string): string => `  ${name.padEnd(22)}${value}`

const descending = (a: readonly [string, number], b: readonly [string, number]): number => b[1] - a[1]
