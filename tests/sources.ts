/** The sources of the workspace's packages, read as text: enough to check how they hang together. */
import { existsSync, globSync, readFileSync } from "node:fs"
import { dirname, join, posix, relative } from "node:path"

export const root = join(import.meta.dirname, "..")

export interface Import {
  readonly specifier: string
  /** Erased at run time, so it cannot make a cycle. */
  readonly typeOnly: boolean
}

export interface Source {
  /** The package's folder below `packages`, such as `core` or `adapters/stripe`. */
  readonly package: string
  /** The path below `src` without its extension, such as `policy/Retry`. */
  readonly module: string
  /** The path below the root, for messages. */
  readonly path: string
  readonly text: string
  readonly imports: ReadonlyArray<Import>
  /** Lines that are neither blank nor a comment. */
  readonly codeLines: ReadonlyArray<string>
}

/** The folders below `packages` that hold a package. */
export const packages: ReadonlyArray<string> = globSync(["*/package.json", "adapters/*/package.json"], {
  cwd: join(root, "packages")
}).map((path) => dirname(path)).toSorted()

export const manifest = (name: string): Manifest =>
  JSON.parse(readFileSync(join(root, "packages", name, "package.json"), "utf8"))

export interface Manifest {
  readonly name: string
  readonly dependencies?: Record<string, string>
  readonly peerDependencies?: Record<string, string>
  readonly devDependencies?: Record<string, string>
  readonly exports: unknown
  readonly files: ReadonlyArray<string>
}

const statement = /^(?:import|export)\s+(type\s+)?(?:[^"';]*?\sfrom\s+)?"([^"]+)"|\bimport\("([^"]+)"\)/gm

const codeLines = (text: string): ReadonlyArray<string> => {
  let inComment = false
  return text.split("\n").filter((line) => {
    const trimmed = line.trim()
    if (!inComment && trimmed.startsWith("/*")) inComment = true
    const isCode = !inComment && trimmed !== "" && !trimmed.startsWith("//")
    if (inComment && trimmed.includes("*/")) inComment = false
    return isCode
  })
}

const read = (name: string, module: string): Source => {
  const path = join("packages", name, "src", `${module}.ts`)
  const text = readFileSync(join(root, path), "utf8")
  const lines = codeLines(text)
  return {
    package: name,
    module,
    path,
    text,
    imports: [...lines.join("\n").matchAll(statement)].map(([, type, specifier, dynamic]) => ({
      specifier: (specifier ?? dynamic)!,
      typeOnly: type !== undefined
    })),
    codeLines: lines
  }
}

export const sourcesOf = (name: string): ReadonlyArray<Source> => {
  const src = join(root, "packages", name, "src")
  return existsSync(src)
    ? globSync("**/*.ts", { cwd: src }).toSorted().map((file) => read(name, file.replace(/\.ts$/, "")))
    : []
}

/** Whether a package's users can import it. */
export const isPublic = ({ module }: Source): boolean => !/(^|\/)internal\//.test(module)

/** The module of the same package that a relative import names, or `undefined` for any other import. */
export const resolve = (source: Source, specifier: string): string | undefined =>
  specifier.startsWith(".")
    ? relative(".", posix.join(dirname(source.module), specifier)).replace(/\.ts$/, "")
    : undefined
