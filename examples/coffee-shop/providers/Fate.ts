/** What becomes of each request, by the schedule and the seed. */
import type { Phase } from "./Schedule.ts"

export type Fate =
  | { readonly _tag: "Answer"; readonly delay: number }
  | { readonly _tag: "ResetInBody"; readonly delay: number }
  | { readonly _tag: "Unavailable"; readonly delay: number }
  | { readonly _tag: "TooMany" }
  | { readonly _tag: "Reset" }
  | { readonly _tag: "Hang" }

export interface Period {
  readonly phase: string
  /** Milliseconds since 1970. */
  readonly from: number
  readonly to: number
}

export interface Options {
  readonly phases: ReadonlyArray<Phase>
  readonly seed: number
  readonly onPhase: (name: string) => void
}

/** Begins to follow its schedule when `begin` is called, and is in the first phase until then. */
export class Fates {
  readonly periods: Array<Period> = []
  private phase: Phase
  private readonly options: Options
  private readonly random: () => number
  private recent: Array<number> = []

  constructor(options: Options) {
    this.options = options
    this.phase = options.phases[0]!
    this.random = mulberry32(options.seed)
  }

  begin(): void {
    let from = Date.now()
    const begun = from
    for (const phase of this.options.phases) {
      const to = from + phase.seconds * 1000
      this.periods.push({ phase: phase.name, from, to })
      setTimeout(() => {
        this.phase = phase
        this.options.onPhase(phase.name)
      }, from - begun)
      from = to
    }
  }

  next(): Fate {
    const { hang = 0, latency: [from, to], perSecond, reset = 0, resetInBody = 0, unavailable = 0 } = this.phase
    const delay = Math.round(from + this.random() ** 2 * (to - from))
    if (perSecond !== undefined && this.isOver(perSecond)) return { _tag: "TooMany" }
    let share = this.random()
    if ((share -= unavailable) < 0) return { _tag: "Unavailable", delay }
    if ((share -= resetInBody) < 0) return { _tag: "ResetInBody", delay }
    if ((share -= reset) < 0) return { _tag: "Reset" }
    if ((share -= hang) < 0) return { _tag: "Hang" }
    return { _tag: "Answer", delay }
  }

  private isOver(perSecond: number): boolean {
    const now = Date.now()
    this.recent = this.recent.filter((at) => at > now - 1000)
    if (this.recent.length >= perSecond) return true
    this.recent.push(now)
    return false
  }
}

/** Numbers from 0 to 1, the same for the same seed. */
const mulberry32 = (seed: number) => (): number => {
  seed = (seed + 0x6d2b79f5) | 0
  let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
}
