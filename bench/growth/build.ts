// How long it takes a fresh process to make a client of a contract with 300 operations.
import * as Contract from "@switchboard/core/Contract"
import * as Integration from "@switchboard/core/Integration"
import * as Stores from "@switchboard/core/Stores"
import * as NodeSwitchboard from "@switchboard/node/NodeSwitchboard"
import * as Effect from "effect/Effect"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiClient from "effect/http-api/HttpApiClient"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { type Launch, medians } from "./launch.ts"
import type { Line } from "./line.ts"

const baseUrl = "http://127.0.0.1:9"

/** 30 groups of 10 operations, each with schemas of its own: a third of them orders something. */
const contract = () => {
  const operation = (group: number, i: number) => {
    const Item = Schema.Struct({ id: Schema.String, amount: Schema.Int, tags: Schema.Array(Schema.String) })
    class Refused extends Schema.TaggedError<Refused>()(`Refused${group}_${i}`, { code: Schema.String }) {}
    const error = Contract.error(402, Refused, Schema.Struct({ code: Schema.String }), {
      decode: ({ code }) => ({ code }),
      encode: ({ code }) => ({ code })
    })
    const path = `/group${group}/items${i}/:id` as const
    const params = { id: Schema.String }
    if (i % 3 === 0) {
      const payload = Schema.Struct({
        amount: Schema.Int,
        currency: Schema.Literals(["USD", "EUR"]),
        note: Schema.String
      })
      return HttpApiEndpoint.post(`order${i}`, path, { params, payload, success: Item, error })
    }
    const query = { limit: Schema.optionalKey(Schema.FiniteFromString), after: Schema.optionalKey(Schema.String) }
    return HttpApiEndpoint.get(`get${i}`, path, { params, query, success: Schema.Array(Item), error })
  }
  const group = (group: number) => {
    const [first, ...others] = Array.from({ length: 10 }, (_, i) => operation(group, i))
    return HttpApiGroup.make(`group${group}`).add(first!, ...others)
  }
  const [first, ...others] = Array.from({ length: 30 }, (_, i) => group(i))
  return HttpApi.make("payments").add(first!, ...others)
}

const api = contract()
class Payments extends Integration.Service<Payments>()("growth/Payments", { api }) {}

const subjects: Readonly<Record<string, Effect.Effect<unknown, unknown, HttpClient.HttpClient | Scope.Scope>>> = {
  "switchboard": Layer.build(Payments.layer({ baseUrl }).pipe(Layer.provide(Stores.layerMemory))),
  "http-api-client": Effect.flatMap(
    HttpClient.HttpClient,
    (httpClient) => HttpApiClient.makeWith(api, { httpClient, baseUrl })
  )
}

/** Milliseconds, without what the process does before: loading modules, defining the contract, opening a client. */
const millis = (name: string): Promise<number> =>
  Effect.gen(function*() {
    const services = yield* Layer.build(NodeSwitchboard.layerHttpClient())
    const began = performance.now()
    yield* Effect.provide(subjects[name]!, services)
    return performance.now() - began
  }).pipe(Effect.scoped, Effect.runPromise)

export const measure = async (rounds: number): Promise<ReadonlyArray<Line>> => {
  const subject = (name: string): Launch => ({ file: "build.ts", args: [name] })
  const found = await medians(rounds, {
    switchboard: subject("switchboard"),
    peer: subject("http-api-client")
  })
  return [{
    what: "building the layer of 300 operations",
    unit: "ms",
    ours: found.switchboard,
    limit: 20,
    peer: { name: "HttpApiClient.makeWith", value: found.peer }
  }]
}

if (import.meta.main) console.log(await millis(process.argv[2]!))
