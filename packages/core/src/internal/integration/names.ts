/** What an integration is called where its id does not fit. */
import { isToken } from "../headerSyntax.ts"

/** The last part of an id. */
const nameOf = (id: string): string => id.slice(id.lastIndexOf("/") + 1)

/** Its `User-Agent`: the name, of whatever characters, as a token. */
export const agentOf = (id: string): string => {
  const words = Array.from(nameOf(id), (character) => isToken(character) ? character : " ").join("").trim()
  return words === "" ? "switchboard" : words.replaceAll(/ +/g, "-")
}

/** Its name in configuration, in lower camel case: `loyaltyProgram`, `httpBin`. */
export const configNameOf = (id: string): string =>
  nameOf(id).replace(/^[A-Z]+(?=[A-Z][a-z])|^[A-Z]+(?![a-z])|^[A-Z]/, (word) => word.toLowerCase())

/** What keeps a name from being one in configuration: a variable of the environment is made of its letters. */
export const configNameProblem = (configName: string): string | undefined =>
  /[A-Za-z]/.test(configName) ? undefined : "must be given and hold a letter from A to Z, because the id gives none"
