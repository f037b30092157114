import { expect, it } from "@effect/vitest"
import { codingsOf } from "../src/internal/coding.ts"

it.each([
  [undefined, undefined],
  ["", undefined],
  ["identity", undefined],
  ["GZIP", ["gzip"]],
  ["x-gzip", ["gzip"]],
  ["gzip, br", ["br", "gzip"]],
  [["gzip", "zstd"], ["zstd", "gzip"]],
  ["identity, deflate", ["deflate"]],
  ["compress", undefined],
  ["gzip, aws-chunked", undefined],
  ["gzip, gzip, gzip, gzip", undefined]
])("content-encoding %j is undone in the order %j", (header, codings) => {
  expect(codingsOf(header)).toEqual(codings)
})
