// One requirement, and whether it is met.

export interface Line {
  readonly what: string
  readonly unit: string
  readonly ours: number
  /** The most that is allowed; absent where a line is there to be read. */
  readonly limit?: number | undefined
  readonly peer?: Peer | undefined
}

/** What another does in the same run. */
export interface Peer {
  readonly name: string
  readonly value: number
}

export const isMet = ({ limit, ours }: Line): boolean => limit === undefined || ours <= limit

export const median = (values: ReadonlyArray<number>): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = (sorted.length - 1) / 2
  return (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle)]!) / 2
}

const shown = (value: number): string =>
  value.toLocaleString("en-US", { maximumFractionDigits: value < 10 ? 2 : value < 1000 ? 1 : 0 })

/** A table for a document. */
export const markdownOf = (lines: ReadonlyArray<Line>): string => {
  const rows = lines.map((line) => {
    const { limit, ours, peer, unit, what } = line
    return [
      what,
      `${shown(ours)} ${unit}`,
      limit === undefined ? "–" : `${shown(limit)} ${unit}`,
      limit === undefined ? "" : isMet(line) ? "yes" : "**no**",
      peer === undefined ? "–" : `${peer.name}: ${shown(peer.value)} ${unit}`,
      peer === undefined ? "–" : shown(ours / peer.value)
    ]
  })
  const head = ["what", "measured", "limit", "met", "peer", "ratio"]
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n")
}
