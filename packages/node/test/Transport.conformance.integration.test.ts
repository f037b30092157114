import { it } from "@effect/vitest"
import * as TransportConformance from "@switchboard/testing/TransportConformance"
import * as Effect from "effect/Effect"
import * as NodeSwitchboard from "../src/NodeSwitchboard.ts"
import { serveAnswers } from "./support/answers.ts"

TransportConformance.suite(
  it,
  "undici",
  Effect.all({
    client: NodeSwitchboard.makeHttpClient({ closeGrace: 50 }),
    origin: Effect.map(serveAnswers(TransportConformance.protocol), ({ origin }) => origin),
    refused: Effect.succeed("http://127.0.0.1:1")
  })
)
