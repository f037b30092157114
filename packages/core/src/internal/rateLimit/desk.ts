/**
 * Where the calls of a process wait for the tickets of a limiter that processes share. One fiber asks the store on behalf of
 * all, for as many as may start now, and has one question under way at a time; it is there only while somebody waits, or
 * something is to be told.
 */
import type * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { RateLimited } from "../../IntegrationError.ts"
import type { Refusal } from "../../Policy.ts"
import type { Change, Shared, StoreUnavailable } from "../../Stores.ts"
import { failOf } from "../failure.ts"
import * as monotonic from "../monotonic.ts"
import * as Pacing from "./pacing.ts"
import { decode, encode, lifetime } from "./pacingText.ts"
import { refusal } from "./refusal.ts"

/** One that waits. Times in milliseconds of this process's monotonic clock. */
export interface Waiter {
  /** How late its turn may be. */
  readonly latest: number
  /** When it must have started. */
  readonly deadline: number
  /** How many may wait before it. */
  readonly maxQueue: number
  /** Called once. */
  readonly answer: (answer: Answer) => void
}

/** A ticket, a refusal, or that the store cannot be reached and this process is on its own. */
export type Answer = number | Refusal<RateLimited> | "local"

/** What is to be done to the shared state; the time is the store's. It may be asked more than once, of different states. */
export type Note = (pacing: Pacing.Pacing, now: number) => void

/** The shared state as it was. */
export interface Seen {
  readonly pacing: Pacing.Pacing
  /** The store's time. */
  readonly now: number
}

/** Tickets of the store are not below; those of a process on its own never come as far. */
export const firstTicket = 2 ** 40

/** Until a store is asked again that failed without saying when. */
const pause = 1000

export class Desk {
  /** The limits that were given last, as far as is known here; since when, or `undefined` where the store is to be told. */
  private given: Given
  private readonly shared: Shared
  private readonly key: string
  /** What this process goes by on its own; it is told of what starts here. */
  private readonly local: { readonly current: Pacing.Pacing }
  private readonly context: Context.Context<never>
  private readonly waiting = new Set<Waiter>()
  private notes: Array<Note> = []
  private asking = false
  /** Something is new since the store was asked last. */
  private stirred = false
  private wake: (() => void) | undefined = undefined
  private downUntil = -Infinity
  private seen: (Seen & { readonly at: number }) | undefined = undefined

  constructor(
    shared: Shared,
    key: string,
    local: { readonly current: Pacing.Pacing },
    context: Context.Context<never>
  ) {
    this.shared = shared
    this.key = key
    this.local = local
    this.given = { limits: local.current.limits, since: undefined }
    this.context = context
  }

  get limits(): Pacing.Limits {
    return this.given.limits
  }

  get size(): number {
    return this.waiting.size
  }

  /** Whether all that wait have been told that their turn is later. */
  get idle(): boolean {
    return this.wake !== undefined
  }

  get whenUnavailable(): Shared["whenUnavailable"] {
    return this.shared.whenUnavailable
  }

  /** Milliseconds until the store is asked again; not positive where it can be asked. */
  downFor(now: number): number {
    return this.downUntil - now
  }

  /** How long one more would wait, as far as is known here. */
  wait(now: number): number {
    if (this.seen === undefined) return 0
    const at = this.seen.now + now - this.seen.at
    return Pacing.turn(this.seen.pacing, at, this.waiting.size) - at
  }

  /** Whether a change makes a difference to the state as it was seen last; it is made there. */
  isNews(now: number, change: (pacing: Pacing.Pacing, now: number) => boolean): boolean {
    return this.seen === undefined || change(this.seen.pacing, this.seen.now + now - this.seen.at)
  }

  /** Those behind one that waits for its turn need not ask: theirs is later. */
  join(waiter: Waiter, now: number): void {
    const wait = this.idle ? this.wait(now) : 0
    if (!fits(waiter, now + wait)) return waiter.answer(refusal(wait))
    this.waiting.add(waiter)
    if (!this.idle) this.start()
  }

  leave(waiter: Waiter): void {
    if (this.waiting.delete(waiter) && this.waiting.size === 0) this.stir()
  }

  /** Limits are given: where they are others, the store is told as soon as it can be reached. */
  adapt(limits: Pacing.Limits, now: number): void {
    if (Pacing.areSame(this.limits, limits)) return
    this.given = { limits, since: undefined }
    if (this.downFor(now) <= 0) this.start()
  }

  note(note: Note): void {
    this.notes.push(note)
    this.start()
  }

  /** The call with this ticket did not start after all. */
  giveBack(ticket: number): void {
    this.note((pacing, now) => void Pacing.giveBack(pacing, ticket, now))
  }

  /** What the store holds now. */
  readonly look: Effect.Effect<Seen, StoreUnavailable> = Effect.suspend(() => {
    const { limits, since = -Infinity } = this.given
    return this.shared.modify(
      this.key,
      (kept, now) => ({ answer: stepped(kept, now, { limits, since }, [], 0).answer })
    )
  })

