/**
 * The coffee shop: orders are paid and announced through two third parties that misbehave, and a report says what came of it.
 *
 *   npm start                                        against providers in a process of their own
 *   npm start -- --json FILE --log FILE              writes the report as data, and every integration event
 *   PAYMENTS_BASE_URL=… PAYMENTS_TOKEN=… npm start   against a real payment service, with a few orders
 *
 * Begin with Payments.ts (a third party, declared), Orders.ts (the flow) and Orders.test.ts (the flow without a network).
 */
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import * as NodeSwitchboard from "@switchboard/node/NodeSwitchboard"
import { Console, Effect, FileSystem, Layer, Option, Schema } from "effect"
import { CliError, Command, Flag } from "effect/cli"
import { Announcements } from "./Announcements.ts"
import * as Customers from "./Customers.ts"
import * as Display from "./Display.ts"
import * as EventLog from "./EventLog.ts"
import * as Journal from "./Journal.ts"
import { Notifications } from "./Notifications.ts"
import { Orders } from "./Orders.ts"
import { Payments } from "./Payments.ts"
import * as Providers from "./Providers.ts"
import * as Schedule from "./providers/Schedule.ts"
import * as Report from "./Report.ts"
import * as ReportText from "./ReportText.ts"
import * as Shift from "./Shift.ts"

const flags = {
  json: Flag.Path("json").pipe(
    Flag.withDescription("Also write the report to this file, as JSON"),
    Flag.optional
  ),
  log: Flag.Path("log").pipe(
    Flag.withDescription("Also write every integration event to this file, one JSON object per line"),
    Flag.optional
  ),
  orders: Flag.Int("orders").pipe(
    Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 5000 }))),
    Flag.withDescription("How many orders: default 300, or 5 against a real payment service"),
    Flag.optional
  ),
  seed: Flag.Int("seed").pipe(
    Flag.withDescription("Of the orders, and of what the providers do"),
    Flag.withDefault(1)
  )
}

const command = Command.make("coffee-shop", flags, ({ json, log, orders, seed }) =>
  Effect.gen(function*() {
    const report = yield* program(yield* Journal.make, orders, seed).pipe(
      Effect.provide(Option.isSome(log) ? EventLog.layer(log.value) : Layer.empty),
      Effect.mapError((error) => new CliError.UserError({ cause: error, userMessage: error.message }))
    )
    yield* Console.log(ReportText.render(report))
    if (Option.isSome(json)) {
      const data = yield* Schema.encodeEffect(Report.Report)(report)
      const files = yield* FileSystem.FileSystem
      yield* files.writeFileString(json.value, `${JSON.stringify(data, null, 2)}\n`)
    }
    if (report.broken.length > 0) {
      return yield* new CliError.UserError({ cause: report, userMessage: "an order was lost, or charged twice" })
    }
  })).pipe(Command.withDescription("Orders, paid and announced through two third parties that misbehave"))

const program = (journal: Journal.Journal, count: Option.Option<number>, seed: number) =>
  Effect.gen(function*() {
    const providers = yield* Providers.Providers
    const orders = yield* Customers.orders(Option.getOrElse(count, () => providers.simulatesPayments ? 300 : 5), seed)
    const duration = providers.simulatesPayments ? Schedule.seconds(Schedule.payments) * 1000 : orders.length * 200

    // When the shift is over the shop is shut down, with all its notifications sent, before the books are compared.
    yield* Effect.gen(function*() {
      const { pending } = yield* Announcements
      yield* Effect.forkChild(Display.run({ journal, orders: orders.length, pending, ...screen }))
      yield* providers.begin
      yield* Shift.run({ journal, orders, duration })
    }).pipe(
      Effect.provide(shop(journal)),
      Effect.raceFirst(providers.gone)
    )
    return Report.make(journal, yield* providers.books, seed)
  }).pipe(Effect.provide(Providers.layer({ journal, seed })))

const shop = (journal: Journal.Journal) =>
  Orders.layer.pipe(
    Layer.provideMerge(Announcements.layer({ drain: "6 seconds" })),
    Layer.provide([Payments.layerConfig, Notifications.layerConfig]),
    Layer.provide(NodeSwitchboard.layer),
    Layer.provide(journal.layer)
  )

const terminal = process.stdout.isTTY === true
const screen = { terminal, color: terminal && !process.env["NO_COLOR"] }

command.pipe(
  Command.run({ version: "1.0.0" }),
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain
)
