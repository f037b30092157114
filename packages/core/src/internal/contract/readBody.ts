/** Bodies, from bytes to what a schema takes. */
import * as UrlParams from "effect/http/UrlParams"
import type * as Wire from "./wire.ts"

/** The bytes are not what they were declared to be. */
export class Unreadable {
  readonly issue: string
  constructor(issue: string) {
    this.issue = issue
  }
}

/** Never throws. An empty body is no JSON value at all. */
export const read = (
  body: Uint8Array,
  tag: Wire.Encoding["_tag"],
  contentType: string | undefined
): unknown => {
  if (tag === "Uint8Array") {
    // A copy of small bodies, which a transport may have cut out of a buffer that holds other things as well.
    return body.constructor === Uint8Array && body.byteLength === body.buffer.byteLength ? body : Uint8Array.from(body)
  }
  const text = decode(body, tag === "Json" ? undefined : contentType)
  if (text === undefined) return new Unreadable("Expected a body in the declared character set")
  switch (tag) {
    case "Text":
      return text
    case "FormUrlEncoded":
      return UrlParams.toReadonlyRecord(UrlParams.fromInput(new URLSearchParams(text)))
    case "Json":
      if (text === "") return undefined
      try {
        return JSON.parse(text)
      } catch {
        return new Unreadable("Expected a valid JSON body")
      }
  }
}

/** JSON is UTF-8; a text may name another character set. */
const decode = (body: Uint8Array, contentType: string | undefined): string | undefined => {
  const charset = contentType === undefined ? undefined : /;\s*charset\s*=\s*"?([\w-]+)/i.exec(contentType)?.[1]
  try {
    return (charset === undefined ? utf8 : new TextDecoder(charset, { fatal: true })).decode(body)
  } catch {
    return undefined
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true })
