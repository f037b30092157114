/** Money stays exact on its way to the wire and back. */
import { assert, it } from "@effect/vitest"
import { BigDecimal, Effect, Schema } from "effect"
import * as Money from "./Money.ts"

const decode = Schema.decodeUnknownEffect(Money.MoneyFromNumber)
const encode = Schema.encodeEffect(Money.MoneyFromNumber)

it.effect.each(["0.01", "0.07", "1.10", "12.50", "1234567.89", "9999999999999.99"])(
  "%s survives JSON",
  (text) =>
    Effect.gen(function*() {
      const sent = JSON.stringify(yield* encode(BigDecimal.fromStringUnsafe(text)))
      assert.strictEqual(Money.format(yield* decode(JSON.parse(sent))), text)
    })
)

it.effect.each([0, -1, 0.001, 12.505, 1e15, Number.NaN, "12.50"])(
  "%s is not an amount",
  (amount) =>
    Effect.gen(function*() {
      assert.isTrue(Schema.isSchemaError(yield* Effect.flip(decode(amount))))
    })
)

it("sums are exact where floats are not", () => {
  const thirty = BigDecimal.sumAll(Array.from({ length: 300 }, () => BigDecimal.fromStringUnsafe("0.10")))
  assert.strictEqual(Money.format(thirty), "30.00")
})
