// The remote. It prints its origin when it listens, and ends with the process that started it. All bodies are made
// beforehand, so that it answers as fast as node:http can.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { charge, chunks, page, streamBytes, unavailable } from "./bodies.ts"

type Answer = (response: ServerResponse) => void

const json = (status: number, value: unknown): Answer => {
  const body = Buffer.from(JSON.stringify(value))
  const headers = { "content-type": "application/json", "content-length": body.byteLength }
  return (response) => response.writeHead(status, headers).end(body)
}

const answerCharge = json(200, charge)
const answerPage = json(200, page)
const answerUnavailable = json(503, unavailable)
const answerReceived = json(200, { received: streamBytes })
const answerAccepted = json(200, {})
const answerWrong = json(400, { error: "not what was to be sent" })
const answerUnknown = json(404, { error: "no such path" })

const megabyte = Buffer.concat(chunks)
const answerExport: Answer = (response) =>
  response.writeHead(200, { "content-type": "application/octet-stream", "content-length": streamBytes }).end(megabyte)

/** Answers when the whole body is there. */
const whenReceived = (request: IncomingMessage, response: ServerResponse, answer: (bytes: number) => Answer) => {
  let bytes = 0
  request.on("data", (chunk: Buffer) => {
    bytes += chunk.byteLength
  })
  request.on("end", () => answer(bytes)(response))
}

let flaky = 0
const held: Array<ServerResponse> = []

const get = (path: string, response: ServerResponse): void => {
  if (path === "/v1/charges/ch_1") return answerCharge(response)
  if (path === "/v1/flaky/ch_1") return (++flaky % 10 === 0 ? answerUnavailable : answerCharge)(response)
  if (path === "/v1/charges") return answerPage(response)
  if (path === "/v1/export") return answerExport(response)
  // Calls that are in flight for as long as they are looked at.
  if (path === "/held") return void held.push(response)
  answerUnknown(response)
}

const post = (path: string, request: IncomingMessage, response: ServerResponse): void => {
  if (path === "/v1/charges") {
    return whenReceived(request, response, (bytes) => bytes < 1000 ? answerWrong : answerCharge)
  }
  if (path === "/v1/import") {
    return whenReceived(request, response, (bytes) => bytes === streamBytes ? answerReceived : answerWrong)
  }
  if (path === "/release") {
    for (const waiting of held.splice(0)) answerCharge(waiting)
    return whenReceived(request, response, () => answerAccepted)
  }
  // What is exported by OTLP: /v1/traces, /v1/metrics, /v1/logs.
  whenReceived(request, response, () => answerAccepted)
}

// Connections stay, however long their contender waits for its turn; nothing is timed out.
const server = createServer(
  { keepAliveTimeout: 600_000, requestTimeout: 0, headersTimeout: 0 },
  (request, response) => {
    const [path] = request.url!.split("?", 1)
    if (request.method === "GET") get(path!, response)
    else post(path!, request, response)
  }
)
server.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, () => {
  const address = server.address()
  if (address !== null && typeof address === "object") console.log(`http://127.0.0.1:${address.port}`)
})
process.once("disconnect", () => process.exit())
