/** The circuit of one key, looked up for each call, so that whoever holds its breaker does not keep the circuit. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { CircuitOpen } from "../../IntegrationError.ts"
import type * as Outcome from "../../Outcome.ts"
import type * as Policy from "../../Policy.ts"
import * as monotonic from "../monotonic.ts"
import type * as Circuit from "./circuit.ts"
import * as Keys from "./keys.ts"
import type { Cell } from "./machine.ts"
import type { Act, Place } from "./place.ts"

/** The ticket of a call of a key that there was no room for. */
const unguarded = -2

/** What the places of all keys have in common. */
export interface Common {
  readonly keys: Keys.Keys
  readonly bounds: Keys.Bounds
  /** Where the circuit of a key lives. */
  readonly placed: (key: string, cell: Cell) => Place
  /** What each circuit is put in first. */
  readonly mode: Circuit.Mode | undefined
}

/** Gives the place of a key. Circuits that are known already are begun at once, a new one at its first use. */
export const places = (common: Common, now: number): (key: string) => Place => {
  const known = new WeakMap<Keys.Entry, Place>()
  const placeOf = (entry: Keys.Entry, now: number): Place => {
    let place = known.get(entry)
    if (place === undefined) {
      known.set(entry, place = common.placed(entry.key, entry.cell))
      if (common.mode !== undefined) place.configure(common.mode, now)
    }
    return place
  }
  for (const entry of common.keys.values()) placeOf(entry, now)
  return (key) => new KeyedPlace(key, common, placeOf)
}

class KeyedPlace implements Place, Policy.Gate<CircuitOpen> {
  readonly gate = this
  readonly check: Policy.Gate<CircuitOpen>
  readonly act: Act
  readonly operate: Place["operate"]
  readonly look: Act
  readonly configure: Place["configure"]
  private readonly key: string
  private readonly common: Common
  private readonly placeOf: (entry: Keys.Entry, now: number) => Place

  constructor(key: string, common: Common, placeOf: (entry: Keys.Entry, now: number) => Place) {
    const { bounds, keys, placed } = common
    this.key = key
    this.common = common
    this.placeOf = placeOf
    this.check = {
      admit: (now) => {
        const entry = keys.get(key)
        return entry === undefined ? 0 : placeOf(entry, now).check.admit(now)
      },
      settle: () => {}
    }
    const held = (now: number) => placeOf(Keys.hold(keys, key, now, bounds), now)
    this.act = (f) => Effect.withFiber((fiber) => held(monotonic.now(fiber)).act(f))
    this.operate = (f, kind) => Effect.withFiber((fiber) => held(monotonic.now(fiber)).operate(f, kind))
    this.configure = (mode, now) => held(now).configure(mode, now)
    this.look = (f) =>
      Effect.withFiber((fiber) => {
        const entry = keys.get(key)
        return (entry === undefined ? placed(key, bounds.fresh()) : placeOf(entry, monotonic.now(fiber))).look(f)
      })
  }

  admit(now: number): Policy.Admission<CircuitOpen> {
    const entry = Keys.use(this.common.keys, this.key, now, this.common.bounds)
    if (entry === undefined) return unguarded
    const admission = this.placeOf(entry, now).gate.admit(now)
    if (typeof admission === "number") entry.running++
    if (typeof admission === "number" || admission._tag !== "Ask") return admission
    entry.running++
    const answer = Effect.onExit(admission.answer, (exit) =>
      Effect.sync(() => {
        if (!(Exit.isSuccess(exit) && typeof exit.value === "number")) entry.running--
      }))
    return { _tag: "Ask", answer }
  }

  settle(ticket: number, outcome: Outcome.Outcome, now: number, elapsed?: number): void {
    // What is in use has not been forgotten.
    const entry = ticket === unguarded ? undefined : this.common.keys.get(this.key)
    if (entry === undefined) return
    entry.running--
    this.placeOf(entry, now).gate.settle(ticket, outcome, now, elapsed)
  }
}
