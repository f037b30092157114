/** The code blocks of README and docs, as files that can be type-checked and run. */
import { globSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { root } from "./sources.ts"

export interface Block {
  /** Where it stands, as `README.md:12`. */
  readonly at: string
  readonly code: string
  /** False where the fence says `no-run`: then it is type-checked only. */
  readonly runs: boolean
}

export const documents: ReadonlyArray<string> = globSync(["README.md", "docs/**/*.md", "packages/**/README.md"], {
  cwd: root,
  exclude: (path) => path.includes("node_modules")
}).toSorted()

const fence = /^```ts([^\n]*)\n(.*?)^```$/gms

export const blocksOf = (document: string): ReadonlyArray<Block> => {
  const text = readFileSync(join(root, document), "utf8")
  return [...text.matchAll(fence)].map((match) => ({
    at: `${document}:${text.slice(0, match.index).split("\n").length}`,
    code: match[2]!,
    runs: !match[1]!.split(" ").includes("no-run")
  }))
}
