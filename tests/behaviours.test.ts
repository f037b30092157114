import { globSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { expect, it } from "vitest"
import { behaviours } from "./behaviours.ts"
import { root } from "./sources.ts"

it("every case of the behaviours is a test with its id", () => {
  const tests = globSync(["packages/**/*.test.ts", "tests/*.test.ts"], { cwd: root, exclude: ["**/node_modules/**"] })
  const named = new Set(
    tests.flatMap((path) =>
      [...readFileSync(join(root, path), "utf8").matchAll(/["`]([A-R]\d+(?:(?:, | and )[A-R]\d+)*): /g)]
        .flatMap(([, ids]) => ids!.split(/, | and /))
    )
  )
  const cases = Object.entries(behaviours).flatMap(([part, numbers]) => numbers.map((number) => `${part}${number}`))
  expect(cases.filter((id) => !named.has(id))).toEqual([])
})
