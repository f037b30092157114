// What a call costs with more at a time: from the rows of the benchmark itself.
import type { Row } from "../table.ts"
import type { Line } from "./line.ts"

/** Flat: it may grow by a tenth more than the baseline's. */
const tolerance = 1.1

export const inFlightLines = (rows: ReadonlyArray<Row>, ours: string, baseline: string): ReadonlyArray<Line> => {
  const micros = (contender: string, inFlight: number): number | undefined =>
    rows.find((row) => row.workload === "get" && row.contender === contender && row.inFlight === inFlight)?.micros
  const growth = (contender: string, from: number): number | undefined => {
    const [few, many] = [micros(contender, from), micros(contender, 500)]
    return few === undefined || many === undefined ? undefined : many / few
  }
  return [1, 50].flatMap((from): ReadonlyArray<Line> => {
    const [own, peer] = [growth(ours, from), growth(baseline, from)]
    if (own === undefined || peer === undefined) return []
    const what = `CPU of a GET, 500 in flight to ${from}`
    return [{ what, unit: "×", ours: own, limit: peer * tolerance, peer: { name: baseline, value: peer } }]
  })
}
