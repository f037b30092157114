/** Whether the body of a request is larger than may be sent. A stream is not counted. */
import type * as HttpBody from "effect/http/HttpBody"

/** A string is counted in UTF-8, exactly only where it may matter. */
export const isLarger = (body: string | Uint8Array | undefined, limit: number): boolean => {
  if (typeof body !== "string") return body !== undefined && body.length > limit
  return body.length > limit || (body.length * 3 > limit && utf8.encode(body).length > limit)
}

export const isLargerBody = (body: HttpBody.HttpBody, limit: number): boolean => {
  switch (body._tag) {
    case "Uint8Array":
      return isLarger(body.body, limit)
    case "FormData":
      return formSize(body.formData) > limit
    case "Raw":
      return (body.contentLength ?? 0) > limit
    case "Empty":
    case "Stream":
      return false
  }
}

/** Boundary, disposition and content type of one part, about. */
const perPart = 128

const formSize = (form: FormData): number => {
  let size = 0
  for (const [name, value] of form) {
    size += perPart + utf8.encode(name).length
    size += typeof value === "string" ? utf8.encode(value).length : value.size + utf8.encode(value.name).length
  }
  return size
}

const utf8 = new TextEncoder()
