// The calls of a contender whose library answers with promises: what all of these have in common.
import type { Call, Contender } from "./contender.ts"

export interface Promises {
  readonly get: (path: string) => Promise<unknown>
  /** Posts an order. */
  readonly post: (path: string) => Promise<unknown>
  /** The pieces of a body. */
  readonly download: (path: string) => Promise<AsyncIterable<Uint8Array>>
  readonly upload: (path: string) => Promise<unknown>
  readonly close: () => Promise<void>
}

export const contenderOf = ({ close, download, get, post, upload }: Promises): Contender => {
  const call = (make: (path: string) => Promise<unknown>, path: string): Call => (done) => {
    make(path).then(done, done)
  }
  const count = async (path: string) => {
    let bytes = 0
    for await (const chunk of await download(path)) bytes += chunk.byteLength
    return bytes
  }
  return {
    get: call(get, "/v1/charges/ch_1"),
    getPage: call(get, "/v1/charges"),
    getFlaky: call(get, "/v1/flaky/ch_1"),
    post: call(post, "/v1/charges"),
    download: call(count, "/v1/export"),
    upload: call(upload, "/v1/import"),
    close
  }
}
