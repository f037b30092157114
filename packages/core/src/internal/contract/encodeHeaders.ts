/** Request headers: checked, lower case, flat. */
import { InvalidRequest } from "../../IntegrationError.ts"
import { isToken, isValue } from "../headerSyntax.ts"

type Headers = Readonly<Record<string, string | ReadonlyArray<string> | undefined>>

/** Refuses what could end a header and begin another, and what is no header at all. The value is not repeated. */
export const check = (headers: Headers): InvalidRequest | undefined => {
  for (const name in headers) {
    const value = headers[name]
    if (value === undefined) continue
    if (!isToken(name)) return new InvalidRequest({ issue: "a header name is not a token" })
    if (!isValue(join(value))) {
      return new InvalidRequest({ issue: `header ${name.toLowerCase()} has a character that headers cannot hold` })
    }
  }
  return undefined
}

/** Names and values in turn. A declared `content-type` replaces the one of the body. */
export const flatten = (contentType: string | undefined, headers: Headers): ReadonlyArray<string> => {
  const out: Array<string> = contentType === undefined ? [] : ["content-type", contentType]
  for (const name in headers) {
    const value = headers[name]
    if (value === undefined) continue
    const key = name.toLowerCase()
    const known = out.findIndex((other, index) => index % 2 === 0 && other === key)
    if (known === -1) out.push(key, join(value))
    else out[known + 1] = join(value)
  }
  return out
}

const join = (value: string | ReadonlyArray<string>): string => typeof value === "string" ? value : value.join(", ")
