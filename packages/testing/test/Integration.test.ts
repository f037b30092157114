/** An integration over a scripted remote and over faults: the real path, from the call to the wire. */
import { describe, expect, it } from "@effect/vitest"
import * as Integration from "@switchboard/core/Integration"
import * as Stores from "@switchboard/core/Stores"
import * as Answer from "@switchboard/testing/Answer"
import * as Fault from "@switchboard/testing/Fault"
import * as Faults from "@switchboard/testing/Faults"
import * as TestTransport from "@switchboard/testing/TestTransport"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"

class Coffees extends HttpApiGroup.make("coffees").add(
  HttpApiEndpoint.get("get", "/coffees/:id", {
    params: { id: Schema.String },
    success: Schema.Struct({ id: Schema.String })
  })
) {}
class Api extends HttpApi.make("roaster").add(Coffees) {}
class Roaster
  extends Integration.Service<Roaster>()("test/Roaster", { api: Api, baseUrl: "https://roaster.example" })
{}

const get = Effect.flatMap(Roaster, ({ coffees }) => coffees.get({ params: { id: "c1" } }))
const remote = TestTransport.layer(({ path }) => Answer.json(200, { id: path.split("/").at(-1) }))
const live = Roaster.layer().pipe(Layer.provideMerge(Layer.merge(remote, Stores.layerMemory)))

describe("an integration", () => {
  it.effect("encodes, is answered and decodes", () =>
    Effect.gen(function*() {
      const wire = yield* TestTransport.TestTransport
      expect(yield* get).toEqual({ id: "c1" })
      expect((yield* wire.requests).map(({ method, url }) => `${method} ${url}`)).toEqual([
        "GET https://roaster.example/coffees/c1"
      ])
      expect(yield* wire.pools).toMatchObject([{ isOpen: true }])
    }).pipe(Effect.provide(live)))

  it.effect("retries through an outage, and is well again when it ends", () =>
    Effect.gen(function*() {
      const wire = yield* TestTransport.TestTransport
      const faults = yield* Faults.Faults
      const fiber = yield* Effect.forkChild(get)
      yield* TestClock.adjust("10 seconds")
      expect(yield* Fiber.join(fiber)).toEqual({ id: "c1" })
      expect(yield* faults.struck).toEqual({ "status 503": 1 })
      expect((yield* wire.requests).map(({ attempt }) => attempt)).toEqual([2])
    }).pipe(Effect.provide(
      Roaster.layer().pipe(
        Layer.provideMerge(Faults.layer({
          seed: 1,
          faults: Fault.during(0, "1 second", [Fault.status(503, { headers: { "retry-after": "1" } })])
        })),
        Layer.provideMerge(Layer.merge(remote, Stores.layerMemory))
      )
    )))

  it.effect("that sends what the script does not know fails the test at once, without a retry", () =>
    Effect.gen(function*() {
      let message = ""
      const handled = Effect.catch(get, (error) => Effect.sync(() => message = error.message))
      const exit = yield* Effect.exit(Effect.provide(
        handled,
        Roaster.layer().pipe(
          Layer.provide(Layer.merge(TestTransport.layer([]), Stores.layerMemory))
        )
      ))
      expect(message).toContain("there is no answer for GET https://roaster.example/coffees/c1, request 1")
      expect(Exit.isFailure(exit) && Cause.hasDies(exit.cause)).toBe(true)
    }))
})
