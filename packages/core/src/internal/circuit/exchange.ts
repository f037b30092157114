/**
 * Exchanges what has happened in this process for the state of a shared circuit. One exchange at a time is under way; what
 * happens meanwhile goes with the next, so that a process asks the store once for many calls.
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type { Shared, StoreUnavailable } from "../../Stores.ts"
import * as monotonic from "../monotonic.ts"
import * as Circuit from "./circuit.ts"
import * as Copy from "./copy.ts"
import { type Cell, Machine, type Move, type Settings } from "./machine.ts"
import * as Stored from "./stored.ts"

/** What the circuits of one breaker, or of one keyed breaker, have in common. */
export interface Surroundings {
  readonly shared: Shared
  readonly settings: Settings
  readonly context: Context.Context<never>
  /** What is under way. */
  readonly running: Map<Fiber.Fiber<unknown>, Exchange>
  /** The scope is closed: no more is asked of the store. */
  closed: boolean
}

export class Exchange {
  readonly copy: Copy.Copy
  readonly cell: Cell
  private readonly key: string
  readonly moved: (move: Move) => void
  private readonly around: Surroundings
  /** What the store is being told. */
  private batch: ReadonlyArray<Copy.Op> = []
  private dozing = false

  constructor(key: string, cell: Cell, moved: (move: Move) => void, around: Surroundings) {
    this.key = key
    this.cell = cell
    this.copy = Copy.of(cell)
    this.moved = moved
    this.around = around
  }

  /** Something happens, as soon as the store can be asked; or to this process's copy, if it cannot. */
  push<A>(
    does: Copy.Does<A>,
    options: Pick<Copy.Op, "at" | "kind" | "refused" | "urgent"> & { readonly answered?: (answer: A) => void }
  ): void {
    const op: Copy.Op = {
      ...options,
      by: this,
      apply: (cell, moved, now) => {
        const answer = does(new Machine(this.around.settings, cell, moved), now)
        return options.answered && (() => options.answered?.(answer))
      }
    }
    const { busy, downUntil, waiting } = this.copy
    const ended = this.around.closed && !(busy && op.kind === "outcome")
    if (ended || (downUntil !== undefined && op.at < downUntil)) {
      this.alone([op], op.at)
      return this.copy.words.length > 0 ? this.refresh() : undefined
    }
    waiting.push(op)
    if (op.urgent || waiting.length >= 100) this.refresh()
  }

  /** Asks the store, unless it is being asked. */
  refresh(): void {
    if (this.copy.busy || this.around.closed) return
    this.copy.busy = true
    const { context, running } = this.around
    const fiber = Effect.runForkWith(context)(this.exchanges)
    running.set(fiber, this)
    fiber.addObserver(() => running.delete(fiber))
  }

  private readonly exchanges: Effect.Effect<void> = Effect.suspend(() => {
    const { around, copy } = this
    const once: Effect.Effect<void> = Effect.withFiber((fiber) => {
      const sentAt = monotonic.now(fiber)
      if (copy.downUntil !== undefined && sentAt < copy.downUntil) {
        return Effect.andThen(this.doze(copy.downUntil - sentAt), once)
      }
      const { words } = copy
      const batch = this.batch = copy.waiting
      copy.waiting = []
      return Effect.matchEffect(this.modify(words, batch, sentAt), {
        onSuccess: (learn) => {
          this.batch = []
          copy.words = copy.words.filter((word) => !words.includes(word))
          learn(monotonic.now(fiber))
          return copy.waiting.some(({ urgent }) => urgent || around.closed) ? once : Effect.void
        },
        onFailure: (error) => {
          const failed = [...batch, ...copy.waiting]
          this.batch = []
          copy.waiting = []
          this.lost(error, failed, monotonic.now(fiber))
          return copy.words.length > 0 && !around.closed ? once : Effect.void
        }
      })
    })
    return Effect.onExit(once, (exit) =>
      Effect.withFiber((fiber) => {
        copy.busy = false
        if (Exit.isFailure(exit)) this.abandoned(monotonic.now(fiber))
        if (around.closed) this.handOver()
        return Effect.void
      }))
  })

  /** Whether it only looks, or sleeps until the store is asked again. */
  get idle(): boolean {
    return this.dozing || this.batch.length + this.copy.waiting.length === 0
  }

