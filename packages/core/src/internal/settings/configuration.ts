/**
 * Reads the settings of an integration from configuration, option by option: from the environment by the option's name in
 * upper case, from JSON and the like by its path. What was found is then decoded as a whole.
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

/** Every option of a schema of settings. */
export const options = (name: string, schema: Schema.Top): ReadonlyArray<Option> => {
  const found: Array<Option> = []
  const walk = (ast: SchemaAST.AST, path: ReadonlyArray<string>, required: boolean): void => {
    if (!SchemaAST.isObjects(ast)) {
      found.push({ variable: variable(name, path), path, required })
      return
    }
    for (const property of ast.propertySignatures) {
      walk(property.type, [...path, String(property.name)], required && !SchemaAST.isOptional(property.type))
    }
  }
  walk(SchemaAST.toEncoded(Schema.toCodecStringTree(schema).ast), [], true)
  return found
}

/** What the configuration holds of these options, as a tree of strings, with keys of JSON that nobody knows. */
export const read = (name: string, options: ReadonlyArray<Option>): Effect.Effect<object, Config.ConfigError> =>
  Effect.gen(function*() {
    const provider = yield* ConfigProvider.ConfigProvider
    const tree: Tree = {}
    for (const { path, variable } of options) {
      const value = (yield* load(provider, [variable])) ?? (yield* load(provider, [name, ...path]))
      if (value !== undefined && value._tag !== "Array" && value.value !== undefined) put(tree, path, value.value)
    }
    yield* addUnknown(provider, name, options, tree)
    return tree
  })

interface Tree {
  [key: string]: string | Tree
}

const load = (provider: ConfigProvider.ConfigProvider, path: ReadonlyArray<string>) =>
  Effect.mapError(provider.load(path), (error) => new Config.ConfigError(error))

const put = (tree: Tree, path: ReadonlyArray<string>, value: string): void => {
  let node = tree
  for (const key of path.slice(0, -1)) {
    const next = node[key] ??= {}
    if (typeof next === "string") return
    node = next
  }
  node[path.at(-1)!] = value
}

/** A source with keys spelled as options are is a document of ours: its other keys are mistakes, and are passed on as such. */
const addUnknown = Effect.fnUntraced(function*(
  provider: ConfigProvider.ConfigProvider,
  name: string,
  options: ReadonlyArray<Option>,
  tree: Tree
) {
  const containers = new Set(options.flatMap(({ path }) => path.map((_, length) => path.slice(0, length).join("."))))
  for (const container of containers) {
    const path = container === "" ? [] : container.split(".")
    const node = yield* load(provider, [name, ...path])
    if (node?._tag !== "Record") continue
    const known = new Set(
      options.filter((option) => path.every((key, i) => option.path[i] === key)).map((option) =>
        option.path[path.length]
      )
    )
    const unknown = [...node.keys].filter((key) => !known.has(key))
    if (unknown.length < node.keys.size) { for (const key of unknown) put(tree, [...path, key], "") }
  }
})
