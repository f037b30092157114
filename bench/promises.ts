// The calls of a contender whose library answers with promises: what all of these have in common.
import type { Calls, Contender } from "./contender.ts"

export interface Promises {
  readonly get: (path: string) => Promise<unknown>
  /** Posts an order. */
  readonly post: (path: string) => Promise<unknown>
  /** The pieces of a body. */
  readonly download: (path: string) => Promise<AsyncIterable<Uint8Array>>
  readonly upload: (path: string) => Promise<unknown>
  readonly close: () => Promise<void>
}

/** Awaits one call after the other. */
export const awaiting = (make: () => Promise<unknown>): Calls => async ({ begin, end }) => {
  while (begin()) {
    try {
      end(await make())
    } catch (error) {
      end(error)
    }
  }
}

export const contenderOf = ({ close, download, get, post, upload }: Promises): Contender => {
  const calls = (make: (path: string) => Promise<unknown>, path: string): Calls => awaiting(() => make(path))
  const count = async (path: string) => {
    let bytes = 0
    for await (const chunk of await download(path)) bytes += chunk.byteLength
    return bytes
  }
  return {
    get: calls(get, "/v1/charges/ch_1"),
    getPage: calls(get, "/v1/charges"),
    getFlaky: calls(get, "/v1/flaky/ch_1"),
    post: calls(post, "/v1/charges"),
    download: calls(count, "/v1/export"),
    upload: calls(upload, "/v1/import"),
    close
  }
}
