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
import * as Copy from "./copy.ts"
import { type Cell, Machine, type Move, type Settings } from "./machine.ts"
import * as Stored from "./stored.ts"

/** What the circuits of one breaker, or of one keyed breaker, have in common. */
export interface Surroundings {
  readonly shared: Shared
  readonly settings: Settings
  readonly context: Context.Context<never>
  /** What runs, to be interrupted at the end. */
  readonly running: Set<Fiber.Fiber<unknown>>
  /** The scope is closed: no more is asked of the store. */
  closed: boolean
}

export class Exchange {
  readonly copy: Copy.Copy
  readonly cell: Cell
  private readonly key: string
  readonly moved: (move: Move) => void
  private readonly around: Surroundings

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
    options: Pick<Copy.Op, "at" | "lasting" | "refused" | "urgent"> & { readonly answered?: (answer: A) => void }
  ): void {
    const op: Copy.Op = {
      ...options,
      by: this,
      apply: (cell, moved, now) => {
        const answer = does(new Machine(this.around.settings, cell, moved), now)
        return options.answered && (() => options.answered?.(answer))
      }
    }
    const { downUntil, waiting } = this.copy
    if (this.around.closed || (downUntil !== undefined && op.at < downUntil)) return this.alone([op], op.at)
    waiting.push(op)
    if (op.urgent || waiting.length >= 100) this.refresh()
  }

  /** Asks the store, unless it is being asked. */
  refresh(): void {
    if (this.copy.busy || this.around.closed) return
    this.copy.busy = true
    const { context, running } = this.around
    const fiber = Effect.runForkWith(context)(this.exchanges)
    running.add(fiber)
    fiber.addObserver(() => running.delete(fiber))
  }

  private readonly exchanges: Effect.Effect<void> = Effect.suspend(() => {
    let batch: ReadonlyArray<Copy.Op> = []
    const once: Effect.Effect<void> = Effect.withFiber((fiber) => {
      const { copy } = this
      const sentAt = monotonic.now(fiber)
      if (copy.downUntil !== undefined && sentAt < copy.downUntil) {
        return Effect.andThen(Effect.sleep(copy.downUntil - sentAt), once)
      }
      batch = copy.waiting
      copy.waiting = []
      return Effect.matchEffect(this.modify(batch, sentAt), {
        onSuccess: (learn) => {
          batch = []
          copy.unwell = copy.waiting.some(({ urgent }) => urgent)
          learn(monotonic.now(fiber))
          return copy.waiting.some(({ urgent }) => urgent) ? once : Effect.void
        },
        onFailure: (error) => {
          const failed = [...batch, ...copy.waiting]
          batch = []
          copy.waiting = []
          copy.unwell = false
          this.lost(error, failed, monotonic.now(fiber))
          return copy.waiting.length > 0 ? once : Effect.void
        }
      })
    })
    return Effect.onExit(once, (exit) =>
      Effect.withFiber((fiber) => {
        this.copy.busy = false
        if (Exit.isFailure(exit)) this.abandoned(batch, monotonic.now(fiber))
        return Effect.void
      }))
  })

  /** Applies a batch to what is kept; what is to be done with the answer is told when it came. */
  private modify(
    batch: ReadonlyArray<Copy.Op>,
    sentAt: number
  ): Effect.Effect<(now: number) => void, StoreUnavailable> {
    const { settings, shared } = this.around
    return shared.modify(this.key, (kept, now) => {
      const { cause, circuit } = Stored.decode(settings, kept, now)
      const found = { to: circuit._tag, cause, openings: circuit.openings, openFor: openFor(circuit) }
      const cell: Cell = { current: circuit }
      const told: Array<() => void> = []
      let last = cause
      const done = batch.map((op) =>
        op.apply(cell, (move) => {
          last = move.cause
          told.push(() => op.by.moved(move))
        }, now - Math.max(0, sentAt - op.at))
      )
      const value = Stored.encode({ circuit: cell.current, cause: last })
      const answer = (at: number): void => {
        this.learn(cell.current, found, now, at)
        for (const tell of told) tell()
        for (const finish of done) finish?.()
      }
      return value === kept ? { answer } : { answer, keep: { value, timeToLive: Stored.timeToLive(cell.current) } }
    })
  }

  /** `found`: how another process had changed the circuit. */
  private learn(circuit: Cell["current"], found: Omit<Move, "from">, storeNow: number, now: number): void {
    const { cell, copy } = this
    const from = cell.current._tag
    const first = copy.madeAt === -Infinity && copy.downUntil === undefined
    cell.current = circuit
    copy.offset = storeNow - now
    copy.madeAt = now
    copy.downUntil = undefined
    if (!first && from !== found.to) this.moved({ ...found, from })
  }

  /** The store cannot be reached. */
  private lost({ retryAfter }: StoreUnavailable, batch: ReadonlyArray<Copy.Op>, now: number): void {
    const { copy } = this
    const before = copy.downUntil
    copy.downUntil = now + Math.max(Copy.fresh, retryAfter)
    // What has happened is counted; what starts from now on is this process's own.
    this.alone(batch.filter(({ refused }) => refused === undefined), now)
    if (before === undefined) Copy.goAlone(this.cell.current)
    this.alone(batch.filter(({ refused }) => refused !== undefined), now)
  }

  /** What happens without the store. */
  private alone(batch: ReadonlyArray<Copy.Op>, now: number): void {
    const { cell, copy } = this
    for (const op of batch) {
      const refuse = this.around.shared.whenUnavailable === "refuse" ? op.refused : undefined
      if (refuse !== undefined) refuse(Math.max(0, (copy.downUntil ?? now) - now))
      else op.apply(cell, op.by.moved, op.at + copy.offset)?.()
    }
    const later = batch.filter(({ lasting }) => lasting)
    if (later.length === 0 || this.around.closed) return
    copy.waiting.push(...later)
    this.refresh()
  }

  /** The scope was closed in the middle of an exchange, or the store has a defect: nobody may wait for ever. */
  private abandoned(batch: ReadonlyArray<Copy.Op>, now: number): void {
    const left = [...batch, ...this.copy.waiting]
    const others = left.filter(({ by }) => by !== this)
    this.copy.waiting = others
    this.alone(left.filter(({ by }) => by === this).map((op) => ({ ...op, lasting: false })), now)
    others[0]?.by.refresh()
  }
}

const openFor = (circuit: Cell["current"]): number | undefined => circuit._tag === "Open" ? circuit.openFor : undefined
