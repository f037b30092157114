// What the numbers should be. They are reported, and never asserted: a slow machine breaks nothing.
import { type Cell, ratio } from "./samples.ts"
import { markdown } from "./table.ts"

export interface Goal {
  readonly what: string
  readonly contender: string
  readonly workload: string
  readonly inFlight: number
  /** Absent: the baseline. */
  readonly against?: string
  /** `cpu` and `throughput` of the contender to the other's; `cheaper`, how many times the other's CPU is its own. */
  readonly measure: "cpu" | "cheaper" | "throughput"
  /** For `cpu` the most, else the least. */
  readonly limit: number
}

const ours = "switchboard"
const axios = "axios-retry-opossum"
const cockatiel = "undici-cockatiel"
const standard = { contender: ours, workload: "get" } as const
const refusal = { contender: ours, workload: "open-circuit", inFlight: 50 } as const

export const goals: ReadonlyArray<Goal> = [
  ...[[1, 0.9], [50, 0.9], [500, 0.95]].map(([inFlight, limit]) => (
    { what: "a GET, standard pipeline", ...standard, inFlight: inFlight!, measure: "cpu", limit: limit! } as const
  )),
  { what: "a POST of 1 KiB", contender: ours, workload: "post", inFlight: 50, measure: "cpu", limit: 0.75 },
  {
    what: "a GET, every policy on",
    contender: "switchboard-every-policy",
    workload: "get",
    inFlight: 50,
    measure: "cpu",
    limit: 1
  },
  {
    what: "a GET, tracer and metrics exported",
    contender: "switchboard-observed",
    workload: "get",
    inFlight: 50,
    measure: "cpu",
    limit: 1.6
  },
  { what: "a refusal by an open circuit", ...refusal, measure: "cpu", limit: 0.05 },
  { what: "a refusal, beside cockatiel's", ...refusal, against: cockatiel, measure: "cheaper", limit: 1 },
  { what: "a refusal, beside opossum's", ...refusal, against: axios, measure: "cheaper", limit: 1 },
  ...[1, 50, 500].map((inFlight) => (
    {
      what: "a GET, beside undici + cockatiel",
      ...standard,
      inFlight,
      against: cockatiel,
      measure: "cheaper",
      limit: 2.2
    } as const
  )),
  ...[[50, 10], [500, 5.5]].map(([inFlight, limit]) => ({
    what: "a GET, beside axios + axios-retry + opossum",
    ...standard,
    inFlight: inFlight!,
    against: axios,
    measure: "cheaper",
    limit: limit!
  } as const)),
  ...["download", "upload"].flatMap((workload) =>
    [1, 10].map((inFlight) => (
      { what: `1 MiB, ${workload}`, contender: ours, workload, inFlight, measure: "throughput", limit: 0.95 } as const
    ))
  )
]

/** How a goal compares with what was measured; those that were not measured are left out. */
export interface Comparison {
  readonly goal: string
  readonly limit: string
  readonly measured: number
  readonly isMet: boolean
}

export const compare = (cells: ReadonlyArray<Cell>, baseline: string): ReadonlyArray<Comparison> =>
  goals.flatMap((goal): ReadonlyArray<Comparison> => {
    const measured = measure(goal, cells, baseline)
    if (measured === undefined) return []
    const isLess = goal.measure === "cpu"
    return [{
      goal: `${goal.what}, ${goal.inFlight} in flight: ${goal.measure}`,
      limit: `${isLess ? "≤" : "≥"} ${goal.limit}`,
      measured,
      isMet: isLess ? measured <= goal.limit : measured >= goal.limit
    }]
  })

export const goalsTable = (comparisons: ReadonlyArray<Comparison>): string => {
  if (comparisons.length === 0) return ""
  const lines = comparisons.map(({ goal, isMet, limit, measured }) => [
    goal,
    limit,
    measured.toFixed(2),
    isMet ? "yes" : "no"
  ])
  return `### Goals\n\n${markdown(["goal", "limit", "measured", "met"], ["---", "---", "---", "---"], ...lines)}\n`
}

const measure = (goal: Goal, cells: ReadonlyArray<Cell>, baseline: string): number | undefined => {
  const cell = cells.find(({ inFlight, workload }) => workload === goal.workload && inFlight === goal.inFlight)
  const other = goal.against ?? baseline
  return cell && (goal.measure === "cheaper"
    ? ratio(cell, "cpu", other, goal.contender)?.median
    : ratio(cell, goal.measure, goal.contender, other)?.median)
}
