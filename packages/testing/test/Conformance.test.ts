/** A suite is worth as much as the wrong implementations it finds. */
import { describe, expect, it } from "@effect/vitest"
import { Transport as TransportFailure } from "@switchboard/core/IntegrationError"
import * as Stores from "@switchboard/core/Stores"
import * as Transport from "@switchboard/core/Transport"
import * as Answer from "@switchboard/testing/Answer"
import type * as Conformance from "@switchboard/testing/Conformance"
import * as SharedConformance from "@switchboard/testing/SharedConformance"
import * as StoresConformance from "@switchboard/testing/StoresConformance"
import * as TestTransport from "@switchboard/testing/TestTransport"
import * as TransportConformance from "@switchboard/testing/TransportConformance"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as HttpClient from "effect/http/HttpClient"
import * as Ref from "effect/Ref"

/** The claims an implementation breaks. */
const broken = <Subject>(
  cases: ReadonlyArray<Conformance.Case<Subject>>,
  subject: Effect.Effect<Subject, never, never>
) =>
  Effect.map(
    Effect.forEach(cases, ({ name, run }) =>
      Effect.map(Effect.exit(Effect.scoped(Effect.flatMap(subject, run))), (exit) =>
        Exit.isFailure(exit) ? [name] : [])),
    (names) =>
      names.flat()
  )

type Send = Transport.Channel["send"]

/** A sound transport whose `send` is replaced. */
const withSend = (change: (send: Send) => Send): Effect.Effect<TransportConformance.Subject> =>
  Effect.map(
    Effect.scoped(TestTransport.make((request) =>
      request.origin === "http://refused.example" ? Answer.refused : TransportConformance.protocol(request)
    )),
    (wire) => {
      const transport: Transport.Transport = {
        open: (options) =>
          Effect.map(Transport.of(wire.client)!.open(options), ({ client, send }) => ({ client, send: change(send) }))
      }
      const client = HttpClient.mapRequest(wire.client, (request) =>
        request)
      return {
        client: Object.assign(client, { [Transport.TypeId]: transport }),
        origin: "http://protocol.example",
        refused: "http://refused.example",
        queues: false
      }
    }
  )

const withReceiver = (change: (receiver: Transport.Receiver) => Transport.Receiver) =>
  withSend((send) => (request, receiver, context) => send(request, change(receiver), context))

const exchange = (wasSent: () => boolean, cancel: () => void): Transport.Exchange => ({
  get wasSent() {
    return wasSent()
  },
  cancel
})

describe("the suite for transports", () => {
  it.live("is passed by a sound one", () =>
    Effect.gen(function*() {
      expect(yield* broken(TransportConformance.cases, withSend((send) => send))).toEqual([])
    }))

  const wrong: ReadonlyArray<[string, Effect.Effect<TransportConformance.Subject>]> = [
    [
      "that calls back twice",
      withReceiver((receiver) => ({
        onFailure: receiver.onFailure.bind(receiver),
        onResponse: (response) => {
          receiver.onResponse(response)
          receiver.onResponse(response)
        }
      }))
    ],
    [
      "that calls back from inside send",
      withSend(() => (_request, receiver) => {
        receiver.onResponse({ status: 200, headers: {}, body: new Uint8Array() })
        return exchange(() => true, () => {})
      })
    ],
    [
      "that ignores cancellation",
      withSend((send) => (...args) => {
        const sent = send(...args)
        return exchange(() => sent.wasSent, () => {})
      })
    ],
    [
      "that calls back when it is cancelled",
      withSend((send) => (request, receiver, context) => {
        const sent = send(request, receiver, context)
        return exchange(() => sent.wasSent, () => {
          sent.cancel()
          receiver.onFailure(new TransportFailure({ kind: "Other", wasSent: true }))
        })
      })
    ],
    [
      "that never knows whether it was sent",
      withSend((send) => (...args) => {
        const sent = send(...args)
        return exchange(() => false, () => sent.cancel())
      })
    ],
    [
      "that has no limit",
      withSend((send) => (request, receiver, context) =>
        send({ ...request, maxResponseBytes: Infinity }, receiver, context)
      )
    ],
    [
      "that takes a cut answer for a whole one",
      withReceiver((receiver) => ({
        onResponse: receiver.onResponse.bind(receiver),
        onFailure: () => receiver.onResponse({ status: 200, headers: {}, body: new Uint8Array() })
      }))
    ],
    [
      "that says of everything that it was sent",
      withReceiver((receiver) => ({
        onResponse: receiver.onResponse.bind(receiver),
        onFailure: (reason) =>
          receiver.onFailure(reason._tag === "Transport" ? new TransportFailure({ ...reason, wasSent: true }) : reason)
      }))
    ],
    [
      "that drops the query",
      withSend((send) => (request, receiver, context) =>
        send({ ...request, path: request.path.split("?")[0]! }, receiver, context)
      )
    ],
    [
      "that gives a repeated header once",
      withReceiver((receiver) => ({
        onFailure: receiver.onFailure.bind(receiver),
        onResponse: (response) =>
          receiver.onResponse({ ...response, headers: { ...response.headers, "set-cookie": "a=1" } })
      }))
    ],
    [
      "whose client was forgotten",
      Effect.map(withSend((send) => send), (subject) => ({
        ...subject,
        client: HttpClient.mapRequest(subject.client, (request) => request)
      }))
    ]
  ]
  it.live.each(wrong)("finds one %s", ([, subject]) =>
    Effect.gen(function*() {
      expect(yield* broken(TransportConformance.cases, subject)).not.toEqual([])
    }))
})

