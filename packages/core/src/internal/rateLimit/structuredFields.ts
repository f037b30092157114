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
  if (!text.includes(separator)) return [text.trim()]
  const parts: Array<string> = []
  let from = 0
  for (let at = endOf(text, separator, from); at < text.length; at = endOf(text, separator, from)) {
    parts.push(text.slice(from, at).trim())
    from = at + 1
  }
  parts.push(text.slice(from).trim())
  return parts
}

/** Where the part that begins there ends. */
const endOf = (text: string, separator: string, from: number): number => {
  for (let i = from; i < text.length; i++) {
    const char = text[i]
    if (char === separator) return i
    if (char !== "\"") continue
    // To the quote that ends the string.
    for (i++; i < text.length && text[i] !== "\""; i++) if (text[i] === "\\") i++
  }
  return text.length
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
