import { assert, describe, expect, it } from "@effect/vitest"
import { Context, Effect, Exit, Schema, SchemaGetter } from "effect"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import { InvalidRequest, InvalidResponse } from "../../../src/IntegrationError.ts"
import { compile } from "../../../src/internal/contract/compile.ts"
import type { Buffered } from "../../../src/internal/contract/operation.ts"
import { TestApi } from "../../contract.ts"

class Mark extends Context.Service<Mark, string>()("test/Mark") {}
class Suffix extends Context.Service<Suffix, string>()("test/Suffix") {}

/** A string that takes a service and a turn of the scheduler to read and to write. */
const Suffixed = Schema.String.pipe(Schema.decodeTo(Schema.String, {
  decode: SchemaGetter.transformEffect((text: string) =>
    Effect.map(Effect.delay(Suffix, 0), (suffix) => text + suffix)
  ),
  encode: SchemaGetter.transformEffect((text: string) => Effect.map(Effect.yieldNow, () => `${text}!`))
}))

const Throwing = Schema.String.pipe(Schema.decodeTo(Schema.String, {
  decode: SchemaGetter.transform((): string => {
    throw new Error("bug")
  }),
  encode: SchemaGetter.transform((): string => {
    throw new Error("bug")
  })
}))

const Api = HttpApi.make("api").add(
  HttpApiGroup.make("group").add(
    HttpApiEndpoint.get("fixed", "/fixed?a=1", { query: { b: Schema.optionalKey(Schema.Int) } }),
    HttpApiEndpoint.post("effectful", "/effectful/:id", {
      params: { id: Suffixed },
      headers: { "x-a": Suffixed },
      payload: Schema.Struct({ text: Suffixed }),
      success: Suffixed
    }),
    HttpApiEndpoint.post("throwing", "/throwing", { payload: Throwing, success: Throwing }),
    HttpApiEndpoint.post("optional", "/optional", { payload: Schema.Struct({ a: Schema.optionalKey(Schema.Int) }) }),
    HttpApiEndpoint.post("circular", "/circular", { payload: Schema.Any }),
    HttpApiEndpoint.get("strict", "/strict", { success: Schema.Struct({ a: Schema.Int, b: Schema.Int }) })
      .annotate(HttpApi.SuccessParseOptions, { errors: "all", onExcessProperty: "error", reportInput: true })
      .annotate(Mark, "endpoint")
  ).annotate(Mark, "group")
).annotate(Mark, "api")

const operation = (name: string) =>
  compile(Api).map(({ operation }) => operation).find((operation) => operation.name === `group.${name}`) as Buffered
const answer = (value: unknown) => ({
  status: 200,
  headers: { "content-type": "application/json" },
  body: new TextEncoder().encode(JSON.stringify(value))
})

it("a contract is compiled once, and another like it for itself", () => {
  assert.strictEqual(compile(TestApi), compile(TestApi))
  assert.notStrictEqual(compile(Api), compile(Api.prefix("/v2")))
  assert.strictEqual(compile(Api.prefix("/v2"))[0]!.operation.template, "/v2/fixed?a=1")
})

describe("compile", () => {
  it("keeps the order of the contract, flattens nothing, and says what is top-level", () => {
    expect(
      compile(TestApi).slice(-2).map(({ endpoint, group, operation, topLevel }) => ({
        endpoint,
        group,
        topLevel,
        name: operation.name,
        tag: operation._tag
      }))
    ).toEqual([
      { group: "streams", endpoint: "upload", topLevel: false, name: "streams.upload", tag: "Streamed" },
      { group: "root", endpoint: "ping", topLevel: true, name: "ping", tag: "Buffered" }
    ])
  })

  it("hands on annotations of API, group and endpoint, each for itself", () => {
    expect(operation("strict").annotations.map((annotations) => Context.getOrUndefined(annotations, Mark))).toEqual([
      "api",
      "group",
      "endpoint"
    ])
  })

  it("shows the template for people", () => {
    expect(compile(TestApi)[1]!.operation.template).toBe("/v1/items/{id}/versions/{version}")
  })

  it("is an Exit in the common case", () => {
    expect(Exit.isExit(operation("strict").encode(undefined))).toBe(true)
    expect(Exit.isExit(operation("strict").decode(answer({ a: 1, b: 2 }), undefined))).toBe(true)
    expect(Exit.isExit(operation("strict").decode(answer({}), undefined))).toBe(true)
  })

  it("adds to a query the template has", () => {
    expect(operation("fixed").encode({ query: { b: 2 } })).toEqual(
      Exit.succeed({ path: "/fixed?a=1&b=2", headers: [], body: undefined })
    )
  })

  it("takes a payload of optional keys that was left out for one without keys", () => {
    expect(operation("optional").encode(undefined)).toEqual(
      Exit.succeed({ path: "/optional", headers: ["content-type", "application/json"], body: "{}" })
    )
  })

  it("refuses what JSON cannot hold", () => {
    const circular: Record<string, unknown> = {}
    circular.self = circular
    for (const payload of [circular, 1n]) {
      expect(operation("circular").encode({ payload })).toEqual(
        Exit.fail(new InvalidRequest({ issue: "Expected a value that JSON can hold at [\"payload\"]" }))
      )
    }
  })

  it.live("effectful schemas run with the services of the caller, and again if the effect is run again", () =>
    Effect.gen(function*() {
      const encode = operation("effectful").encode({
        params: { id: "a" },
        headers: { "x-a": "b" },
        payload: { text: "t" }
      })
      const expected = {
        path: "/effectful/a!",
        headers: ["content-type", "application/json", "x-a", "b!"],
        body: "{\"text\":\"t!\"}"
      }
      assert.deepStrictEqual(yield* encode, expected)
      assert.deepStrictEqual(yield* encode, expected)
      const decode = operation("effectful").decode(answer("a"), undefined)
      assert.strictEqual(yield* Effect.provideService(decode, Suffix, "?"), "a?")
    }))

  it("a transformation that throws is a defect, never an exception", () => {
    expect(Effect.runSyncExit(operation("throwing").encode({ payload: "a" }))).toEqual(Exit.die(new Error("bug")))
    expect(Effect.runSyncExit(operation("throwing").decode(answer("a"), undefined))).toEqual(Exit.die(new Error("bug")))
  })

  it("finds a broken template at once, and a schema that cannot be had where it is used", () => {
    const broken = Schema.suspend((): Schema.Codec<string> => {
      throw new Error("no such schema")
    })
    const make = (path: `/${string}`) =>
      HttpApi.make("api").add(
        HttpApiGroup.make("group").add(
          HttpApiEndpoint.post("post", path, { params: { id: Schema.String }, payload: broken, success: broken })
        )
      )
    expect(() => compile(make("/items/:id("))).toThrow("Unclosed parenthesis in path /items/:id(")
    const { operation } = compile(make("/items/:id"))[0]!
    const { decode, encode } = operation as Buffered
    const params = { id: "1" }
    for (const used of [encode({ params, payload: "a" }), encode({ params }), decode(answer("a"), undefined)]) {
      expect(Effect.runSyncExit(used)).toEqual(Exit.die(new Error("no such schema")))
    }
  })

  it("obeys parse options of the contract, and tells no values even so", () => {
    expect(operation("strict").decode(answer({ a: "secret", c: "secret" }), undefined)).toEqual(
      Exit.fail(
        new InvalidResponse({
          status: 200,
          issue: "Expected no excess property at [\"*\"]; Expected number at [\"a\"]; Missing key at [\"b\"]"
        })
      )
    )
  })
})
