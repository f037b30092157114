import { Schema, SchemaParser } from "effect"
import { describe, expect, it } from "vitest"
import { describe as text } from "../../../src/internal/contract/issue.ts"

const issue = (schema: Schema.Codec<any, any>, input: unknown, options?: object) => {
  const exit: any = SchemaParser.decodeUnknownExit(schema, options)(input)
  return exit.cause.reasons[0].error
}

describe("issue", () => {
  it.each<[string, Schema.Codec<any, any>, unknown, string]>([
    ["a type", Schema.Struct({ a: Schema.Array(Schema.Int) }), { a: [1, "secret"] }, "Expected number at [\"a\"][1]"],
    ["a check", Schema.Struct({ a: Schema.Int }), { a: 1.5 }, "Expected an integer at [\"a\"]"],
    ["a missing key", Schema.Struct({ a: Schema.String }), {}, "Missing key at [\"a\"]"],
    ["a literal", Schema.Literals(["usd", "eur"]), "secret", "Expected \"usd\" | \"eur\""],
    [
      "a union of structures",
      Schema.Union([Schema.Struct({ a: Schema.String }), Schema.Struct({ b: Schema.String })]),
      {
        a: 1
      },
      "Expected string at [\"a\"]; Missing key at [\"b\"]"
    ],
    [
      "a key the schema does not know",
      Schema.Record(Schema.String, Schema.Int),
      { secret: "s" },
      "Expected number at [\"*\"]"
    ],
    [
      "a message a filter computed",
      Schema.String.check(Schema.makeFilter((s: string) => `${s} is wrong`)),
      "secret",
      "Expected a valid value"
    ],
    ["a failed transformation", Schema.DateTimeUtcFromString, "secret", "Expected a valid UTC DateTime string"]
  ])("names %s", (_, schema, input, expected) => {
    expect(text(issue(schema, input))).toBe(expected)
  })

  it("leaves values out even where parse options ask for them", () => {
    const found = issue(Schema.Struct({ a: Schema.Int }), { a: "secret" }, { reportInput: true })
    expect(text(found)).toBe("Expected number at [\"a\"]")
  })

  it("names five places and counts the rest", () => {
    const input = Array.from({ length: 50 }, () => "secret")
    const found = text(issue(Schema.Array(Schema.Int), input, { errors: "all" }))
    expect(found.split("; ")).toHaveLength(6)
    expect(found).toMatch(/and 45 more$/)
  })

  it("puts the part of the request first", () => {
    expect(text(issue(Schema.Struct({ a: Schema.String }), {}), "query")).toBe("Missing key at [\"query\"][\"a\"]")
  })
})
