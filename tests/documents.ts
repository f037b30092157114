/** The code blocks of README and docs, as files that can be type-checked and run. */
import { globSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { root } from "./sources.ts"

export interface Block {
  /** Where it stands, as `README.md:12`. */
  readonly at: string
  /** The file it becomes: the one that its fence names, as in `ts payments.ts`, or `line-12.ts`. */
  readonly file: string
  readonly code: string
  /** False where the fence says `no-run`: then it is type-checked only. */
  readonly runs: boolean
}

export const documents: ReadonlyArray<string> = globSync(["README.md", "docs/**/*.md", "packages/**/README.md"], {
  cwd: root,
  exclude: (path) => path.includes("node_modules")
}).toSorted()

export const read = (document: string): string => readFileSync(join(root, document), "utf8")

const fence = /^```ts([^\n]*)\n(.*?)^```$/gms

export const blocksOf = (document: string): ReadonlyArray<Block> => {
  const text = read(document)
  return [...text.matchAll(fence)].map((match) => {
    const words = match[1]!.split(" ")
    const line = text.slice(0, match.index).split("\n").length
    return {
      at: `${document}:${line}`,
      file: words.find((word) => word.endsWith(".ts")) ?? `line-${line}.ts`,
      code: match[2]!,
      runs: !words.includes("no-run")
    }
  })
}

/** The blocks of a document and the files of README that they may import, such as `./payments.ts`. */
export const filesOf = (document: string): ReadonlyArray<Block> => {
  const own = blocksOf(document)
  const shared = document === "README.md" ? [] : blocksOf("README.md").filter(({ file }) => !file.startsWith("line-"))
  return [...shared.filter(({ file }) => own.every((block) => block.file !== file)), ...own]
}

/** The rows of the table under a heading, cell by cell, without its head. */
export const tableOf = (document: string, heading: string): ReadonlyArray<ReadonlyArray<string>> => {
  const [, section = ""] = read(document).split(`${heading}\n`)
  const [, table = ""] = /^((?:\|.*\n)+)/m.exec(section.split(/^#/m)[0]!) ?? []
  return table.trim().split("\n").slice(2).map((row) => row.split("|").slice(1, -1).map((cell) => cell.trim()))
}
