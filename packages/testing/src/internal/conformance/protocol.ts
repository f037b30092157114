/** The little protocol a transport is judged by. */
import * as Stream from "effect/Stream"
import * as Answer from "../../Answer.ts"

/** A request as a server has it. */
export interface ProtocolRequest {
  readonly method: string
  /** Absolute, or from the path on. */
  readonly url: string
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | ReadonlyArray<string> | undefined>>
  readonly body: Uint8Array
}

/**
 * What a server of the protocol answers. A function of the request alone.
 *
 * | path             | answer                                                                                 |
 * | ---------------- | -------------------------------------------------------------------------------------- |
 * | `/echo`          | 200, the body as it came; `x-method`, `x-target` (path and query) and `x-echo` as sent |
 * | `/status/:code`  | that status, the body `status :code`                                                   |
 * | `/headers`       | 200, `X-Mixed-Case: Value` and two `set-cookie` headers, `a=1` and `b=2`               |
 * | `/bytes/:n`      | 200, `n` times the letter x, with `content-length`                                     |
 * | `/pieces/:n`     | 200, `n` pieces of 1,000 bytes, their number not announced                             |
 * | `/reset`         | the connection is reset before the headers                                             |
 * | `/reset-in-body` | it is reset after half of the body                                                     |
 * | `/truncated`     | it is closed after half of the body that `content-length` announced                    |
 * | `/hang`          | nothing                                                                                |
 * | `/hang-in-body`  | half of the body, then nothing                                                         |
 * | any other        | 404                                                                                    |
 */
export const protocol = (request: ProtocolRequest): Answer.Answer => {
  const target = request.url.replace(/^[a-z]+:\/\/[^/]*/i, "")
  const [, name, argument] = /^\/([a-z-]+)(?:\/(\d+))?(?:\?|$)/.exec(target) ?? []
  const n = Number(argument)
  switch (name) {
    case "echo":
      return Answer.bytes(200, request.body, {
        "x-method": request.method,
        "x-target": target,
        "x-echo": request.headers["x-echo"] ?? ""
      })
    case "status":
      return Answer.text(n, `status ${n}`)
    case "headers":
      return Answer.text(200, "", { "X-Mixed-Case": "Value", "set-cookie": ["a=1", "b=2"] })
    case "bytes":
      return Answer.text(200, "x".repeat(n), { "content-length": String(n) })
    case "pieces":
      return Answer.stream(200, Stream.map(Stream.range(1, n), () => "x".repeat(1_000)))
    case "reset":
      return Answer.reset
    case "reset-in-body":
      return Answer.resetInBody
    case "truncated":
      return Answer.truncated
    case "hang":
      return Answer.hang
    case "hang-in-body":
      return Answer.hangInBody
    default:
      return Answer.status(404)
  }
}
