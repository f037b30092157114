// @effect-diagnostics floatingEffect:off missingEffectError:off
import * as Fallback from "@switchboard/core/Fallback"
import type { InvalidOptions } from "@switchboard/core/InvalidOptions"
import type { Stores } from "@switchboard/core/Stores"
import { Context, Data, Effect } from "effect"
import { expectTypeOf } from "vitest"

class Rates extends Data.TaggedError("Rates")<{}> {}
class Busy extends Data.TaggedError("Busy")<{}> {}
class Bank extends Context.Service<Bank, { readonly rate: Effect.Effect<bigint, Busy> }>()("test/Bank") {}

/** What any of the chain takes, answers, fails with and needs. */
export const chain = Fallback.make(
  { name: "rates" },
  Fallback.cache({ maxAge: "1 hour" }),
  Fallback.alternative((currency: string) => currency === "EUR" ? Effect.succeed(1) : Effect.fail(new Rates())),
  Fallback.alternative(() => Effect.flatMap(Bank, ({ rate }) => rate)),
  Fallback.degrade((currency) => `no rate of ${currency}`)
)
expectTypeOf(chain).toEqualTypeOf<
  Effect.Effect<Fallback.Guard<string, string | number | bigint, Rates | Busy, Bank>, InvalidOptions, Stores>
>()

export const guarded = Effect.flatMap(chain, (guard) => Effect.succeed(true).pipe(guard("EUR")))

export const constant = Fallback.make({ name: "x" }, Fallback.value("x"), Fallback.value(1))
export const failing = Fallback.make({ name: "x" }, Fallback.alternative(() => Effect.fail(new Rates())))
expectTypeOf(Fallback.make({ name: "x" })).toEqualTypeOf<
  Effect.Effect<Fallback.Guard<unknown, never, never, never>, InvalidOptions, Stores>
>()

Effect.map(chain, (guard) =>
  // @ts-expect-error what the chain takes
  guard(1))

/** Takes what all of them can take. */
const both = Fallback.make(
  { name: "x" },
  Fallback.degrade((input: { readonly a: string }) => input.a),
  Fallback.degrade((input: { readonly b: number }) => input.b)
)
Effect.map(both, (guard) => guard({ a: "a", b: 1 }))
Effect.map(both, (guard) =>
  // @ts-expect-error the second cannot take it
  guard({ a: "a" }))
