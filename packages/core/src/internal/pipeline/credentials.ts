/** Attaches credentials to a request: the last thing that happens before the wire. */
import type { Credentials } from "../../Auth.ts"
import type * as Transport from "../../Transport.ts"

/** Credentials made ready once, so that attaching them is a few concatenations. */
export interface Attachment {
  readonly headers: ReadonlyArray<string>
  readonly query: string
  readonly body: ReadonlyArray<readonly [name: string, value: string]>
  readonly path: ReadonlyArray<readonly [placeholder: string, value: string]>
}

export const prepare = (credentials: Credentials): Attachment => {
  const headers: Array<string> = []
  for (const [name, value] of entries(credentials.header)) headers.push(name.toLowerCase(), value)
  const cookies = entries(credentials.cookie).map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
  if (cookies.length > 0) headers.push("cookie", cookies.join("; "))
  return {
    headers,
    query: entries(credentials.query).map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
      .join("&"),
    body: entries(credentials.body),
    path: entries(credentials.path).map(([name, value]) => [`{${name}}`, encodeURIComponent(value)])
  }
}

export const attach = (request: Transport.Request, attachment: Attachment): Transport.Request => {
  const { body, headers, path, query } = attachment
  if (query === "" && body.length === 0 && path.length === 0) {
    return headers.length === 0 ? request : { ...request, headers: mergeHeaders(request.headers, headers) }
  }
  return {
    ...request,
    path: withQuery(
      path.reduce((url, [placeholder, value]) => url.replace(placeholder, () => value), request.path),
      query
    ),
    headers: mergeHeaders(request.headers, headers),
    body: body.length === 0 ? request.body : withFields(request, body)
  }
}

const entries = (record: Readonly<Record<string, string>> | undefined): ReadonlyArray<[string, string]> =>
  record === undefined ? [] : Object.entries(record)

const withQuery = (path: string, query: string): string =>
  query === "" ? path : `${path}${path.includes("?") ? "&" : "?"}${query}`

/** A header of ours replaces the caller's of the same name, except cookies, which add up. */
const mergeHeaders = (given: ReadonlyArray<string>, ours: ReadonlyArray<string>): ReadonlyArray<string> => {
  const merged: Array<string> = []
  let cookies = ""
  for (let i = 0; i < given.length; i += 2) {
    const name = given[i]!
    if (name === "cookie" && ours.includes("cookie")) cookies = `${given[i + 1]!}; `
    else if (!named(ours, name)) merged.push(name, given[i + 1]!)
  }
  for (let i = 0; i < ours.length; i += 2) {
    merged.push(ours[i]!, ours[i] === "cookie" ? cookies + ours[i + 1]! : ours[i + 1]!)
  }
  return merged
}

const named = (headers: ReadonlyArray<string>, name: string): boolean => {
  for (let i = 0; i < headers.length; i += 2) if (headers[i] === name) return true
  return false
}

/** Adds top-level fields to an encoded JSON object or form. */
const withFields = (
  request: Transport.Request,
  fields: ReadonlyArray<readonly [string, string]>
): string | Uint8Array | undefined => {
  const body = request.body === undefined || typeof request.body === "string" ? request.body ?? "" : undefined
  if (body === undefined) return request.body
  if (contentType(request.headers).includes("x-www-form-urlencoded")) {
    const form = new URLSearchParams(fields.map(([name, value]) => [name, value])).toString()
    return body === "" ? form : `${body}&${form}`
  }
  const json = JSON.stringify(Object.fromEntries(fields))
  if (body === "" || body === "{}") return json
  return body.startsWith("{") ? `${json.slice(0, -1)},${body.slice(1)}` : body
}

const contentType = (headers: ReadonlyArray<string>): string => {
  for (let i = 0; i < headers.length; i += 2) if (headers[i] === "content-type") return headers[i + 1]!
  return ""
}
