/** Schema issues as one line that names places and expectations, and never what was found there. */
import * as SchemaAST from "effect/SchemaAST"
import * as SchemaIssue from "effect/SchemaIssue"

/** How many places are named; the rest are counted. */
const most = 5

/**
 * What was expected, and where. Values are left out, and so is whatever may be derived from one: keys the schema does not
 * declare (shown as `*`), and messages computed by filters and transformations.
 */
export const describe = (issue: SchemaIssue.Issue, part?: string): string => {
  const found: Array<string> = []
  walk(issue, part === undefined ? [] : [part], undefined, undefined, found)
  const lines = Array.from(new Set(found))
  const shown = lines.slice(0, most).join("; ")
  return lines.length > most ? `${shown}; and ${lines.length - most} more` : shown
}

const walk = (
  issue: SchemaIssue.Issue,
  path: ReadonlyArray<string | number>,
  within: SchemaAST.AST | undefined,
  message: string | undefined,
  out: Array<string>
): void => {
  switch (issue._tag) {
    case "Filter":
      return walk(issue.issue, path, within, message ?? expectation(issue.filter.annotations), out)
    case "Encoding":
      return walk(issue.issue, path, within, message, out)
    case "Pointer":
      return walk(issue.issue, [...path, ...issue.path.map((key) => shown(key, within))], undefined, message, out)
    case "Composite":
      for (const inner of issue.issues) walk(inner, path, issue.ast, message, out)
      return
    case "AnyOf":
      if (issue.issues.length === 0) break
      for (const inner of issue.issues) walk(inner, path, within, message, out)
      return
  }
  const text = message ?? leaf(issue)
  out.push(path.length === 0 ? text : `${text} at ${path.map((key) => `[${JSON.stringify(key)}]`).join("")}`)
}

const shown = (key: PropertyKey, within: SchemaAST.AST | undefined): string | number => {
  if (typeof key === "number") return key
  return typeof key === "string" && within !== undefined && SchemaAST.isObjects(within) &&
      within.propertySignatures.some(({ name }) => name === key)
    ? key
    : "*"
}

/** Each is built anew without its input, because parse options may have asked for it to be kept. */
const leaf = (issue: Exclude<SchemaIssue.Issue, { _tag: "Filter" | "Encoding" | "Pointer" | "Composite" }>): string => {
  switch (issue._tag) {
    case "AnyOf":
      return format(new SchemaIssue.AnyOf(issue.ast, []))
    case "InvalidType":
      return format(new SchemaIssue.InvalidType(issue.ast))
    case "MissingKey":
      return format(issue)
    case "UnexpectedKey":
      return "Expected no excess property"
    case "OneOf":
      return "Expected exactly one member to match"
    case "InvalidValue":
      return expectation(issue.annotations) ?? "Expected a valid value"
    case "Forbidden":
      return "Forbidden operation"
  }
}

const format = SchemaIssue.makeFormatterDefault()

const expectation = (annotations: { readonly expected?: unknown } | undefined): string | undefined =>
  typeof annotations?.expected === "string" ? `Expected ${annotations.expected}` : undefined