  private doze(millis: number): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.dozing = true
      return Effect.ensuring(Effect.sleep(millis), Effect.sync(() => void (this.dozing = false)))
    })
  }

  /**
   * Applies a batch to what is kept, after the words that have been applied here already; what is to be done with the
   * answer is told when it came.
   */
  private modify(
    words: ReadonlyArray<Copy.Op>,
    batch: ReadonlyArray<Copy.Op>,
    sentAt: number
  ): Effect.Effect<(now: number) => void, StoreUnavailable> {
    const { settings, shared } = this.around
    return shared.modify(this.key, (kept, now) => {
      const { cause, circuit } = Stored.decode(settings, kept, now)
      const cell: Cell = { current: circuit }
      let last = cause
      const apply = (op: Copy.Op, moved: (move: Move) => void) =>
        op.apply(cell, (move) => {
          last = move.cause
          moved(move)
        }, now - Math.max(0, sentAt - op.at))
      for (const word of words) apply(word, () => {})
      const { _tag: to, openings } = cell.current
      const found = { to, cause: last, openings, openFor: openFor(cell.current) }
      const told: Array<() => void> = []
      const done = batch.map((op) => apply(op, (move) => void told.push(() => op.by.moved(move))))
      const value = Stored.encode({ circuit: cell.current, cause: last })
      const answer = (at: number): void => {
        this.learn(cell.current, found, now, at)
        for (const tell of told) tell()
        for (const finish of done) finish?.()
      }
      return value === kept ? { answer } : { answer, keep: { value, timeToLive: Stored.timeToLive(cell.current) } }
    })
  }

  /** `found`: how another process had changed the circuit. Failures in a row are this process's own. */
  private learn(circuit: Cell["current"], found: Omit<Move, "from">, storeNow: number, now: number): void {
    const { cell, copy } = this
    const from = cell.current
    const first = copy.madeAt === -Infinity && copy.downUntil === undefined
    if (Circuit.counts(circuit) && Circuit.counts(from) && circuit.generation === from.generation) {
      circuit.streak = from.streak
    }
    cell.current = circuit
    copy.offset = storeNow - now
    copy.madeAt = now
    copy.downUntil = undefined
    if (!first && from._tag !== found.to) this.moved({ ...found, from: from._tag })
  }

  /** The store cannot be reached. */
  private lost({ retryAfter }: StoreUnavailable, batch: ReadonlyArray<Copy.Op>, now: number): void {
    const { copy } = this
    const before = copy.downUntil
    copy.downUntil = now + Math.max(Copy.fresh, retryAfter)
    // Calls that have ended are counted; whatever comes after them is this process's own.
    this.alone(batch.filter(({ kind }) => kind === "outcome"), now)
    if (before === undefined) Copy.goAlone(this.cell.current)
    this.alone(batch.filter(({ kind }) => kind !== "outcome"), now)
  }

  /** What happens without the store. */
  private alone(batch: ReadonlyArray<Copy.Op>, now: number): void {
    const { cell, copy } = this
    for (const op of batch) {
      const refuse = this.around.shared.whenUnavailable === "refuse" ? op.refused : undefined
      if (refuse !== undefined) refuse(Math.max(0, (copy.downUntil ?? now) - now))
      else op.apply(cell, op.by.moved, op.at + copy.offset)?.()
    }
    if (!this.around.closed) Copy.remember(copy, batch)
  }

  /** It took too long when the scope was closed, or the store has a defect: nobody may wait for ever. */
  private abandoned(now: number): void {
    const left = [...this.batch, ...this.copy.waiting]
    this.batch = []
    this.copy.waiting = left.filter(({ by }) => by !== this)
    this.alone(left.filter(({ by }) => by === this), now)
    this.copy.waiting[0]?.by.refresh()
  }

  /** The scope is closed. What is another breaker's to tell is told by that one. */
  private handOver(): void {
    const { copy } = this
    copy.words = copy.words.filter(({ by }) => by !== this)
    const next = copy.words[0] ?? copy.waiting.find(({ by }) => by !== this)
    next?.by.refresh()
  }
}

const openFor = (circuit: Cell["current"]): number | undefined => circuit._tag === "Open" ? circuit.openFor : undefined
