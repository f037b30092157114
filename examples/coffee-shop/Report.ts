/** What a shift came to, computed from the journal of the shop and the books of the providers. */
import type { IntegrationEvent } from "@switchboard/core/Events"
import { BigDecimal, Schema } from "effect"
import type { Entry, Journal } from "./Journal.ts"
import { format } from "./Money.ts"
import type { Books } from "./providers/Messages.ts"

const Counts = Schema.Record(Schema.String, Schema.Int)
const Millis = Schema.Finite

/** One integration, as the shop saw it, and the requests as the provider saw them. */
export const Traffic = Schema.Struct({
  calls: Schema.Int,
  outcomes: Counts,
  /** Attempts, those refused before sending not included. */
  attempts: Schema.Int,
  refused: Schema.Int,
  requests: Schema.optionalKey(Schema.Int),
  /** Requests that the provider saw, for each call made. */
  amplification: Schema.optionalKey(Schema.Finite),
  duration: Schema.Struct({ p50: Millis, p95: Millis, p99: Millis, max: Millis })
})
export type Traffic = typeof Traffic.Type

/** A change of a circuit, in seconds since the shop opened. */
export const Transition = Schema.Struct({
  at: Schema.Finite,
  integration: Schema.String,
  from: Schema.String,
  to: Schema.String,
  cause: Schema.String
})

export const Report = Schema.Struct({
  seed: Schema.Int,
  /** Seconds. */
  duration: Schema.Finite,
  orders: Schema.Struct({
    placed: Schema.Int,
    paid: Schema.Int,
    declined: Schema.Int,
    failed: Schema.Int,
    /** Failed, and the customer may have been charged. */
    unknown: Schema.Int,
    /** Cleared up by placing them again. */
    placedAgain: Schema.Int,
    reasons: Counts
  }),
  /** Requests for which the provider had charged before, and answered from its books. */
  repetitions: Schema.optionalKey(Schema.Int),
  /** Exact decimals. `charged` is what the provider says; absent where there are no books to look into. */
  money: Schema.Struct({ paid: Schema.String, charged: Schema.optionalKey(Schema.String) }),
  payments: Traffic,
  notifications: Traffic,
  /** From the end of the outage to the first charge that the shop heard of, in milliseconds; one machine, so one clock. */
  timeToRecover: Schema.optionalKey(Millis),
  transitions: Schema.Array(Transition),
  events: Counts,
  /** What should never happen, and did. */
  broken: Schema.Array(Schema.String)
})
export type Report = typeof Report.Type

export const make = (journal: Journal, books: Books, seed: number): Report => {
  const entries = [...journal.entries.values()]
  const withOutcome = (tag: Entry["outcome"]["_tag"]) => entries.filter(({ outcome }) => outcome._tag === tag)
  const paid = withOutcome("Paid")
  const { charges, repetitions } = books.payments ?? {}
  const recovered = recovery(journal.events, books)
  return {
    seed,
    duration: Math.round(journal.elapsed * 10) / 10,
    orders: {
      placed: entries.length,
      paid: paid.length,
      declined: withOutcome("Declined").length,
      failed: withOutcome("Failed").length,
      unknown: withOutcome("Unknown").length,
      placedAgain: entries.filter(({ again }) => again).length,
      reasons: count(entries.flatMap(({ outcome }) => "reason" in outcome ? [outcome.reason] : []))
    },
    ...(repetitions === undefined ? {} : { repetitions }),
    money: {
      paid: total(paid.map(({ order }) => order.total)),
      ...(charges === undefined ? {} : { charged: total(charges.map(({ amount }) => amount)) })
    },
    payments: traffic(journal.events, "coffee/Payments", books.payments?.requests),
    notifications: traffic(journal.events, "coffee/Notifications", books.notifications?.requests),
    ...(recovered === undefined ? {} : { timeToRecover: recovered }),
    transitions: journal.events.filter((event) => event._tag === "CircuitChanged").map(
      ({ at, cause, from, integration, to }) => ({ at: (at - journal.begun) / 1000, integration, from, to, cause })
    ),
    events: count(journal.events.map(({ _tag }) => _tag)),
    broken: broken(entries, books)
  }
}

const traffic = (
  events: ReadonlyArray<IntegrationEvent>,
  integration: string,
  requests: number | undefined
): Traffic => {
  const own = events.filter((event) => "integration" in event && event.integration === integration)
  const ended = own.filter((event) => event._tag === "CallAnswered" || event._tag === "CallFailed")
  const attempts = own.filter((event) => event._tag === "AttemptEnded")
  const durations = ended.map(({ duration }) => duration).toSorted((a, b) => a - b)
  const percentile = (p: number) => Math.round(durations[Math.ceil(p * durations.length) - 1] ?? 0)
  return {
    calls: ended.length,
    outcomes: count(ended.map((event) => event._tag === "CallAnswered" ? event.outcome : event.reason)),
    attempts: attempts.filter(({ started }) => started).length,
    refused: attempts.filter(({ started }) => !started).length,
    ...(requests === undefined ? {} : { requests, amplification: requests / Math.max(1, ended.length) }),
    duration: { p50: percentile(0.5), p95: percentile(0.95), p99: percentile(0.99), max: percentile(1) }
  }
}

// A charge whose answer the shop did not get is in the books, but it is no recovery.
const recovery = (events: ReadonlyArray<IntegrationEvent>, { payments }: Books): number | undefined => {
  const outage = payments?.periods.find(({ phase }) => phase === "outage")
  if (outage === undefined) return undefined
  const first = events.find((event) =>
    event._tag === "CallAnswered" && event.integration === "coffee/Payments" && event.outcome === "success" &&
    event.at >= outage.to
  )
  return first === undefined ? undefined : first.at - outage.to
}

const broken = (entries: ReadonlyArray<Entry>, { notifications, payments }: Books): ReadonlyArray<string> => {
  const paid = entries.filter(({ outcome }) => outcome._tag === "Paid").map(({ order }) => order)
  const paidIds = new Set(paid.map(({ id }) => id))
  const found: Array<string> = []
  if (payments !== undefined) {
    const amounts = new Map(payments.charges.map(({ amount, orderId }) => [orderId, amount]))
    for (const [id, times] of Object.entries(count(payments.charges.map(({ orderId }) => orderId)))) {
      if (times > 1) found.push(`order ${id} was charged ${times} times`)
      if (!paidIds.has(id)) found.push(`order ${id} was charged, but is not paid`)
    }
    for (const { id, total } of paid) {
      const charged = amounts.get(id)
      if (charged === undefined) found.push(`order ${id} is paid, but was not charged`)
      else if (!BigDecimal.equals(charged, total)) {
        found.push(`order ${id} was charged ${format(charged)} for ${format(total)}`)
      }
    }
  }
  if (notifications !== undefined) {
    const sent = new Set(notifications.sent)
    for (const id of paidIds) if (!sent.has(id)) found.push(`order ${id} is paid, but its customer was never told`)
  }
  return found
}

const total = (amounts: ReadonlyArray<BigDecimal.BigDecimal>): string => format(BigDecimal.sumAll(amounts))

const count = (names: ReadonlyArray<string>): Record<string, number> => {
  const counts: Record<string, number> = {}
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1
  return counts
}
