/**
 * The layout as data. A file of core has a ring and never imports a higher one; a package imports only those it is
 * listed with. A new file of core, `internal/` included, is added here first: choosing its ring is a design decision.
 */
export const rings: Record<string, number> = {
  // What everything may know: the call, the time left, how it ended.
  Call: 0,
  Deadline: 0,
  IntegrationError: 0,
  InvalidOptions: 0,
  Outcome: 0,
  "internal/integration/baseUrl": 0,
  "internal/checks": 0,
  "internal/contract/codec": 0,
  "internal/contract/collect": 0,
  "internal/contract/encodeHeaders": 0,
  "internal/contract/foreign": 0,
  "internal/contract/issue": 0,
  "internal/settings/configuration": 0,
  "internal/contract/contentType": 0,
  "internal/contract/encodePayload": 0,
  "internal/monotonic": 0,
  "internal/contract/path": 0,
  "internal/contract/readBody": 0,
  "internal/retryAfter": 0,
  "internal/settings/section": 0,
  "internal/integration/sequence": 0,
  "internal/settings/issue": 0,
  "internal/pipeline/settled": 0,
  "internal/circuit/slidingCounts": 0,
  "internal/stackless": 0,
  "internal/contract/wire": 0,
  "internal/contract/streams": 0,
  "internal/integration/testClient": 0,

  // Ports, and pure parts that need no other part.
  Batch: 1,
  Contract: 1,
  Discovery: 1,
  Events: 1,
  Health: 1,
  Job: 1,
  Pagination: 1,
  Policy: 1,
  ProblemDetails: 1,
  Redaction: 1,
  Stores: 1,
  Transport: 1,
  "internal/pipeline/anyClient": 1,
  "internal/circuit/circuit": 1,
  "internal/deadlineLists": 1,
  "internal/deadlines": 1,
  "internal/contract/decode": 1,
  "internal/contract/decodeBody": 1,
  "internal/retry/budget": 1,

  // Each does one thing and is composed above.
  Auth: 2,
  Fallback: 2,
  LoadBalancer: 2,
  Registry: 2,
  Telemetry: 2,
  "policy/Bulkhead": 2,
  "policy/CircuitBreaker": 2,
  "policy/Coalesce": 2,
  "policy/Hedge": 2,
  "policy/RateLimit": 2,
  "policy/Retry": 2,
  "policy/Timeout": 2,
  "internal/pipeline/attempt": 2,
  "internal/retry/backoff": 2,
  "internal/circuit/options": 2,
  "internal/contract/compile": 2,
  "internal/pipeline/credentials": 2,
  "internal/contract/encode": 2,
  "internal/pipeline/effectAttempt": 2,
  "internal/pipeline/exchange": 2,
  "internal/contract/operation": 2,
  "internal/retry/decider": 2,
  "internal/retry/options": 2,
  "internal/contract/streamed": 2,
  "internal/pipeline/run": 2,
  "internal/pipeline/streamedClient": 2,

  // Composition.
  Definition: 3,
  Outbox: 3,
  Resilience: 3,
  Token: 3,
  Webhook: 3,
  "internal/integration/client": 3,

  // What an application writes.
  EventSource: 4,
  Integration: 4,
  RestClient: 4,
  WebSocketClient: 4,
  "internal/integration/live": 4,
  "internal/integration/service": 4,

  index: 5
}

/** Which packages of this workspace a package may import; `*` is all. An adapter may import core. */
export const packageImports: Record<string, ReadonlyArray<string>> = {
  core: [],
  node: ["core"],
  testing: ["core"],
  oauth2: ["core"],
  console: ["core"],
  "adapters/*": ["core"],
  cli: ["*"]
}

/** These run wherever Effect runs: no `node:` module. */
export const runsAnywhere: ReadonlyArray<string> = ["core", "testing", "oauth2", "console"]
