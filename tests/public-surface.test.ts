/**
 * What each package exports, module by module, stands in its `exports.txt`, so that a change of the public surface is
 * seen in review. Regenerate with `pnpm guards -u`.
 */
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { isPublic, packages, root, type Source, sourcesOf } from "./sources.ts"

describe.each(packages)("%s", (name) => {
  const index = sourcesOf(name).find(({ module }) => module === "index")
  const modules = sourcesOf(name).filter((source) => isPublic(source) && source.module !== "index")

  it("exports what exports.txt says", async () => {
    const text = modules.map((source) => [source.module, ...exportsOf(source).map((line) => `  ${line}`)].join("\n"))
    await expect(`${text.join("\n\n")}\n`).toMatchFileSnapshot(join(root, "packages", name, "exports.txt"))
  })

  it("lists every public module in index.ts", () => {
    const listed = index?.imports.map(({ specifier }) => specifier) ?? []
    const wanted = modules.map(({ module }) => `./${module}.ts`)
    expect(listed.toSorted()).toEqual(wanted.toSorted())
  })
})

/** The exports of a module, one a line with its kinds: a name may be a type and a value at once. */
function exportsOf({ codeLines, path }: Source): ReadonlyArray<string> {
  const kinds = new Map<string, Set<string>>()
  const add = (name: string, kind: string) => kinds.set(name, (kinds.get(name) ?? new Set()).add(kind))
  const declaration =
    /^export (?:declare )?(?:abstract )?(?:async )?(class|const|function|interface|namespace|type) \*?\s*(\w+)/
  const list = /^export (type )?\{([^}]*)\}/
  const text = codeLines.join("\n")
  for (const statement of text.matchAll(/^export [^{=;]*\{[^}]*\}|^export .*/gm)) {
    const [line] = statement
    const declared = declaration.exec(line)
    const listed = list.exec(line)
    const star = /^export \* as (\w+) from/.exec(line)
    if (declared !== null) add(declared[2]!, declared[1]!)
    else if (star !== null) add(star[1]!, "module")
    else if (listed !== null) {
      for (const entry of listed[2]!.split(",").map((part) => part.trim()).filter((part) => part !== "")) {
        const [, type, name] = /^(type )?.*?(\w+)$/.exec(entry)!
        add(name!, listed[1] !== undefined || type !== undefined ? "type" : "value")
      }
    } else throw new Error(`${path}: this test does not know the form "${line}"`)
  }
  return [...kinds].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([name, set]) =>
    `${name}: ${[...set].toSorted().join(", ")}`
  )
}
