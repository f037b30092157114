/** Who comes in, and what they order: the same for the same seed. */
import { BigDecimal, Effect, Random } from "effect"
import type { Order } from "./Orders.ts"

const price = BigDecimal.fromStringUnsafe

/** Espresso, croissant, banana bread, flat white, cold brew. */
const menu = [price("2.80"), price("3.25"), price("4.05"), price("4.35"), price("5.10")] as const

const paymentMethods = ["credit_card", "credit_card", "debit_card", "gift_card"] as const

/** So many orders of one to four things each. */
export const orders = (count: number, seed: number): Effect.Effect<ReadonlyArray<Order>> =>
  Effect.replicateEffect(order, count).pipe(Random.withSeed(seed))

const order = Effect.gen(function*() {
  const id = yield* uuid
  const things = yield* Effect.replicateEffect(Random.choice(menu), yield* Random.nextIntBetween(1, 4))
  const paymentMethod = yield* Random.choice(paymentMethods)
  return { id, total: BigDecimal.sumAll(things), paymentMethod, customerEmail: `${id.slice(0, 8)}@example.com` }
})

const uuid = Effect.map(
  Effect.replicateEffect(Random.nextIntBetween(0, 15), 32),
  (digits) =>
    digits.map((digit) => digit.toString(16)).join("")
      .replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12})$/, "$1-$2-4$3-8$4-$5")
)
