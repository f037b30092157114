/** The address of a third party. */

/** What is wrong with a base URL, if anything is. */
export const problemOf = (value: string): string | undefined => {
  if (!URL.canParse(value)) return "must be an absolute URL"
  const url = new URL(value)
  if (url.protocol !== "https:" && url.protocol !== "http:") return "must begin with https:// or http://"
  if (url.username !== "" || url.password !== "") return "must not hold credentials; they belong in the auth settings"
  return url.search === "" && url.hash === "" ? undefined : "must not have a query or a fragment"
}

/** Origin, and the path without a slash at its end. `{placeholders}` for secrets stay as they are. */
export const split = (value: string): { readonly origin: string; readonly prefix: string } => {
  const { origin, pathname } = new URL(value)
  const path = pathname.replaceAll("%7B", "{").replaceAll("%7D", "}")
  return { origin, prefix: path.endsWith("/") ? path.slice(0, -1) : path }
}

/** A path below a prefix, with the placeholders of the prefix as they were before `URL` encoded their braces. */
export const withPlaceholders = (path: string, prefix: string): string => {
  const encoded = prefix.replaceAll("{", "%7B").replaceAll("}", "%7D")
  return path.startsWith(encoded) ? prefix + path.slice(encoded.length) : path
}

/** The names of its `{placeholders}`. */
export const placeholders = (value: string): ReadonlyArray<string> =>
  Array.from(split(value).prefix.matchAll(placeholder), ([, name]) => name!)

const placeholder = /\{([^{}/]+)\}/g
