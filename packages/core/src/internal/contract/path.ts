/** Path templates, split once into literals and parameters. */
import type * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import { InvalidRequest } from "../../IntegrationError.ts"

/** A template ready to be built from. */
export interface Path {
  /** As people write it: `/v1/charges/{id}`. */
  readonly template: string
  /** Whether the literal part holds a query already. */
  readonly hasQuery: boolean
  /** The path, or why it cannot be built. Whatever the values are, they stay inside their own segment. */
  readonly build: (params: Readonly<Record<string, string | undefined>>) => string | InvalidRequest
}

/** Every parameter, and the literal that comes before it. */
interface Slot {
  readonly before: string
  readonly name: string
  readonly isOptional: boolean
}

/** `:name`, `:name(regex)`, and `?` for one that may be left out, together with a `/` before it. */
export const compile = (path: string, schema: Schema.Top | undefined): Path => {
  const slots: Array<Slot> = []
  let last = 0
  const declared = schema === undefined ? new Set<string>() : names(schema)
  const token = /::|:(\w+)/g
  for (let match = token.exec(path); match !== null; match = token.exec(path)) {
    const name = match[1]
    if (name === undefined || (declared !== undefined && !declared.has(name))) continue
    let end = path[token.lastIndex] === "(" ? closing(path, token.lastIndex) : token.lastIndex
    const isOptional = path[end] === "?"
    if (isOptional) end++
    slots.push({ before: literal(path.slice(last, match.index)), name, isOptional })
    token.lastIndex = last = end
  }
  const after = literal(path.slice(last))
  return {
    template: slots.map(({ before, name }) => `${before}{${name}}`).join("") + after,
    hasQuery: slots.some(({ before }) => before.includes("?")) || after.includes("?"),
    build: (params) => {
      let out = ""
      for (let i = 0; i < slots.length; i++) {
        const { before, isOptional, name } = slots[i]!
        const value = params[name]
        if (value === undefined && isOptional) {
          out += before.endsWith("/") ? before.slice(0, -1) : before
          continue
        }
        if (value === undefined || value === "" || value === "." || value === "..") return refused(name, value)
        try {
          out += before + encodeURIComponent(value)
        } catch {
          return refused(name, value)
        }
      }
      return out + after || "/"
    }
  }
}

const refused = (name: string, value: string | undefined): InvalidRequest =>
  new InvalidRequest({
    issue: `path parameter ${name} ${
      value === undefined
        ? "is missing"
        : value === ""
        ? "is empty"
        : value[0] === "."
        ? "is a dot segment"
        : "is not Unicode"
    }`
  })

/** The declared parameters; `undefined` where any name will do. */
const names = (schema: Schema.Top): ReadonlySet<string> | undefined => {
  const encoded = SchemaAST.toEncoded(schema.ast)
  return SchemaAST.isObjects(encoded) && encoded.indexSignatures.length === 0
    ? new Set(encoded.propertySignatures.map(({ name }) => String(name)))
    : undefined
}

/** After the parenthesis that closes the one at `index`. */
const closing = (path: string, index: number): number => {
  let depth = 0
  for (let i = index; i < path.length; i++) {
    if (path[i] === "\\") i++
    else if (path[i] === "(") depth++
    else if (path[i] === ")" && --depth === 0) return i + 1
  }
  throw new TypeError(`Unclosed parenthesis in path ${path}`)
}

/** What a URL parser would make of it, less braces: they mark where a credential goes. */
const literal = (text: string): string => text.replace(/[^\x21-\x7e]|["<>`]/gu, encodeURIComponent)
