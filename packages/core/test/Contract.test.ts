import { assert, describe, expect, it } from "@effect/vitest"
import * as Contract from "@switchboard/core/Contract"
import { Effect, Schema } from "effect"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as HttpApiSchema from "effect/http-api/HttpApiSchema"
import { InvalidResponse } from "../src/IntegrationError.ts"
import { failure, subjects } from "./conformance.ts"

class CardDeclined extends Schema.TaggedError<CardDeclined>()("CardDeclined", {
  code: Schema.String,
  declineCode: Schema.optionalKey(Schema.String)
}) {}
class BadInput extends Schema.TaggedError<BadInput>()("BadInput", { field: Schema.NonEmptyString }) {}
class Slow extends Schema.TaggedError<Slow>()("Slow", {
  seconds: Schema.Int,
  requestId: Schema.optionalKey(Schema.String)
}) {}
class Gone extends Schema.TaggedError<Gone>()("Gone", { text: Schema.String }) {}
class Missing extends Schema.TaggedError<Missing>()("Missing", {}) {}

const cardError = Contract.error(
  402,
  CardDeclined,
  Schema.Struct({
    error: Schema.Struct({ type: Schema.Literal("card"), code: Schema.String, why: Schema.optionalKey(Schema.String) })
  }),
  {
    decode: ({ error }) => ({ code: error.code, ...(error.why === undefined ? {} : { declineCode: error.why }) }),
    encode: ({ code, declineCode }) => ({
      error: { type: "card", code, ...(declineCode === undefined ? {} : { why: declineCode }) }
    })
  }
)

const inputError = Contract.error(402, BadInput, Schema.Struct({ error: Schema.Struct({ field: Schema.String }) }), {
  decode: ({ error }) => ({ field: error.field }),
  encode: ({ field }) => ({ error: { field } })
})

const slow = Contract.errorWithHeaders(
  429,
  Slow,
  {
    body: Schema.Struct({ message: Schema.String }),
    headers: { "retry-after": Schema.Int, "request-id": Schema.optionalKey(Schema.String) }
  },
  {
    decode: ({ headers }) => ({
      seconds: headers["retry-after"],
      ...(headers["request-id"] === undefined ? {} : { requestId: headers["request-id"] })
    }),
    encode: ({ seconds }) => ({ body: { message: "slow" }, headers: { "retry-after": seconds } })
  }
)

const gone = Contract.error(410, Gone, Schema.String.pipe(HttpApiSchema.asText()), {
  decode: (text) => ({ text }),
  encode: ({ text }) => text
})

const missing = Missing.pipe(HttpApiSchema.asNoContent({ decode: () => new Missing() }), HttpApiSchema.status(404))

const Api = HttpApi.make("cards").add(
  HttpApiGroup.make("cards").add(
    HttpApiEndpoint.get("pay", "/pay", { success: Schema.String, error: [cardError, inputError, slow, gone, missing] })
  )
)

const pay = subjects(Api as never)[0]!
const on = (status: number, body: unknown, headers: Record<string, string> = {}) => ({
  status,
  headers: { "content-type": "application/json", ...headers },
  body: JSON.stringify(body)
})

describe("Contract.error", () => {
  it("makes the class from what the third party sends", async () => {
    const answer = on(402, { error: { type: "card", code: "declined", why: "funds" } })
    const error = failure(pay.oursOn(answer))
    expect(error).toBeInstanceOf(CardDeclined)
    expect(error).toStrictEqual(new CardDeclined({ code: "declined", declineCode: "funds" }))
    expect(failure(await pay.theirsOn({}, answer))).toStrictEqual(error)
  })

  it("tells errors of one status apart by their wire schemas, in order", () => {
    expect(failure(pay.oursOn(on(402, { error: { field: "amount" } })))).toStrictEqual(
      new BadInput({ field: "amount" })
    )
  })

  it("is an InvalidResponse where the class refuses what came, not a defect", () => {
    expect(failure(pay.oursOn(on(402, { error: { field: "" } })))).toBeInstanceOf(InvalidResponse)
  })

  it("keeps the content type of the wire schema", () => {
    const answer = { status: 410, headers: { "content-type": "text/plain" }, body: "moved" }
    expect(failure(pay.oursOn(answer))).toStrictEqual(new Gone({ text: "moved" }))
  })

  it.effect("encodes back, for mocks", () =>
    Effect.gen(function*() {
      const encoded = yield* Schema.encodeEffect(cardError)(new CardDeclined({ code: "declined" }))
      assert.deepStrictEqual(encoded, { error: { type: "card", code: "declined" } })
    }))

  it("an error without a body is told by its status alone, whatever the body", () => {
    const answer = { status: 404, headers: { "content-type": "text/html" }, body: "<h1>Not found</h1>" }
    expect(failure(pay.oursOn(answer))).toStrictEqual(new Missing())
  })
})

describe("Contract.errorWithHeaders", () => {
  it("makes the class from headers and body", async () => {
    const answer = on(429, { message: "slow" }, { "retry-after": "7", "request-id": "r" })
    const error = failure(pay.oursOn(answer))
    expect(error).toStrictEqual(new Slow({ seconds: 7, requestId: "r" }))
    expect(failure(await pay.theirsOn({}, answer))).toStrictEqual(error)
  })

  it.each([[{}], [{ "retry-after": "soon" }], [{ "retry-after": "1.5" }]])(
    "is an InvalidResponse where the headers do not match: %j",
    (headers) => {
      expect(failure(pay.oursOn(on(429, { message: "slow" }, headers)))).toBeInstanceOf(InvalidResponse)
    }
  )
})
