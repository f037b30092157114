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
  const url = new URL(value)
  const path = withPlaceholders(url.pathname)
  return { origin: url.origin, prefix: path.endsWith("/") ? path.slice(0, -1) : path }
}

/** A path as it was before `URL` encoded the braces of its placeholders. */
export const withPlaceholders = (path: string): string => path.replaceAll("%7B", "{").replaceAll("%7D", "}")
