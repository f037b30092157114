/** The workspace's own files agree with each other. */
import { globSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { expect, it } from "vitest"
import { manifest, packages, root } from "./sources.ts"

const read = (path: string): string => readFileSync(join(root, path), "utf8")
const referencesOf = (path: string): ReadonlyArray<string> =>
  JSON.parse(read(path)).references.map((reference: { readonly path: string }) => reference.path)

it("every package is built by packages/tsconfig.json", () => {
  expect(referencesOf("packages/tsconfig.json").toSorted()).toEqual(packages)
})

it("every package is a reference of tsconfig.test.json", () => {
  expect(referencesOf("tsconfig.test.json").toSorted()).toEqual(packages.map((name) => `packages/${name}`))
})

it("every package extends tsconfig.base.json, which turns on the Effect diagnostics", () => {
  expect(JSON.parse(read("tsconfig.base.json")).compilerOptions.plugins).toEqual([{ name: "@effect/language-service" }])
  for (const name of packages) expect(read(`packages/${name}/tsconfig.json`)).toContain("/tsconfig.base.json\"")
})

it("every package has the same exports map and licence", () => {
  for (const name of packages) {
    expect(manifest(name)).toMatchObject({
      license: "MIT",
      type: "module",
      exports: manifest("core").exports,
      files: manifest("core").files
    })
    expect(read(`packages/${name}/LICENSE`)).toBe(read("LICENSE"))
  }
})

it("every version is exact, but for peers that the application chooses", () => {
  const loose = globSync([
    "package.json",
    "examples/package.json",
    "bench/package.json",
    "packages/{*,adapters/*}/package.json"
  ], {
    cwd: root
  })
    .flatMap((path) => {
      const { dependencies, devDependencies, optionalDependencies } = JSON.parse(read(path))
      return Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies })
        .filter(([, version]) => version !== "workspace:*" && !/^\d+\.\d+\.\d+$/.test(String(version)))
        .map(([name, version]) => `${path}: ${name} ${String(version)}`)
    })
  expect(loose).toEqual([])
})

it("no lockfile entry names a registry", () => {
  expect(read("pnpm-lock.yaml")).not.toMatch(/https?:\/\//)
})
