import { expect, it } from "@effect/vitest"
import { fromError } from "../src/internal/failure.ts"

const coded = (code: string) => Object.assign(new Error("https://secret.example/?key=secret"), { code })
const unsent = { wasSent: false, answered: false }
const sent = { wasSent: true, answered: false }
const answered = { wasSent: true, answered: true }

it.each(
  [
    ["ECONNREFUSED", unsent, "Refused"],
    ["ECONNRESET", unsent, "Reset"],
    ["ECONNRESET", answered, "Reset"],
    ["EPIPE", sent, "Reset"],
    ["ETIMEDOUT", unsent, "ConnectTimeout"],
    ["ETIMEDOUT", sent, "Reset"],
    ["UND_ERR_CONNECT_TIMEOUT", unsent, "ConnectTimeout"],
    ["UND_ERR_SOCKET", sent, "Reset"],
    ["UND_ERR_SOCKET", answered, "Truncated"],
    ["UND_ERR_RES_CONTENT_LENGTH_MISMATCH", answered, "Truncated"],
    ["HPE_INVALID_EOF_STATE", answered, "Truncated"],
    ["HPE_INVALID_CONSTANT", sent, "Other"],
    ["Z_BUF_ERROR", answered, "Truncated"],
    ["Z_DATA_ERROR", answered, "Other"],
    ["ENOTFOUND", unsent, "NameNotResolved"],
    ["EAI_AGAIN", unsent, "NameNotResolved"],
    ["EHOSTUNREACH", unsent, "Other"],
    ["UND_ERR_CLOSED", unsent, "Closed"],
    ["UND_ERR_DESTROYED", unsent, "Closed"],
    ["CERT_HAS_EXPIRED", unsent, "Tls"],
    ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", unsent, "Tls"],
    ["SELF_SIGNED_CERT_IN_CHAIN", unsent, "Tls"],
    ["ERR_TLS_CERT_ALTNAME_INVALID", unsent, "Tls"],
    ["ERR_SSL_WRONG_VERSION_NUMBER", unsent, "Tls"],
    ["EPROTO", unsent, "Tls"]
  ] as const
)("%s is told apart by how far the exchange was, and its message is not kept: %j is %s", (code, progress, kind) => {
  const failure = fromError(coded(code), progress)
  expect(failure).toMatchObject({ _tag: "Transport", kind, code, wasSent: progress.wasSent })
  expect(JSON.stringify(failure) + failure.message).not.toContain("secret")
})

it("an error without a code is Other; of several errors the first counts", () => {
  expect(fromError(new Error("x"), sent)).toMatchObject({ kind: "Other", wasSent: true })
  expect("code" in fromError("x", sent)).toBe(false)
  const several = new AggregateError([coded("ECONNREFUSED"), coded("ENETUNREACH")])
  expect(fromError(several, unsent)).toMatchObject({ kind: "Refused", code: "ECONNREFUSED" })
})

it("headers that are too large are an answer that is too large", () => {
  expect(fromError(coded("UND_ERR_HEADERS_OVERFLOW"), sent)).toMatchObject({ _tag: "ResponseTooLarge", limit: 16_384 })
})
