/**
 * Why Redis did not answer, in words that anyone may read. The message of an error may repeat what was sent, or where it
 * was sent, with its password: only its code or its name is told.
 */
export const reasonOf = (error: unknown): string => {
  if (!(error instanceof Error)) return "unknown"
  if ("code" in error && typeof error.code === "string" && isCode(error.code)) return error.code
  if (error.name === "RedisError" && error.cause !== undefined) return reasonOf(error.cause)
  const [first = ""] = error.message.split(" ")
  return isCode(first) ? first : error.constructor.name
}

/** As `ECONNREFUSED` of the system, and `WRONGPASS` of Redis. */
const isCode = (text: string): boolean => /^[A-Z][A-Z0-9_]{2,63}$/.test(text)
