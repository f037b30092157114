/** Reports as tables in Markdown, one for each outage. Figures are rounded, so that they are the same on any machine. */
import type { Report } from "../../OutageSimulator.ts"

const columns: ReadonlyArray<readonly [head: string, cell: (report: Report) => string]> = [
  ["strategy", ({ strategy }) => strategy],
  ["succeeded", ({ outage }) => percent(outage.succeeded)],
  ["amplification", ({ outage }) => outage.amplification.toFixed(2)],
  ["shed", ({ outage }) => percent(outage.shed)],
  ["recovered after", ({ recovery }) => recovery === undefined ? "**never**" : seconds(recovery)],
  ["p50", ({ outage }) => seconds(outage.p50)],
  ["p99", ({ outage }) => seconds(outage.p99)],
  ["in flight", ({ mostInFlight }) => String(mostInFlight)],
  ["waiting", ({ mostWaiting }) => String(mostWaiting)],
  ["failed", ({ failures }) => failures.map(([reason, calls]) => `${reason} ${calls}`).join(", ") || "–"]
]

export const table = (reports: ReadonlyArray<Report>): string => {
  const scenarios = [...new Set(reports.map(({ scenario }) => scenario))]
  return scenarios.map((scenario) => {
    const { description, name } = scenario
    const rows = reports.filter((report) => report.scenario === scenario)
      .map((report) => row(columns.map(([, cell]) => cell(report))))
    const title = `### ${name.charAt(0).toUpperCase()}${name.slice(1)}`
    const lines = [row(columns.map(([head]) => head)), row(columns.map(() => "---")), ...rows]
    return [title, "", ...(description === "" ? [] : [description, ""]), ...lines].join("\n")
  }).join("\n\n")
}

const row = (cells: ReadonlyArray<string>): string => `| ${cells.join(" | ")} |`

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`

const seconds = (millis: number): string => `${(millis / 1000).toFixed(2)} s`
