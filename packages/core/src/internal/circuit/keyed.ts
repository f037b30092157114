/** The circuit of one key, looked up for each call, so that whoever holds its breaker does not keep the circuit. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { CircuitOpen } from "../../IntegrationError.ts"
import type * as Outcome from "../../Outcome.ts"
import type * as Policy from "../../Policy.ts"
import * as monotonic from "../monotonic.ts"
import * as Keys from "./keys.ts"
import type { Cell } from "./machine.ts"
import type { Act, Place } from "./place.ts"

/** The ticket of a call of a key that there was no room for. */
const unguarded = -2

/** Makes the places of all keys. `placed` says where the circuit of a key lives. */
export const places = (
  keys: Keys.Keys,
  bounds: Keys.Bounds,
  placed: (key: string, cell: Cell) => Place
): (key: string) => Place => {
  const known = new WeakMap<Keys.Entry, Place>()
  const placeOf = (entry: Keys.Entry): Place => {
    let place = known.get(entry)
    if (place === undefined) known.set(entry, place = placed(entry.key, entry.cell))
    return place
  }
  return (key) => new KeyedPlace(key, keys, bounds, placeOf, placed)
}

class KeyedPlace implements Place, Policy.Gate<CircuitOpen> {
  readonly gate = this
  readonly check: Policy.Gate<CircuitOpen>
  readonly act: Act
  readonly look: Act
  private readonly key: string
  private readonly keys: Keys.Keys
  private readonly bounds: Keys.Bounds
  private readonly placeOf: (entry: Keys.Entry) => Place

  constructor(
    key: string,
    keys: Keys.Keys,
    bounds: Keys.Bounds,
    placeOf: (entry: Keys.Entry) => Place,
    placed: (key: string, cell: Cell) => Place
  ) {
    this.key = key
    this.keys = keys
    this.bounds = bounds
    this.placeOf = placeOf
    this.check = {
      admit: (now) => {
        const entry = keys.get(key)
        return entry === undefined ? 0 : placeOf(entry).check.admit(now)
      },
      settle: () => {}
    }
    this.act = (f) => Effect.withFiber((fiber) => placeOf(Keys.hold(keys, key, monotonic.now(fiber), bounds)).act(f))
    this.look = (f) =>
      Effect.suspend(() => {
        const entry = keys.get(key)
        return (entry === undefined ? placed(key, bounds.fresh()) : placeOf(entry)).look(f)
      })
  }

  admit(now: number): Policy.Admission<CircuitOpen> {
    const entry = Keys.use(this.keys, this.key, now, this.bounds)
    if (entry === undefined) return unguarded
    const admission = this.placeOf(entry).gate.admit(now)
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
    const entry = ticket === unguarded ? undefined : this.keys.get(this.key)
    if (entry === undefined) return
    entry.running--
    this.placeOf(entry).gate.settle(ticket, outcome, now, elapsed)
  }
}
