import { Schema } from "effect"
import { describe, expect, it } from "vitest"
import { InvalidRequest } from "../../../src/IntegrationError.ts"
import { compile } from "../../../src/internal/contract/path.ts"

const params = (...names: ReadonlyArray<string>) =>
  Schema.Struct(Object.fromEntries(names.map((name) => [name, Schema.String])))

describe("path", () => {
  it.each<[string, ReadonlyArray<string>, Record<string, string>, string]>([
    ["/a", [], {}, "/a"],
    ["/a/:id", ["id"], { id: "1" }, "/a/1"],
    ["/a/:id/b/:name", ["id", "name"], { id: "1", name: "x y" }, "/a/1/b/x%20y"],
    ["/a/:id.:ext", ["id", "ext"], { id: "1", ext: "json" }, "/a/1.json"],
    ["/a/:id(\\d+(?:-\\d+)?)", ["id"], { id: "1-2" }, "/a/1-2"],
    ["/a/:id(\\d+)/b", ["id"], { id: "1" }, "/a/1/b"],
    ["/a/:id?", ["id"], {}, "/a"],
    ["/a/:id?/b", ["id"], {}, "/a/b"],
    ["/:id?", ["id"], {}, "/"],
    ["/a/:id?", ["id"], { id: "1" }, "/a/1"],
    ["/v1/things:batch", ["id"], {}, "/v1/things:batch"],
    ["/a::b/:id", ["id"], { id: "1" }, "/a::b/1"],
    ["/ä b", [], {}, "/%C3%A4%20b"],
    ["/bot{token}/:id", ["id"], { id: "1" }, "/bot{token}/1"]
  ])("%s with %j %j is %s", (path, names, values, expected) => {
    expect(compile(path, names.length === 0 ? undefined : params(...names)).build(values)).toBe(expected)
  })

  it.each<[string, string | undefined, string]>([
    ["is missing", undefined, "path parameter id is missing"],
    ["is empty", "", "path parameter id is empty"],
    ["is a dot segment", "..", "path parameter id is a dot segment"],
    ["is not Unicode", "\udc00", "path parameter id is not Unicode"]
  ])("refuses a parameter that %s", (_, value, issue) => {
    expect(compile("/a/:id", params("id")).build({ id: value })).toEqual(new InvalidRequest({ issue }))
  })

  it("shows templates as people write them", () => {
    expect(compile("/a/:id(\\d+)/b/:name?", params("id", "name")).template).toBe("/a/{id}/b/{name}")
  })

  it("says whether there is a query already", () => {
    expect(compile("/a?b=1", undefined).hasQuery).toBe(true)
    expect(compile("/a/:id", params("id")).hasQuery).toBe(false)
  })
})