describe("the suite for stores", () => {
  const memory = Effect.scoped(Effect.provide(Stores.Stores, Stores.layerMemory))
  type State = Stores.Stores["Service"]["state"]
  const having = (state: (of: State) => State) =>
    Effect.map(memory, (stores): Stores.Stores["Service"] => ({ ...stores, state: state(stores.state) }))
  const wrong: ReadonlyArray<[string, Effect.Effect<Stores.Stores["Service"]>]> = [
    ["that make a state each time", having(() => (_name, initial) => Effect.sync(() => Ref.makeUnsafe(initial())))],
    ["that know one state only", having((state) => (_name, initial) => state("x", initial))],
    [
      "that make a state twice when asked at once",
      having((state) => (name, initial) =>
        Effect.flatMap(Effect.sync(initial), (made) => Effect.andThen(Effect.yieldNow, state(name, () => made)))
      )
    ],
    ["that ignore case", having((state) => (name, initial) => state(name.toLowerCase(), initial))]
  ]
  it.live.each(wrong)("finds some %s", ([, stores]) =>
    Effect.gen(function*() {
      expect(yield* broken(StoresConformance.cases, stores)).not.toEqual([])
    }))
})

describe("the suite for shared stores", () => {
  type Subject = SharedConformance.Subject
  type Modify = Stores.Shared["modify"]
  const both = (shared: Stores.Shared): Subject => ({ first: shared, second: shared })
  const having = (change: (shared: Stores.Shared) => Partial<Stores.Shared>): Effect.Effect<Subject> =>
    Effect.map(Stores.makeShared(), (shared) => both({ ...shared, ...change(shared) }))
  const modifying = (change: (modify: Modify) => Modify) => having(({ modify }) => ({ modify: change(modify) }))
  const named = (rename: (key: string) => string) =>
    having(({ get, modify, remove, set }) => ({
      get: (key) => get(rename(key)),
      modify: (key, change) => modify(rename(key), change),
      remove: (key) => remove(rename(key)),
      set: (key, value, timeToLive) => set(rename(key), value, timeToLive)
    }))

  it.live("is passed by a sound one", () =>
    Effect.gen(function*() {
      expect(yield* broken(SharedConformance.cases, having(() => ({})))).toEqual([])
    }))

  const wrong: ReadonlyArray<[string, Effect.Effect<Subject>]> = [
    [
      "whose clients share nothing",
      Effect.map(Effect.all([Stores.makeShared(), Stores.makeShared()]), ([first, second]) => ({ first, second }))
    ],
    [
      "whose change is two steps",
      having(({ modify, set }) => ({
        modify: (key, change) =>
          Effect.gen(function*() {
            const { answer, keep } = yield* modify(key, (kept, now) => ({ answer: change(kept, now) }))
            yield* Effect.yieldNow
            if (keep !== undefined) yield* set(key, keep.value, keep.timeToLive)
            return answer
          })
      }))
    ],
    ["that keeps for ever", having(({ set }) => ({ set: (key, value) => set(key, value, 1e9) }))],
    [
      "that keeps too short",
      having(({ set }) => ({ set: (key, value, timeToLive) => set(key, value, timeToLive / 2) }))
    ],
    [
      "whose changes keep for ever",
      modifying((modify) => (key, change) =>
        modify(key, (kept, now) => {
          const { answer, keep } = change(kept, now)
          return { answer, keep: keep && { value: keep.value, timeToLive: 1e9 } }
        })
      )
    ],
    [
      "where a change that keeps nothing removes",
      modifying((modify) => (key, change) =>
        modify(key, (kept, now) => {
          const { answer, keep } = change(kept, now)
          return { answer, keep: keep ?? { value: "", timeToLive: 1e-9 } }
        })
      )
    ],
    [
      "where a change that keeps nothing keeps for longer",
      modifying((modify) => (key, change) =>
        modify(key, (kept, now) => {
          const { answer, keep } = change(kept, now)
          return { answer, keep: keep ?? (kept === undefined ? undefined : { value: kept, timeToLive: 200 }) }
        })
      )
    ],
    ["that ignores case", named((key) => key.toLowerCase())],
    ["that trims keys", named((key) => key.trim())],
    ["that takes keys for ASCII", named((key) => key.replaceAll(/\P{ASCII}/gu, "?"))],
    [
      "that cuts values",
      having(({ set }) => ({ set: (key, value, timeToLive) => set(key, value.slice(0, 500_000), timeToLive) }))
    ],
    ["that removes nothing", having(() => ({ remove: () => Effect.void }))],
    [
      "whose clients have clocks of their own",
      Effect.map(Stores.makeShared(), (shared) => ({
        first: shared,
        second: {
          ...shared,
          modify: (key, change) => shared.modify(key, (kept, now) => change(kept, now - 5_000))
        }
      }))
    ],
    [
      "whose clock counts seconds",
      modifying((modify) => (key, change) => modify(key, (kept, now) => change(kept, Math.floor(now / 1_000))))
    ]
  ]
  it.live.each(wrong)("finds one %s", ([, subject]) =>
    Effect.gen(function*() {
      expect(yield* broken(SharedConformance.cases, subject)).not.toEqual([])
    }))
})
