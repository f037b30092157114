/** Every example starts with a line that says what it shows, and runs to its end. */
import { globSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { expect, it } from "vitest"
import { runFile } from "./processes.ts"
import { root } from "./sources.ts"

// A file beside package.json is an example; a folder is one by its main.ts.
const examples = globSync(["*.ts", "*/main.ts"], { cwd: join(root, "examples") })
  .filter((file) => !file.endsWith(".test.ts"))
  .map((file) => join("examples", file))
  .toSorted()

it("every example starts with its title", () => {
  const untitled = examples.filter((file) => !/^\/(\/|\*\*?)\s*\S/.test(readFileSync(join(root, file), "utf8")))
  expect(untitled).toEqual([])
})

for (const example of examples) {
  it(`${example} runs to its end`, async () => {
    expect(await runFile(example)).toMatchObject({ exit: 0 })
  })
}
