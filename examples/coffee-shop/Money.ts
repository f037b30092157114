/**
 * Money is an exact decimal. On the wire it is a JSON number such as `12.50`; here it is a `BigDecimal`, and nothing is ever
 * computed with floats: a number of at most two decimals and fifteen digits goes to text and back without loss.
 */
import { BigDecimal, Schema, SchemaGetter } from "effect"

/** More than nothing, in whole cents. */
export const Money = Schema.BigDecimal.check(
  Schema.isBetweenBigDecimal({
    minimum: BigDecimal.fromStringUnsafe("0.01"),
    maximum: BigDecimal.fromStringUnsafe("9999999999999.99")
  }),
  Schema.makeFilter((amount) => BigDecimal.normalize(amount).scale <= 2 || "an amount of at most two decimals")
)

/** An amount as payment services write it. */
export const MoneyFromNumber = Schema.Finite.pipe(
  Schema.decodeTo(Money, {
    decode: SchemaGetter.transform(BigDecimal.fromNumberUnsafe),
    encode: SchemaGetter.transform(BigDecimal.toNumberUnsafe)
  })
)

/** With two decimals: `12.50`. */
export const format = (amount: BigDecimal.BigDecimal): string => {
  const [whole, cents = ""] = BigDecimal.format(amount).split(".")
  return `${whole}.${cents.padEnd(2, "0")}`
}
