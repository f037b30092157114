/**
 * What an error of a command says. The message of an error may repeat what was sent, or where it was sent, with its
 * password: only its code or its name is told.
 */
import * as Data from "effect/Data"
import { RedisError } from "effect/persistence/Redis"

/** There is no connection; the cause is what is known of why. */
export class NotConnected extends Data.TaggedError("NotConnected")<{ readonly cause: unknown }> {}

/** Why Redis did not answer, or did not do as it was asked, in words that anyone may read. */
export const reasonOf = (error: unknown): string => {
  if (error instanceof RedisError || error instanceof NotConnected) return reasonOf(error.cause)
  if (!(error instanceof Error)) return "unknown"
  return codeOfSystem(error) ?? codeOfRedis(error) ?? error.constructor.name
}

/** The code with which Redis refused a command, and only that one: another may well be done. */
export const refusalOf = (error: unknown): string | undefined => {
  const answer = error instanceof RedisError ? error.cause : error
  if (!(answer instanceof Error) || codeOfSystem(answer) !== undefined) return undefined
  const code = codeOfRedis(answer)
  return code === undefined || unusable.has(code) ? undefined : code
}

/** With these Redis says that it does nothing at all, or nothing for us. */
const unusable = new Set(["BUSY", "CLUSTERDOWN", "DENIED", "LOADING", "MASTERDOWN", "NOAUTH", "WRONGPASS"])

/** As `ECONNREFUSED`. */
const codeOfSystem = (error: Error): string | undefined =>
  "code" in error && typeof error.code === "string" && isCode(error.code) ? error.code : undefined

/** As `WRONGTYPE`: the first word of what Redis answered. */
const codeOfRedis = ({ message }: Error): string | undefined => {
  const [first = ""] = message.split(" ")
  return isCode(first) ? first : undefined
}

const isCode = (text: string): boolean => /^[A-Z][A-Z0-9_]{2,63}$/.test(text)
