import { describe, expect, it } from "@effect/vitest"
import * as Transport from "@switchboard/core/Transport"
import * as Outage from "@switchboard/testing/Outage"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import * as Random from "effect/Random"
import { Remote } from "../../src/internal/outage/remote.ts"
import { VirtualTime } from "../../src/internal/outage/virtualTime.ts"
import { client, CurrentCaller } from "../../src/internal/outage/wire.ts"

/** Exactly 100 milliseconds a request. */
const steady: Outage.Condition = { ...Outage.healthy, latency: { min: 100, mean: 100 } }

const inWorld = <A, E>(
  otherwise: Outage.Condition,
  use: (client: HttpClient.HttpClient, world: VirtualTime, remote: Remote) => Effect.Effect<A, E>
) =>
  Effect.gen(function*() {
    const random = yield* Random.withSeed(Random.Random, 1)
    const world = new VirtualTime()
    const remote = new Remote(world, Outage.make("own", { outage: otherwise, otherwise }), random)
    return yield* world.run(use(client(remote), world, remote), random)
  })

const request: Transport.Request = {
  method: "GET",
  origin: "https://remote.example",
  path: "/",
  headers: [],
  body: undefined,
  maxResponseBytes: 1000
}

describe("the simulated client", () => {
  it.effect("answers with a body and headers, and counts a request for its caller", () =>
    inWorld({ ...steady, quota: { perSecond: 1, retryAfter: 7 } }, (client, world) =>
      Effect.gen(function*() {
        const caller = { requests: 0 }
        const get = Effect.provideService(client.get("https://remote.example/"), CurrentCaller, caller)
        const well = yield* get
        expect([well.status, yield* well.json, world.now]).toEqual([200, { ok: true }, 100])
        const limited = yield* get
        expect([limited.status, limited.headers["retry-after"], caller.requests]).toEqual([429, "7", 2])
      })))

  it.effect("fails as a connection does", () =>
    inWorld({ ...steady, state: "refusing" }, (client) =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(client.get("https://remote.example/"))
        expect(error).toMatchObject({ reason: { _tag: "TransportError", cause: { kind: "Refused", wasSent: false } } })
      })))

  it.effect("takes a request back that is interrupted", () =>
    inWorld({ ...steady, state: "silent" }, (client, _, remote) =>
      Effect.gen(function*() {
        yield* Effect.timeoutOption(client.get("https://remote.example/"), "1 second")
        expect([remote.inFlight, remote.mostInFlight]).toEqual([0, 1])
      })))
})

describe("a pool of the simulated transport", () => {
  /** What a pool of one connection reports, as `name status time`. */
  const reported = (
    condition: Outage.Condition,
    act: (send: (name: string) => Transport.Exchange, at: (millis: number, act: () => void) => void) => void
  ) =>
    inWorld(condition, (client, world) =>
      Effect.scoped(Effect.gen(function*() {
        const heard: Array<string> = []
        const options = { maxConnections: 1, keepAliveTimeout: 1000, connectTimeout: 1000 }
        const channel = yield* Transport.of(client)!.open(options)
        const named = (name: string) =>
          channel.send(request, {
            onResponse: ({ status }) => void heard.push(`${name} ${status} ${world.now}`),
            onFailure: ({ _tag }) => void heard.push(`${name} ${_tag} ${world.now}`)
          }, Context.empty())
        act(named, (millis, act) => void world.after(millis, act))
        yield* Effect.sleep("1 minute")
        return heard
      })))

  it.effect("sends as many at once as it has connections, the others in their order", () =>
    Effect.gen(function*() {
      const sent: Array<boolean> = []
      const heard = yield* reported(steady, (send) => {
        sent.push(...["a", "b", "c"].map((name) => send(name).wasSent))
      })
      expect(sent).toEqual([true, false, false])
      expect(heard).toEqual(["a 200 100", "b 200 200", "c 200 300"])
    }))

  it.effect("gives the connection on when a request is cancelled, once", () =>
    Effect.gen(function*() {
      const heard = yield* reported(steady, (send, at) => {
        const [a, b] = [send("a"), send("b")]
        for (const name of ["c", "d", "e"]) send(name)
        at(30, () => b.cancel())
        at(50, () => a.cancel())
        at(60, () => a.cancel())
      })
      expect(heard).toEqual(["c 200 150", "d 200 250", "e 200 350"])
    }))

  it.effect("is not confused by a request that is cancelled after its answer", () =>
    Effect.gen(function*() {
      const heard = yield* reported({ ...steady, state: "refusing" }, (send, at) => {
        const first = send("a")
        for (const name of ["b", "c"]) send(name)
        at(1.5, () => first.cancel())
      })
      expect(heard).toEqual(["a Transport 1", "b Transport 2", "c Transport 3"])
    }))
})
