// What undici can do at best: dispatch with a handler that buffers the body and parses it.
import { Readable } from "node:stream"
import { type Dispatcher, Pool } from "undici"
import { chunks, order } from "../bodies.ts"
import { type Done, inTurn } from "../callbacks.ts"
import type { Open } from "../contender.ts"

const decode = (done: Done): Dispatcher.DispatchHandler => {
  const chunks: Array<Buffer> = []
  return {
    onRequestStart() {},
    onResponseStart() {},
    onResponseData(_, chunk) {
      chunks.push(chunk)
    },
    onResponseEnd() {
      done(JSON.parse((chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)).toString()))
    },
    onResponseError(_, error) {
      done(error)
    }
  }
}

const count = (done: Done): Dispatcher.DispatchHandler => {
  let bytes = 0
  return {
    onRequestStart() {},
    onResponseStart() {},
    onResponseData(_, chunk) {
      bytes += chunk.byteLength
    },
    onResponseEnd() {
      done(bytes)
    },
    onResponseError(_, error) {
      done(error)
    }
  }
}

export const open: Open = (origin, connections) => {
  const pool = new Pool(origin, { connections })
  const get = (path: string, handle: (done: Done) => Dispatcher.DispatchHandler) =>
    inTurn((done) => pool.dispatch({ method: "GET", path }, handle(done)))
  return {
    get: get("/v1/charges/ch_1", decode),
    getPage: get("/v1/charges", decode),
    getFlaky: get("/v1/flaky/ch_1", decode),
    download: get("/v1/export", count),
    post: inTurn((done) => {
      const headers = { "content-type": "application/json" }
      pool.dispatch({ method: "POST", path: "/v1/charges", headers, body: JSON.stringify(order) }, decode(done))
    }),
    upload: inTurn((done) =>
      pool.dispatch({ method: "POST", path: "/v1/import", body: Readable.from(chunks) }, decode(done))
    ),
    close: () => pool.close()
  }
}
