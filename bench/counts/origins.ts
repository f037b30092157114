// Whose code a function is, by the address of its script, and where it stands.
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"

export const origins = ["core", "node", "effect", "undici"] as const
export type Origin = (typeof origins)[number]

const places: ReadonlyArray<readonly [Origin, RegExp]> = [
  ["core", /\/packages\/core\/(?:src|dist)\//],
  ["node", /\/packages\/node\/(?:src|dist)\//],
  ["effect", /\/node_modules\/effect\//],
  ["undici", /\/node_modules\/undici\//]
]

/** `undefined`: Node's own, the engine's, or the counting itself. */
export const originOf = (url: string): Origin | undefined => places.find(([, pattern]) => pattern.test(url))?.[0]

/** A script without the folder that it happens to be in. */
export const shortened = (url: string): string => url.replace(/^.*\/(packages|node_modules)\//, "")

/** The line of an offset, from 1. Types are erased in place, so that the file has the same offsets as what runs. */
export const lineOf = (url: string, offset: number): number => {
  let starts = lines.get(url)
  if (starts === undefined) {
    starts = [...readFileSync(fileURLToPath(url), "utf8").matchAll(/^/gm)].map(({ index }) => index)
    lines.set(url, starts)
  }
  const after = starts.findIndex((start) => start > offset)
  return after === -1 ? starts.length : after
}
const lines = new Map<string, ReadonlyArray<number>>()
