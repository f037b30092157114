/** Schema issues of settings as problems, each with the option's name. */
import * as SchemaIssue from "effect/SchemaIssue"
import type { Problem } from "../../InvalidOptions.ts"

// What was found is shown by the checks of ranges alone, which are never those of a secret.
const format = SchemaIssue.makeFormatterStandardSchemaV1({
  leafHook: (issue) => {
    switch (issue._tag) {
      case "MissingKey":
        return "is missing"
      case "UnexpectedKey":
        return "is not an option"
      default:
        return message(SchemaIssue.defaultLeafHook(issue))
    }
  }
})

export const problemsOf = (issue: SchemaIssue.Issue): ReadonlyArray<Problem> => {
  const found = new Map<string, Problem>()
  for (const { message: problem, path } of format(issue).issues) {
    const option = (path ?? []).map(String).join(".")
    found.set(`${option} ${problem}`, { option: option === "" ? "the settings" : option, problem: message(problem) })
  }
  return [...found.values()]
}

const message = (text: string): string => {
  if (!text.startsWith("Expected ")) return text
  const expected = text.slice("Expected ".length)
  return `must be ${names.get(expected) ?? expected}`
}

/** What stands for a value of the type in a tree of strings is not what the reader of a message has in mind. */
const names = new Map([
  ["string", "a string"],
  ["object", "options by name"],
  ["false | object", "false, or options by name"],
  ["\"false\" | object", "false, or options by name"],
  ["number", "a number"],
  ["boolean", "true or false"],
  ["a string representing a finite number", "a number"],
  ["\"true\" | \"false\"", "true or false"]
])
