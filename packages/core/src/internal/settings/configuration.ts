/**
 * Reads the settings of an integration from configuration: a document below the integration's own name, as it is; then,
 * over it, option by option, the environment, by the option's name in upper case. What was found is then decoded as a
 * whole, so that what is wrong in a document is a mistake and not nothing.
 */
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import { constantCase } from "effect/String"

/** One option that can be set. */
export interface Option {
  /** The environment variable, such as `PAYMENTS_RETRY_MAX_RETRIES`. */
  readonly variable: string
  /** The path in JSON, below the integration's own name. */
  readonly path: ReadonlyArray<string>
  readonly required: boolean
}

/** The environment variable of an option. */
export const variable = (name: string, path: ReadonlyArray<string>): string =>
  [name, ...path].map(constantCase).join("_")

/** Every option of a schema of settings. A section that can be switched off is an option, and those within it are. */
export const options = (name: string, schema: Schema.Top): ReadonlyArray<Option> => {
  const found: Array<Option> = []
  const walk = (ast: SchemaAST.AST, path: ReadonlyArray<string>, required: boolean): void => {
    const section = sectionOf(ast)
    if (section !== ast) found.push({ variable: variable(name, path), path, required })
    for (const property of section?.propertySignatures ?? []) {
      walk(property.type, [...path, String(property.name)], required && !SchemaAST.isOptional(property.type))
    }
  }
  walk(SchemaAST.toEncoded(Schema.toCodecStringTree(schema).ast), [], true)
  return found
}

const sectionOf = (ast: SchemaAST.AST): SchemaAST.Objects | undefined => {
  if (SchemaAST.isObjects(ast)) return ast
  if (!SchemaAST.isUnion(ast)) return undefined
  const [section, ...more] = ast.types.filter(SchemaAST.isObjects)
  return more.length === 0 && ast.types.every((type) => type === section || SchemaAST.isLiteral(type))
    ? section
    : undefined
}

/** What the configuration holds, as a tree of strings: these options, and whatever else a document has in their place. */
export const read = Effect.fnUntraced(function*(
  name: string,
  options: ReadonlyArray<Option>
): Effect.fn.Return<Tree, Config.ConfigError> {
  const provider = yield* ConfigProvider.ConfigProvider
  const environment: Branch = {}
  for (const { path, variable } of options) {
    const node = yield* load(provider, [variable])
    if (node?.value !== undefined) put(environment, path, node.value)
  }
  const top = yield* load(provider, [name])
  if (top === undefined) return environment
  const wide = (yield* isVariable(provider, [name], top))
    ? yield* variables(provider, name, options, top)
    : yield* document(provider, [name], options, top)
  // What is no record of options at all is refused as it is.
  return isBranch(wide) ? over(wide, environment) : wide
})

type Tree = string | ReadonlyArray<Tree> | Branch
interface Branch {
  [key: string]: Tree
}

const load = (provider: ConfigProvider.ConfigProvider, path: ConfigProvider.Path) =>
  Effect.mapError(provider.load(path), (error) => new Config.ConfigError(error))

const isBranch = (tree: Tree | undefined): tree is Branch => typeof tree === "object" && !Array.isArray(tree)

/** What switches a section off stays: its options are of no account then. */
const put = (branch: Branch, path: ReadonlyArray<string>, value: string): void => {
  let node = branch
  for (const key of path.slice(0, -1)) {
    const next = node[key] ??= {}
    if (!isBranch(next)) return
    node = next
  }
  node[path.at(-1)!] = value
}

/** An option of a section that a document switches off switches it on again; in any other wrong place it hides nothing. */
const over = (wide: Tree | undefined, narrow: Tree): Tree => {
  if (wide === undefined || !isBranch(narrow) || wide === "false") return narrow
  if (!isBranch(wide)) return wide
  const merged: Branch = { ...wide }
  for (const [key, value] of Object.entries(narrow)) merged[key] = over(wide[key], value)
  return merged
}

type Reading<A> = Effect.Effect<A, Config.ConfigError>

/** In the environment a path is a name as well; the first value that is found says. */
const isVariable = (
  provider: ConfigProvider.ConfigProvider,
  path: ConfigProvider.Path,
  node: ConfigProvider.Node
): Reading<boolean | undefined> =>
  Effect.gen(function*() {
    if (path.length > 1 && node.value !== undefined) return (yield* load(provider, [path.join("_")])) !== undefined
    for (const key of keysOf(node)) {
      const child = yield* load(provider, [...path, key])
      const found = child && (yield* isVariable(provider, [...path, key], child))
      if (found !== undefined) return found
    }
    return undefined
  })

const keysOf = (node: ConfigProvider.Node): Iterable<string | number> =>
  node._tag === "Record" ? node.keys : node._tag === "Array" ? Array.from({ length: node.length }, (_, i) => i) : []

/** A whole document. A key that nobody knows is there, even with nothing below it. */
const document = (
  provider: ConfigProvider.ConfigProvider,
  path: ConfigProvider.Path,
  options: ReadonlyArray<Option>,
  node: ConfigProvider.Node
): Reading<Tree> =>
  Effect.gen(function*() {
    if (node._tag === "Value") return node.value
    const found: Array<readonly [string | number, Tree]> = []
    for (const key of keysOf(node)) {
      const inner = [...path, key]
      const child = yield* load(provider, inner)
      if (child !== undefined) found.push([key, yield* document(provider, inner, options, child)])
      else if (!isKnown(options, inner.slice(1))) found.push([key, ""])
    }
    return node._tag === "Array" ? found.map(([, tree]) => tree) : Object.fromEntries(found)
  })

const isKnown = (options: ReadonlyArray<Option>, path: ConfigProvider.Path): boolean =>
  options.some((option) => path.every((key, i) => option.path[i] === key))

/** Variables spelled as a path. Others may begin like that too: beside one of ours they are mistakes. */
const variables = (
  provider: ConfigProvider.ConfigProvider,
  name: string,
  options: ReadonlyArray<Option>,
  top: ConfigProvider.Node
): Reading<Tree> =>
  Effect.gen(function*() {
    const tree: Branch = {}
    for (const { path } of options) {
      const node = yield* load(provider, [name, ...path])
      if (node?.value !== undefined) put(tree, path, node.value)
    }
    const keys = Array.from(keysOf(top), String)
    const unknown = keys.filter((key) => !isKnown(options, [key]))
    if (unknown.length < keys.length) { for (const key of unknown) tree[key] = "" }
    return tree
  })
