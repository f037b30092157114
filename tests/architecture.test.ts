import { builtinModules } from "node:module"
import { describe, expect, it } from "vitest"
import { packageImports, rings, runsAnywhere } from "./rings.ts"
import { manifest, packages, resolve, type Source, sourcesOf } from "./sources.ts"

const maxCodeLines = 300

const sources = packages.flatMap(sourcesOf)
const core = sourcesOf("core")

/** Names what is wrong where, so that a failing test reads as a list of things to do. */
const violations = (
  find: (source: Source) => ReadonlyArray<string>,
  among: ReadonlyArray<Source> = sources
): ReadonlyArray<string> => among.flatMap((source) => find(source).map((problem) => `${source.path}: ${problem}`))

const packageOf = (specifier: string): string =>
  specifier.split("/").slice(0, specifier.startsWith("@") ? 2 : 1).join("/")

describe("core", () => {
  it("gives every file a ring", () => {
    expect(violations((source) => {
      if (source.module in rings) return []
      const lowest = Math.max(0, ...source.imports.map(({ specifier }) => rings[resolve(source, specifier) ?? ""] ?? 0))
      return [`has no ring yet: add "${source.module}" to tests/rings.ts; its imports ask for ${lowest} or more`]
    }, core)).toEqual([])
  })

  it("never imports upwards", () => {
    expect(violations((source) =>
      source.imports.flatMap(({ specifier }) => {
        const target = resolve(source, specifier)
        const [from, to] = [rings[source.module], rings[target ?? ""]]
        return from !== undefined && to !== undefined && to > from
          ? [`ring ${from} imports ${target} of ring ${to}`]
          : []
      }), core)).toEqual([])
  })

  it("keeps policies apart", () => {
    expect(violations((source) =>
      source.imports.flatMap(({ specifier }) => {
        const target = resolve(source, specifier)
        return source.module.startsWith("policy/") && target?.startsWith("policy/")
          ? [`imports the policy ${target}: compose them in Resilience`]
          : []
      }), core)).toEqual([])
  })
})

describe("packages", () => {
  it("import only what lies below them", () => {
    expect(violations((source) => {
      const allowed = packageImports[source.package.replace(/^adapters\/.*/, "adapters/*")]
      if (allowed === undefined) return [`${source.package} is not in packageImports of tests/rings.ts`]
      return source.imports.flatMap(({ specifier }) => {
        const name = /^@switchboard\/([^/]+)/.exec(specifier)?.[1]
        return name === undefined || allowed.includes("*") || allowed.includes(name)
          ? []
          : [`imports ${specifier}, but may import ${allowed.join(", ") || "no other package"}`]
      })
    })).toEqual([])
  })

  it("declare what they import", () => {
    expect(violations((source) => {
      const { dependencies, peerDependencies } = manifest(source.package)
      return source.imports.flatMap(({ specifier }) => {
        if (specifier.startsWith(".") || specifier.startsWith("node:")) return []
        const name = packageOf(specifier)
        return name in { ...dependencies, ...peerDependencies } ? [] : [`imports ${name}, which package.json lacks`]
      })
    })).toEqual([])
  })

  it("run anywhere, except where they are made for Node", () => {
    expect(violations((source) =>
      runsAnywhere.includes(source.package)
        ? source.imports.flatMap(({ specifier }) =>
          specifier.startsWith("node:") || builtinModules.includes(packageOf(specifier)) ? [`imports ${specifier}`] : []
        )
        : []
    )).toEqual([])
  })

  it("import modules, not barrels", () => {
    expect(
      violations((source) =>
        source.imports.flatMap(({ specifier }) =>
          specifier === "effect" || /^@switchboard\/[^/]+$/.test(specifier)
            ? [`imports ${specifier}: name the module, as in "effect/Effect"`]
            : []
        )
      )
    ).toEqual([])
  })

  it("stay inside their own src with relative imports", () => {
    expect(
      violations((source) =>
        source.imports.flatMap(({ specifier }) =>
          resolve(source, specifier)?.startsWith("..") ? [`imports ${specifier}`] : []
        )
      )
    ).toEqual([])
  })

  it.each(packages)("%s has no cycle of values", (name) => {
    expect(cycles(sourcesOf(name))).toEqual([])
  })
})

describe("files", () => {
  it(`have at most ${maxCodeLines} lines of code`, () => {
    expect(
      violations(({ codeLines }) =>
        codeLines.length > maxCodeLines ? [`${codeLines.length} lines of code: split it`] : []
      )
    ).toEqual([])
  })

  it("have at most one cast", () => {
    expect(violations(({ codeLines }) => {
      const casts = codeLines.flatMap((line) => line.match(/\bas any\b|\bas unknown as\b/g) ?? [])
      return casts.length > 1 ? [`${casts.length} casts`] : []
    })).toEqual([])
  })
})

/** Cycles among value imports, each as the path that closes it. */
function cycles(among: ReadonlyArray<Source>): ReadonlyArray<string> {
  const imports = new Map(among.map((source) => [
    source.module,
    source.imports.flatMap(({ specifier, typeOnly }) => typeOnly ? [] : resolve(source, specifier) ?? [])
  ]))
  const found: Array<string> = []
  const done = new Set<string>()
  const visit = (module: string, path: ReadonlyArray<string>): void => {
    if (path.includes(module)) {
      found.push([...path.slice(path.indexOf(module)), module].join(" → "))
    } else if (!done.has(module)) {
      for (const target of imports.get(module) ?? []) visit(target, [...path, module])
      done.add(module)
    }
  }
  for (const module of imports.keys()) visit(module, [])
  return found
}
