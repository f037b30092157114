/** The notification service: its contract as it documents it, and how the shop deals with it. */
import * as Auth from "@switchboard/core/Auth"
import * as Integration from "@switchboard/core/Integration"
import { Schema } from "effect"
import { HttpApi, HttpApiEndpoint, HttpApiGroup } from "effect/http-api"

export const Notification = Schema.Struct({
  type: Schema.Literal("order_status"),
  orderId: Schema.String.check(Schema.isUUID()),
  status: Schema.Literals(["paid", "prepared"]),
  customerEmail: Schema.String.check(Schema.isPattern(/^\S+@\S+$/))
})
export type Notification = typeof Notification.Type

class NotificationsApi extends HttpApi.make("notifications").add(
  HttpApiGroup.make("notifications", { topLevel: true }).add(
    HttpApiEndpoint.post("send", "/notification", {
      payload: Notification,
      success: Schema.Struct({ notificationId: Schema.String })
    })
  )
) {}

/** Settings: `NOTIFICATIONS_BASE_URL`, `NOTIFICATIONS_API_KEY`, and any other that is to differ from what stands here. */
export class Notifications extends Integration.Service<Notifications>()("coffee/Notifications", {
  api: NotificationsApi,
  auth: Auth.apiKey({ header: "X-API-Key" }),
  resilience: {
    attemptTimeout: "5 seconds",
    totalTimeout: "15 seconds",
    // The same mail twice is better than none: so a notification may be sent again.
    idempotent: true,
    breaker: { failureThreshold: 3, resetTimeout: "30 seconds", maxResetTimeout: "2 minutes" }
  }
}) {}
