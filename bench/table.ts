// What a run has found, as data and as tables.
import { type Cell, measures, type Quartiles, quartiles, ratio } from "./samples.ts"
import { workloads } from "./workloads.ts"

export interface Row {
  readonly contender: string
  readonly workload: string
  readonly inFlight: number
  /** CPU of a call, to the baseline. */
  readonly ratio: Quartiles
  /** Medians, to the baseline. */
  readonly throughput: number
  readonly p50: number
  readonly p99: number
  /** CPU of a call in microseconds, and the latency of half of them: of this machine alone. */
  readonly micros: number
  readonly latency: number
}

export const rowsOf = (cells: ReadonlyArray<Cell>, baseline: string): ReadonlyArray<Row> =>
  cells.flatMap((cell) =>
    [...cell.rounds].map(([contender, rounds]): Row => {
      const median = (measure: keyof typeof measures) => ratio(cell, measure, contender, baseline)!.median
      return {
        contender,
        workload: cell.workload,
        inFlight: cell.inFlight,
        ratio: ratio(cell, "cpu", contender, baseline)!,
        throughput: median("throughput"),
        p50: median("p50"),
        p99: median("p99"),
        micros: quartiles(rounds.map(measures.cpu)).median,
        latency: quartiles(rounds.map(measures.p50)).median
      }
    })
  ).toSorted((a, b) => a.inFlight - b.inFlight || a.ratio.median - b.ratio.median)

/** One table for each workload; by calls in flight, the least CPU first. */
export const tablesOf = (rows: ReadonlyArray<Row>, baseline: string): string =>
  Object.entries(workloads)
    .map(([id, { title }]) => ({ title, rows: rows.filter(({ workload }) => workload === id) }))
    .filter(({ rows }) => rows.length > 0)
    .map(({ rows, title }) => `### ${title}\n\n${headerOf(baseline)}\n${rows.map(lineOf).join("\n")}\n`)
    .join("\n")

const headerOf = (baseline: string): string =>
  markdown(
    ["contender", "in flight", `CPU × ${baseline}`, "quartiles", "throughput ×", "p50 ×", "p99 ×", "CPU µs", "p50 µs"],
    Array.from({ length: 9 }, () => "---")
  )

const lineOf = ({ contender, inFlight, latency, micros, p50, p99, ratio, throughput }: Row): string =>
  markdown([
    contender,
    String(inFlight),
    ratio.median.toFixed(2),
    `${ratio.lower.toFixed(2)} to ${ratio.upper.toFixed(2)}`,
    ...[throughput, p50, p99].map((value) => value.toFixed(2)),
    ...[micros, latency].map((value) => value.toFixed(1))
  ])

export const markdown = (...lines: ReadonlyArray<ReadonlyArray<string>>): string =>
  lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n")
