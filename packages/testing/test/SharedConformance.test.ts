import { it } from "@effect/vitest"
import * as Stores from "@switchboard/core/Stores"
import * as SharedConformance from "@switchboard/testing/SharedConformance"
import * as Effect from "effect/Effect"

const both = (shared: Stores.Shared): SharedConformance.Subject => ({ first: shared, second: shared })

SharedConformance.suite(it, "makeShared", Effect.map(Stores.makeShared(), both))
SharedConformance.suite(
  it,
  "guarded",
  Effect.map(Effect.flatMap(Stores.makeShared(), (shared) => Stores.guarded(shared, { store: "memory" })), both)
)
