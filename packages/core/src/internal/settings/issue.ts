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

const message = (text: string): string =>
  text.startsWith("Expected ") ? `must be ${text.slice("Expected ".length)}` : text
