/**
 * Where state lives. Everything that outlasts a call (a breaker's state, a retry budget) is held in a `Ref` that a store
 * hands out by name, so that two layers of one integration share it, and a restart of a layer does not forget it.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"

/** The ports that state lives behind. */
export class Stores extends Context.Service<Stores, {
  /**
   * The state of that name, made with `initial` the first time it is asked for. Names are bounded by the number of
   * integrations, never by the number of calls.
   */
  readonly state: <S>(name: string, initial: () => S) => Effect.Effect<Ref.Ref<S>>
}>()("switchboard/Stores") {}

/** State in this process, gone with the layer. */
export const layerMemory: Layer.Layer<Stores> = Layer.sync(Stores, () => {
  const states = new Map<string, Ref.Ref<unknown>>()
  return {
    state: <S>(name: string, initial: () => S) =>
      Effect.sync(() => {
        const known = states.get(name)
        if (known !== undefined) return known as Ref.Ref<S>
        const made = Ref.makeUnsafe(initial())
        states.set(name, made as Ref.Ref<unknown>)
        return made
      })
  }
})
