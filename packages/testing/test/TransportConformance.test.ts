import { it } from "@effect/vitest"
import * as Answer from "@switchboard/testing/Answer"
import * as Fault from "@switchboard/testing/Fault"
import * as Faults from "@switchboard/testing/Faults"
import * as TestTransport from "@switchboard/testing/TestTransport"
import * as TransportConformance from "@switchboard/testing/TransportConformance"
import * as Effect from "effect/Effect"

const refused = "http://refused.example"

const inMemory = Effect.map(
  TestTransport.make((request) => request.origin === refused ? Answer.refused : TransportConformance.protocol(request)),
  ({ client }) => ({ client, origin: "http://protocol.example", refused, queues: false })
)

TransportConformance.suite(it, "TestTransport", inMemory)

TransportConformance.suite(
  it,
  "Faults that do no harm",
  Effect.flatMap(
    inMemory,
    (subject) =>
      Effect.map(Faults.make(subject.client, { faults: [Fault.latency(0)] }), ({ client }) => ({ ...subject, client }))
  )
)
