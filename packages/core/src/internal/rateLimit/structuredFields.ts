/** As much of structured fields as limits are told in: lists of items with parameters. */

/** An item, `"name"` without its quotes, and its parameters as they are written. */
export interface Item {
  readonly value: string
  readonly parameters: Readonly<Partial<Record<string, string>>>
}

/**
 * The items of a list. What does not follow the grammar becomes an item that nobody looks for.
 *
 * @see RFC 9651 section 3.1
 */
export const parseList = (field: string): ReadonlyArray<Item> =>
  split(field, ",").map((member) => {
    const [value = "", ...parameters] = split(member, ";")
    return { value: unquoted(value), parameters: Object.fromEntries(parameters.map(pair)) }
  })

/** A non-negative integer. */
export const integer = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined

/** The parts between separators that are not inside a string. */
const split = (text: string, separator: string): ReadonlyArray<string> => {
  const parts: Array<string> = []
  let [from, quoted] = [0, false]
  for (let i = 0; i < text.length; i++) {
    const char = text[i]
    if (quoted && char === "\\") i++
    else if (char === "\"") quoted = !quoted
    else if (!quoted && char === separator) {
      parts.push(text.slice(from, i).trim())
      from = i + 1
    }
  }
  parts.push(text.slice(from).trim())
  return parts
}

const pair = (parameter: string): [string, string] => {
  const equals = parameter.indexOf("=")
  return equals === -1
    ? [parameter, ""]
    : [parameter.slice(0, equals), unquoted(parameter.slice(equals + 1))]
}

const unquoted = (text: string): string =>
  text.length > 1 && text.startsWith("\"") && text.endsWith("\"")
    ? text.slice(1, -1).replace(/\\(.)/g, "$1")
    : text