  private stir(): void {
    this.stirred = true
    this.wake?.()
  }

  private start(): void {
    if (this.asking) return this.stir()
    this.asking = true
    Effect.runForkWith(this.context)(this.ask)
  }

  private readonly ask: Effect.Effect<void> = Effect.suspend(() => {
    const { given } = this
    this.stirred = false
    const wanted = this.waiting.size
    if (wanted === 0 && this.notes.length === 0 && given.since !== undefined) {
      this.asking = false
      return Effect.void
    }
    const { notes } = this
    this.notes = []
    const question = this.shared.modify(this.key, (kept, now) => stepped(kept, now, given, notes, wanted))
    return Effect.matchCauseEffect(question, {
      onFailure: (cause) => this.unreachable(cause),
      onSuccess: (step) => {
        if (this.given === given) this.given = { limits: step.pacing.limits, since: step.since }
        return this.answered(step)
      }
    })
  })

  private answered(step: Step): Effect.Effect<void> {
    return Effect.withFiber((fiber) => {
      const at = monotonic.now(fiber)
      const { now, pacing, taken } = step
      this.seen = { pacing, now, at }
      // Those who came while it was asked are told below.
      this.stirred = this.notes.length > 0 || this.given.since === undefined
      let ticket = pacing.ticket - taken
      let ahead = 0
      for (const waiter of this.waiting) {
        if (ticket < pacing.ticket) {
          this.waiting.delete(waiter)
          Pacing.take(this.local.current, at)
          waiter.answer(++ticket)
          continue
        }
        const wait = Pacing.turn(pacing, now, ahead) - now
        // One whose turn is now came while it was asked: it is late for nothing but its deadline.
        const stays = wait <= Pacing.tolerance
          ? at < waiter.deadline
          : ahead < waiter.maxQueue && fits(waiter, at + wait)
        if (stays) ahead++
        else {
          this.waiting.delete(waiter)
          waiter.answer(refusal(wait))
        }
      }
      // Those who asked and have left in the meantime: the last ticket first.
      for (let left = pacing.ticket; left > ticket; left--) this.giveBack(left)
      const wait = Pacing.turn(pacing, now, 0) - now
      return this.waiting.size === 0 || this.stirred || wait <= Pacing.tolerance
        ? this.ask
        : Effect.andThen(this.sleep(wait), this.ask)
    })
  }

  // What has been noted has been heeded by this process already, and is not told later: it would no longer be true.
  private unreachable(cause: Cause.Cause<StoreUnavailable>): Effect.Effect<void> {
    return Effect.withFiber((fiber) => {
      const retryAfter = failOf(cause)?.error.retryAfter ?? pause
      this.downUntil = monotonic.now(fiber) + retryAfter
      this.notes = []
      this.asking = false
      const waiting = [...this.waiting]
      this.waiting.clear()
      for (const waiter of waiting) {
        waiter.answer(this.shared.whenUnavailable === "local" ? "local" : refusal(retryAfter))
      }
      return Effect.void
    })
  }

  /** Until the turn of the first, or until something is new. */
  private sleep(millis: number): Effect.Effect<void> {
    return Effect.withFiber((fiber) =>
      Effect.timeoutOrElse(
        Effect.callback<void>((resume) => {
          if (this.stirred) return resume(Effect.void)
          this.wake = () => {
            this.wake = undefined
            fiber.currentDispatcher.scheduleTask(() => resume(Effect.void), 0)
          }
          return Effect.sync(() => void (this.wake = undefined))
        }),
        { duration: millis, orElse: () => Effect.void }
      )
    )
  }
}

const fits = ({ deadline, latest }: Waiter, turn: number): boolean => turn <= latest && turn < deadline

interface Given {
  readonly limits: Pacing.Limits
  readonly since: number | undefined
}

interface Step extends Seen {
  readonly since: number
  readonly taken: number
}

const stepped = (
  kept: string | undefined,
  now: number,
  given: Given,
  notes: ReadonlyArray<Note>,
  wanted: number
): Change<Step> => {
  // A state that begins anew never gives out a ticket again that an older one has given out.
  const { pacing, since: before } = decode(kept) ??
    { pacing: { ...Pacing.initial(given.limits), ticket: firstTicket + Math.floor(now * 1000) }, since: -Infinity }
  // The limits that were given last are those of all, also of a state that was begun by a process that did not know them.
  const since = Math.max(before, given.since ?? Math.max(now, before + 1))
  const adapted = since > before && Pacing.adapt(pacing, given.limits, now)
  for (const note of notes) note(pacing, now)
  let taken = 0
  while (taken < wanted && Pacing.take(pacing, now) > 0) taken++
  const answer = { pacing, now, since, taken }
  return taken === 0 && notes.length === 0 && !adapted
    ? { answer }
    : { answer, keep: { value: encode({ pacing, since }), timeToLive: lifetime(pacing, now) } }
}
