// Ours with every policy that a call can have at once: what opens a circuit in three ways, a limiter whose limit is never
// reached, a bulkhead, retries with a budget, both timeouts, a deadline sent, a bearer token, a fallback for the charge,
// and an idempotency key for the order.
import * as Auth from "@switchboard/core/Auth"
import * as Fallback from "@switchboard/core/Fallback"
import * as Integration from "@switchboard/core/Integration"
import * as Resilience from "@switchboard/core/Resilience"
import * as NodeSwitchboard from "@switchboard/node/NodeSwitchboard"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { charge } from "../bodies.ts"
import type { Open } from "../contender.ts"
import { contenderOf, createCharge, Files, getCharge, getFlaky, listCharges, rateLimit, settings } from "../payments.ts"

class Charges extends HttpApiGroup.make("charges").add(
  getCharge,
  createCharge.annotate(Resilience.Settings, { idempotencyKey: true }),
  listCharges,
  getFlaky
) {}
class PaymentsApi extends HttpApi.make("payments").add(Charges).add(Files) {}
class Payments extends Integration.Service<Payments>()("bench/EveryPolicy", {
  api: PaymentsApi,
  auth: Auth.bearer,
  resilience: {
    attemptTimeout: "5 seconds",
    totalTimeout: "20 seconds",
    breaker: {
      failureThreshold: 5,
      failureRate: { threshold: 0.5, window: "10 seconds", minimumCalls: 20 },
      slowCalls: { duration: "4 seconds", threshold: 0.5, window: "10 seconds", minimumCalls: 20 }
    },
    rateLimit,
    deadlineHeader: "X-Timeout-Millis"
  }
}).withFallback({ charges: { get: Fallback.value(charge) } }) {}

export const open: Open = (origin, connections) =>
  contenderOf(
    Payments,
    Payments.layer({
      ...settings(origin, connections),
      token: Redacted.make("sk_test_bench"),
      bulkhead: { maxConcurrent: connections, maxQueue: 1000 },
      retry: { ...settings(origin, connections).retry, budget: { ratio: 0.2, minPerSecond: 10 } }
    }).pipe(Layer.provide(NodeSwitchboard.layer))
  )
