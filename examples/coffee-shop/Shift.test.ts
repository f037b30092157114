/** A shift, with an order flow that does what the test says: no providers, no network, no waiting. */
import { assert, it } from "@effect/vitest"
import * as Events from "@switchboard/core/Events"
import { CircuitOpen, IntegrationError, type Reason, UnexpectedStatus } from "@switchboard/core/IntegrationError"
import { Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import * as Customers from "./Customers.ts"
import * as Journal from "./Journal.ts"
import { Orders } from "./Orders.ts"
import { PaymentDeclined } from "./Payments.ts"
import * as Report from "./Report.ts"
import * as Shift from "./Shift.ts"

const failure = (reason: Reason) =>
  new IntegrationError({ integration: "coffee/Payments", operation: "charge", attempts: 1, reason })

const declined = new PaymentDeclined({ code: "card_declined" })
const refused = failure(new CircuitOpen({ isolated: false, retryAfter: undefined }))
const lost = failure(new UnexpectedStatus({ status: 503, retryAfter: undefined }))

/** Four orders, of which one each is paid, declined, refused, and paid when it is placed again. */
const shift = Effect.gen(function*() {
  const journal = yield* Journal.make
  const orders = yield* Customers.orders(4, 1)
  const answers = new Map(orders.map(({ id }, i) => [id, [undefined, declined, refused, lost][i]]))
  const flow = Layer.succeed(Orders, {
    place: ({ id, total }) =>
      Effect.suspend(() => {
        const error = answers.get(id)
        if (error === lost) answers.set(id, undefined)
        return error === undefined ? Effect.succeed({ orderId: id, paymentId: id, paid: total }) : Effect.fail(error)
      })
  })
  const fiber = yield* Effect.forkChild(Effect.provide(Shift.run({ orders, journal, duration: "8 seconds" }), flow))
  yield* TestClock.adjust("5 seconds")
  assert.strictEqual(journal.entries.size, 3)
  yield* TestClock.adjust("5 seconds")
  yield* Fiber.join(fiber)
  return { journal, orders }
})

const answered = (at: number, outcome: string) =>
  Events.CallAnswered.make({
    integration: "coffee/Payments",
    operation: "charge",
    requestId: "1",
    at,
    attempts: 1,
    duration: 10,
    outcome
  })

const booksOf = (orders: ReadonlyArray<Journal.Entry["order"]>) => ({
  _tag: "Books" as const,
  payments: {
    requests: 5,
    repetitions: 1,
    periods: [{ phase: "outage", from: 0, to: 1000 }],
    charges: orders.map(({ id, total }) => ({ orderId: id, amount: total, at: 1500 }))
  },
  notifications: { requests: 2, sent: orders.map(({ id }) => id) }
})

it.effect("an order whose payment is unknown is placed again at the end", () =>
  Effect.gen(function*() {
    const { journal } = yield* shift
    assert.deepStrictEqual([...journal.entries.values()].map(({ again, outcome }) => [outcome._tag, again]), [
      ["Paid", false],
      ["Declined", false],
      ["Failed", false],
      ["Paid", true]
    ])
  }))

it.effect("the totals of the report add up", () =>
  Effect.gen(function*() {
    const { journal, orders } = yield* shift
    journal.events.push(answered(900, "success"), answered(1600, "PaymentDeclined"), answered(1700, "success"))
    const { broken, money, orders: counts, timeToRecover } = Report.make(journal, booksOf([orders[0]!, orders[3]!]), 1)
    assert.deepStrictEqual(broken, [])
    assert.strictEqual(counts.placed, counts.paid + counts.declined + counts.failed + counts.unknown)
    assert.deepStrictEqual(counts.reasons, { card_declined: 1, CircuitOpen: 1 })
    assert.strictEqual(money.charged, money.paid)
    // The provider's own books have a charge at 1500, of which the shop did not hear.
    assert.strictEqual(timeToRecover, 700)
  }))

it.effect("a second charge, a lost charge and a lost notification are reported", () =>
  Effect.gen(function*() {
    const { journal, orders } = yield* shift
    const [paid, declined, , again] = orders
    assert.deepStrictEqual(Report.make(journal, booksOf([paid!, paid!, declined!]), 1).broken, [
      `order ${paid!.id} was charged 2 times`,
      `order ${declined!.id} was charged, but is not paid`,
      `order ${again!.id} is paid, but was not charged`,
      `order ${again!.id} is paid, but its customer was never told`
    ])
  }))

it.effect("the same seed brings the same customers", () =>
  Effect.gen(function*() {
    assert.deepStrictEqual(yield* Customers.orders(20, 7), yield* Customers.orders(20, 7))
    assert.notDeepEqual(yield* Customers.orders(20, 7), yield* Customers.orders(20, 8))
  }))
