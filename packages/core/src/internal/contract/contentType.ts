/** Content types: which of the declared answers one names, and what is close enough. */
import * as Wire from "./wire.ts"

/** An answer as declared. */
export interface Declared {
  /** The media type without parameters; empty for an answer without a body. */
  readonly essence: string
  readonly encoding: Wire.Encoding
}

/**
 * The declared answer that a content type names exactly, else the first that it is close enough to. Without a content
 * type it is the one without a body if the body is empty, else the first with one.
 */
export const select = <A extends Declared>(
  declared: ReadonlyArray<A>,
  contentType: string | undefined,
  isEmpty: boolean
): A | undefined => {
  const first = declared[0]
  if (declared.length === 1 && first !== undefined && (contentType === undefined || first.essence === "")) return first
  const actual = contentType === undefined ? "" : Wire.essence(contentType)
  if (actual === "") return declared.find(({ essence }) => (essence === "") === isEmpty) ?? first
  return declared.find(({ essence }) => essence === actual) ??
    declared.find((one) => isClose(one, actual)) ??
    declared.find(({ essence }) => essence === "" && isEmpty)
}

/** What was declared and what came. */
export const mismatch = (declared: ReadonlyArray<Declared>, contentType: string | undefined): string => {
  const expected = declared.map(({ essence }) => essence === "" ? "no content" : essence).join(" or ")
  return `Expected content type ${expected}, got ${printable(contentType)}`
}

/**
 * JSON is JSON under whichever of its names. Bytes declared as nothing in particular are any bytes, plain text is any text,
 * and what comes as nothing in particular may be the bytes that were declared. A page is never close to anything.
 */
export const isClose = ({ encoding, essence }: Declared, actual: string): boolean => {
  switch (encoding._tag) {
    case "Json":
      return essence !== "" && isJson(actual)
    case "Uint8Array":
      return actual === bytes || (essence === bytes && actual !== page)
    case "Text":
      return essence === "text/plain" && actual.startsWith("text/") && actual !== page
    case "FormUrlEncoded":
      return false
  }
}

const bytes = "application/octet-stream"
const page = "text/html"

const isJson = (essence: string): boolean =>
  essence === "application/json" || essence === "text/json" || essence.endsWith("+json")

/** It came from outside and may hold anything, so only what is known by name is named. */
const printable = (contentType: string | undefined): string => {
  if (contentType === undefined) return "none"
  const actual = Wire.essence(contentType)
  return known.has(actual) ? actual : "one that is not known"
}

const known = new Set([
  bytes,
  page,
  "application/javascript",
  "application/json",
  "application/pdf",
  "application/problem+json",
  "application/x-ndjson",
  "application/x-www-form-urlencoded",
  "application/xml",
  "image/jpeg",
  "image/png",
  "image/svg+xml",
  "multipart/form-data",
  "text/css",
  "text/csv",
  "text/event-stream",
  "text/json",
  "text/plain",
  "text/xml"
])
