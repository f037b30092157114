/** The order flow with test layers in place of the providers: no network, and time that the test moves. */
import { assert, it } from "@effect/vitest"
import type * as Integration from "@switchboard/core/Integration"
import {
  AttemptTimeout,
  CircuitOpen,
  DeadlineExceeded,
  fromReason,
  RateLimited,
  type Reason,
  Transport,
  UnexpectedStatus
} from "@switchboard/core/IntegrationError"
import { BigDecimal, Duration, Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import { Announcements } from "./Announcements.ts"
import { type Notification, Notifications } from "./Notifications.ts"
import { type Order, Orders } from "./Orders.ts"
import { PaymentDeclined, Payments } from "./Payments.ts"

const order: Order = {
  id: "8f14e45f-ceea-467f-9b3c-1a2b3c4d5e6f",
  total: BigDecimal.fromStringUnsafe("12.50"),
  paymentMethod: "credit_card",
  customerEmail: "user@example.com"
}

const charged: Integration.TestHandlers<typeof Payments> = {
  charge: ({ payload }) => Effect.succeed({ paymentId: "pay_1", orderId: payload.orderId, amount: payload.amount })
}

/** The shop with payments that work and a list of what was sent, unless a test says otherwise. */
const shop = (
  sent: Array<Notification>,
  payments = charged,
  send?: Integration.TestHandlers<typeof Notifications>["send"]
) =>
  Orders.layer.pipe(
    Layer.provideMerge(Announcements.layer({ drain: "10 seconds" })),
    Layer.provide(Payments.layerTest(payments)),
    Layer.provide(Notifications.layerTest({
      send: send ?? (({ payload }) => Effect.sync(() => ({ notificationId: `mail_${sent.push(payload)}` })))
    }))
  )

const place = Effect.flatMap(Orders, ({ place }) => place(order))

it.effect("an order is paid, and its customer is told", () => {
  const sent: Array<Notification> = []
  return Effect.gen(function*() {
    const receipt = yield* Effect.provide(place, shop(sent))
    assert.deepStrictEqual(receipt, { orderId: order.id, paymentId: "pay_1", paid: order.total })
    assert.deepStrictEqual(sent, [
      { type: "order_status", orderId: order.id, status: "paid", customerEmail: "user@example.com" }
    ])
  })
})

it.effect("an order that is placed twice is charged under one key", () => {
  const keys: Array<string> = []
  const payments: Integration.TestHandlers<typeof Payments> = {
    charge: (request) => {
      keys.push(request.headers["idempotency-key"])
      return charged.charge!(request)
    }
  }
  return Effect.gen(function*() {
    yield* Effect.provide(Effect.andThen(place, place), shop([], payments))
    assert.deepStrictEqual(keys, [order.id, order.id])
  })
})

it.effect("a declined payment is an error of its own, and nobody is told that it was paid", () => {
  const sent: Array<Notification> = []
  const payments = { charge: () => Effect.fail(new PaymentDeclined({ code: "card_declined" })) }
  return Effect.gen(function*() {
    const error = yield* Effect.flip(Effect.provide(place, shop(sent, payments)))
    assert.deepStrictEqual(error, new PaymentDeclined({ code: "card_declined" }))
    assert.deepStrictEqual(sent, [])
  })
})

it.effect.each<readonly [reason: Reason, charged: boolean]>([
  [new Transport({ kind: "Refused", wasSent: false }), false],
  [new Transport({ kind: "Reset", wasSent: true }), true],
  [new AttemptTimeout({ timeout: Duration.seconds(10), wasSent: true }), true],
  [new DeadlineExceeded({ timeout: Duration.seconds(15), wasSent: true }), true],
  [new RateLimited({ by: "remote", retryAfter: Duration.seconds(1) }), true],
  [new UnexpectedStatus({ status: 503, retryAfter: undefined }), true],
  [new CircuitOpen({ isolated: false, retryAfter: Duration.seconds(30) }), false]
])("an order fails with %s while the provider is down", ([reason, arrived]) => {
  const sent: Array<Notification> = []
  const payments = { charge: () => Effect.fail(fromReason(reason)) }
  return Effect.gen(function*() {
    const error = yield* Effect.flip(Effect.provide(place, shop(sent, payments)))
    assert.deepStrictEqual(error, fromReason(reason))
    assert.strictEqual(error._tag === "IntegrationError" && error.wasSent, arrived)
    assert.deepStrictEqual(sent, [])
  })
})

it.effect("the customer does not wait for the notification", () =>
  Effect.gen(function*() {
    const orders = yield* Orders
    yield* orders.place(order)
    assert.strictEqual(yield* (yield* Announcements).pending, 1)
    yield* TestClock.adjust("1 minute")
    assert.strictEqual(yield* (yield* Announcements).pending, 0)
  }).pipe(
    Effect.provide(shop([], charged, () => Effect.delay(Effect.succeed({ notificationId: "mail_1" }), "1 minute")))
  ))

it.effect("a notification that fails does not fail the order, and is sent again until it arrives", () => {
  let attempts = 0
  const send = () =>
    Effect.suspend(() =>
      ++attempts < 5
        ? Effect.fail(fromReason(new CircuitOpen({ isolated: false, retryAfter: undefined })))
        : Effect.succeed({ notificationId: "mail_1" })
    )
  return Effect.gen(function*() {
    yield* place
    yield* TestClock.adjust("10 seconds")
    assert.strictEqual(attempts, 5)
    assert.strictEqual(yield* (yield* Announcements).pending, 0)
  }).pipe(Effect.provide(shop([], charged, send)))
})

it.effect("a notification that cannot be sent, or breaks, is given up and takes no other one down", () => {
  const bad = [
    Effect.fail(fromReason(new UnexpectedStatus({ status: 400, retryAfter: undefined }))),
    Effect.die(new Error("broken")),
    Effect.succeed({ notificationId: "mail_1" })
  ]
  let sent = 0
  return Effect.gen(function*() {
    yield* Effect.andThen(place, Effect.andThen(place, place))
    yield* TestClock.adjust("1 second")
    assert.strictEqual(sent, 3)
    assert.strictEqual(yield* (yield* Announcements).pending, 0)
  }).pipe(Effect.provide(shop([], charged, () => bad[sent++]!)))
})

it.effect("a shutdown waits for notifications that are on their way", () => {
  const sent: Array<string> = []
  const send = () => Effect.delay(Effect.sync(() => ({ notificationId: `mail_${sent.push("mail")}` })), "5 seconds")
  return Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(Effect.provide(place, shop([], charged, send)))
    yield* TestClock.adjust("4 seconds")
    assert.isUndefined(fiber.pollUnsafe())
    yield* TestClock.adjust("1 second")
    yield* Fiber.join(fiber)
    assert.lengthOf(sent, 1)
  })
})

it.effect("a shutdown does not wait for ever", () =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(Effect.provide(place, shop([], charged, () => Effect.never)))
    yield* TestClock.adjust("9 seconds")
    assert.isUndefined(fiber.pollUnsafe())
    yield* TestClock.adjust("1 second")
    assert.strictEqual((yield* Fiber.join(fiber)).paymentId, "pay_1")
  }))
