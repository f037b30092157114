/** What the providers' process and the shop's say to each other, beside the HTTP between them. */
import { Schema } from "effect"
import { MoneyFromNumber } from "../Money.ts"

/** What the process is started with. */
export interface Options {
  readonly seed: number
  /** Leaves the real payment service to do the work. */
  readonly payments: boolean
  readonly notifications: boolean
}

/** From the shop. */
export type Command = "begin" | "books"

const Period = Schema.Struct({ phase: Schema.String, from: Schema.Finite, to: Schema.Finite })

/** A charge in the payment service's own books. */
export const Charge = Schema.Struct({ orderId: Schema.String, amount: MoneyFromNumber, at: Schema.Finite })

/** What the providers have done, by their own account. */
export const Books = Schema.TaggedStruct("Books", {
  payments: Schema.optionalKey(Schema.Struct({
    requests: Schema.Int,
    periods: Schema.Array(Period),
    charges: Schema.Array(Charge),
    /** Requests with a key that was charged before. */
    repetitions: Schema.Int
  })),
  notifications: Schema.optionalKey(Schema.Struct({
    requests: Schema.Int,
    /** The order of each notification, in the order they came. */
    sent: Schema.Array(Schema.String)
  }))
})
export type Books = typeof Books.Type

/** From the providers. */
export const Message = Schema.Union([
  Schema.TaggedStruct("Listening", {
    payments: Schema.optionalKey(Schema.String),
    notifications: Schema.optionalKey(Schema.String)
  }),
  Schema.TaggedStruct("Phase", { service: Schema.Literals(["payments", "notifications"]), phase: Schema.String }),
  Books
])
export type Message = typeof Message.Type
