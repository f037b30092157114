// What a run has found: printed, as data, and as the tables of docs/performance.md.
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { type Comparison, goalsTable } from "./goals.ts"
import { isMet, type Line, markdownOf } from "./growth/line.ts"
import { markdown, type Row, tablesOf } from "./table.ts"
import { workloads } from "./workloads.ts"

export interface Result {
  readonly node: string
  readonly settings: Readonly<Record<string, unknown>> & { readonly baseline: string }
  readonly rows: ReadonlyArray<Row>
  readonly goals: ReadonlyArray<Comparison>
  readonly growth: ReadonlyArray<Line>
}

export const printed = ({ goals, growth, rows, settings: { baseline } }: Result): string =>
  [tablesOf(rows, baseline), goalsTable(goals), growth.length === 0 ? "" : `### Growth\n\n${markdownOf(growth)}\n`]
    .filter((text) => text !== "").join("\n")

const begin = "<!-- written by `npm run bench -- --document` -->\n"
const end = "<!-- to here -->\n"

/** Puts the tables into the document, as ratios: times are those of one machine. */
export const document = (result: Result): void => {
  const path = join(import.meta.dirname, "../docs/performance.md")
  const text = readFileSync(path, "utf8")
  const [from, to] = [text.indexOf(begin), text.indexOf(end)]
  if (from === -1 || to === -1) throw new Error(`${path} has no place for the tables`)
  writeFileSync(path, `${text.slice(0, from + begin.length)}\n${documented(result)}\n${text.slice(to)}`)
}

const documented = ({ goals, growth, node, rows, settings }: Result): string => {
  const { baseline, launches, millis, rounds } = settings
  const sections = Object.entries(workloads).flatMap(([id, { title }]) => {
    const lines = rows.filter(({ workload }) => workload === id).map(lineOf)
    const head = ["contender", "in flight", `CPU × ${baseline}`, "quartiles", "throughput ×", "p50 ×", "p99 ×"]
    return lines.length === 0 ? [] : [`### ${title}\n\n${markdown(head, head.map(() => "---"), ...lines)}\n`]
  })
  const head = ["what", "× its limit", "met", "beside", "× that"]
  const growthLines = growth.map((line) => {
    const { limit, ours, peer, what } = line
    return [
      what,
      limit === undefined ? "" : limit === 0 ? String(ours) : (ours / limit).toFixed(2),
      limit === undefined ? "" : isMet(line) ? "yes" : "no",
      peer?.name ?? "",
      peer === undefined ? "" : (ours / peer.value).toFixed(2)
    ]
  })
  return [
    `Node ${node}; ${launches} launches of ${rounds} rounds of ${millis} ms of CPU each.\n`,
    ...sections,
    goalsTable(goals),
    `### Growth\n\n${markdown(head, head.map(() => "---"), ...growthLines)}\n`
  ].join("\n")
}

const lineOf = ({ contender, inFlight, p50, p99, ratio, throughput }: Row): ReadonlyArray<string> => [
  contender,
  String(inFlight),
  ratio.median.toFixed(2),
  `${ratio.lower.toFixed(2)} to ${ratio.upper.toFixed(2)}`,
  ...[throughput, p50, p99].map((value) => value.toFixed(2))
]
