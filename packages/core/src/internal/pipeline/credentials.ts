/** Attaches credentials to a request: the last thing that happens before the wire. */
import * as HttpMethod from "effect/http/HttpMethod"
import type { Credentials } from "../../Auth.ts"
import type * as Transport from "../../Transport.ts"
import { isToken, isValue } from "../headerSyntax.ts"

/** Credentials made ready once, so that attaching them is a few concatenations. */
export interface Attachment {
  readonly headers: ReadonlyArray<string>
  readonly query: ReadonlyArray<readonly [name: string, pair: string]>
  readonly body: Readonly<Record<string, string>> | undefined
  readonly path: ReadonlyArray<readonly [placeholder: string, value: string]>
}

export const prepare = (credentials: Credentials): Attachment => {
  const headers: Array<string> = []
  const cookies: Array<string> = []
  for (const [name, value] of entries(credentials.header)) {
    if (name.toLowerCase() === "cookie") cookies.push(value)
    else headers.push(name.toLowerCase(), value)
  }
  for (const [name, value] of entries(credentials.cookie)) cookies.push(`${name}=${encodeURIComponent(value)}`)
  if (cookies.length > 0) headers.push("cookie", cookies.join("; "))
  return {
    headers,
    query: entries(credentials.query).map(([name, value]) => {
      const encoded = encodeURIComponent(name)
      return [encoded, `${encoded}=${encodeURIComponent(value)}`]
    }),
    body: entries(credentials.body).length === 0 ? undefined : credentials.body,
    path: entries(credentials.path).map(([name, value]) => [`{${name}}`, encodeURIComponent(value)])
  }
}

/** What keeps credentials from being sent, if anything does: where it is, and never what it is. */
export const problemOf = ({ cookie, header, path }: Credentials): string | undefined => {
  for (const [name, value] of entries(header)) {
    if (!isToken(name)) return "the name of a header is not one that a header may have"
    if (!isValue(value)) return `the value of header ${name} holds characters that a header may not hold`
  }
  if (entries(cookie).some(([name]) => !isToken(name))) return "the name of a cookie is not one a cookie may have"
  // An empty segment, or one that climbs, would be another path.
  for (const [name, value] of entries(path)) {
    if (value === "" || value === "." || value === "..") return `the value of path segment ${name} is no segment`
  }
  return undefined
}

export const attach = (request: Transport.Request, attachment: Attachment): Transport.Request => {
  const { body, headers, path, query } = attachment
  if (query.length === 0 && body === undefined && path.length === 0) {
    return headers.length === 0 ? request : { ...request, headers: mergeHeaders(request.headers, headers) }
  }
  const attached = {
    ...request,
    path: withQuery(
      path.reduce((url, [placeholder, value]) => url.replaceAll(placeholder, () => value), request.path),
      query
    ),
    headers: mergeHeaders(request.headers, headers)
  }
  return body === undefined ? attached : withFields(attached, body)
}

const entries = (record: Readonly<Record<string, string>> | undefined): ReadonlyArray<[string, string]> =>
  record === undefined ? [] : Object.entries(record)

/** A parameter of ours replaces the caller's of the same name. */
const withQuery = (path: string, query: Attachment["query"]): string => {
  if (query.length === 0) return path
  const start = path.indexOf("?")
  const ours = query.map(([, pair]) => pair)
  if (start < 0) return `${path}?${ours.join("&")}`
  const theirs = path.slice(start + 1).split("&")
    .filter((pair) => pair !== "" && !query.some(([name]) => pair === name || pair.startsWith(`${name}=`)))
  return `${path.slice(0, start)}?${[...theirs, ...ours].join("&")}`
}

/** A header of ours replaces the caller's of the same name, except cookies, which add up. */
const mergeHeaders = (given: ReadonlyArray<string>, ours: ReadonlyArray<string>): Array<string> => {
  const merged: Array<string> = []
  let cookies = ""
  for (let i = 0; i < given.length; i += 2) {
    const name = given[i]!
    const replaced = named(ours, name) !== undefined
    if (name === "cookie" && replaced) cookies = `${given[i + 1]!}; `
    else if (!replaced) merged.push(name, given[i + 1]!)
  }
  for (let i = 0; i < ours.length; i += 2) {
    merged.push(ours[i]!, ours[i] === "cookie" ? cookies + ours[i + 1]! : ours[i + 1]!)
  }
  return merged
}

const named = (headers: ReadonlyArray<string>, name: string): string | undefined => {
  for (let i = 0; i < headers.length; i += 2) if (headers[i] === name) return headers[i + 1]
  return undefined
}

/** Sets top-level fields of a JSON object or a form. A request that has neither, and may not have one, stays as it is. */
const withFields = (request: Transport.Request, fields: Readonly<Record<string, string>>): Transport.Request => {
  const { body, headers } = request
  if (body === undefined) {
    return HttpMethod.isHttpMethod(request.method) && HttpMethod.hasBody(request.method)
      ? { ...request, headers: [...headers, "content-type", "application/json"], body: JSON.stringify(fields) }
      : request
  }
  if (typeof body !== "string") return request
  const contentType = named(headers, "content-type") ?? ""
  if (contentType.startsWith("application/x-www-form-urlencoded")) {
    const form = new URLSearchParams(body)
    for (const [name, value] of Object.entries(fields)) form.set(name, value)
    return { ...request, body: form.toString() }
  }
  return isJson.test(contentType) && (body === "" || body.startsWith("{"))
    ? { ...request, body: withMembers(body, fields) }
    : request
}

const isJson = /^[^;]*[/+]json\b/i

/** An encoded object with more members: it is parsed only where it may have one of them already. */
const withMembers = (object: string, fields: Readonly<Record<string, string>>): string => {
  const ours = JSON.stringify(fields)
  if (Object.keys(fields).some((name) => object.includes(JSON.stringify(name)))) {
    return JSON.stringify({ ...JSON.parse(object), ...fields })
  }
  return object === "" || object === "{}" ? ours : `${object.slice(0, -1)},${ours.slice(1)}`
}
