/**
 * The third parties of the coffee shop, in a process of their own. Nothing here knows Switchboard.
 *
 * It follows the commands of the process that started it, and ends when that does, however it does.
 */
import type { Command, Message, Options } from "./Messages.ts"
import * as Notifications from "./Notifications.ts"
import * as Payments from "./Payments.ts"

type Sent = (typeof Message)["Encoded"]

const options: Options = JSON.parse(process.argv[2] ?? "{}")
const tell = (message: Sent): void => void process.send?.(message)

// Ctrl-C reaches the whole group of processes; the shop still has notifications to send then.
process.on("SIGINT", () => {})
process.on("disconnect", () => process.exit())

const payments = options.payments
  ? await Payments.start(options.seed, (phase) => tell({ _tag: "Phase", service: "payments", phase }))
  : undefined
const notifications = options.notifications
  ? await Notifications.start(options.seed + 1, (phase) => tell({ _tag: "Phase", service: "notifications", phase }))
  : undefined

process.on("message", (command: Command) => {
  if (command === "begin") {
    payments?.begin()
    notifications?.begin()
  } else {
    tell({
      _tag: "Books",
      ...(payments === undefined ? {} : { payments: payments.books() }),
      ...(notifications === undefined ? {} : { notifications: notifications.books() })
    })
  }
})

tell({
  _tag: "Listening",
  ...(payments === undefined ? {} : { payments: payments.baseUrl }),
  ...(notifications === undefined ? {} : { notifications: notifications.baseUrl })
})
