/**
 * One contract through both implementations: our compiled operations, and Effect's `HttpApiClient` over a client that
 * records the request and answers what it is told.
 */
import { Arbitrary, Cause, Effect, Exit, Schema } from "effect"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiClient from "effect/http-api/HttpApiClient"
import type * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import { compile } from "../src/internal/contract/compile.ts"
import type { Buffered } from "../src/internal/contract/operation.ts"

export interface Sent {
  readonly method: string
  readonly url: string
  /** Sorted; without the length, which belongs to the transport. */
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>
  readonly body: string
}

export interface Answer {
  readonly status: number
  readonly headers?: Record<string, string> | undefined
  readonly body?: string | Uint8Array | undefined
}

export interface Subject {
  readonly name: string
  readonly endpoint: HttpApiEndpoint.Top
  readonly operation: Buffered
  /** What each sends for a request. */
  readonly ours: (request: unknown) => Exit.Exit<Sent, unknown>
  readonly theirs: (request: unknown) => Promise<Exit.Exit<Sent, unknown>>
  /** What each makes of an answer to a request. */
  readonly oursOn: (answer: Answer) => Exit.Exit<unknown, unknown>
  readonly theirsOn: (request: unknown, answer: Answer) => Promise<Exit.Exit<unknown, unknown>>
}

const baseUrl = "https://third.party/base"
const bytes = (body: Answer["body"]): Uint8Array =>
  typeof body === "string" ? new TextEncoder().encode(body) : body ?? new Uint8Array(0)
const text = (body: string | Uint8Array | undefined): string =>
  typeof body === "string" ? body : Buffer.from(body ?? []).toString("latin1")

/** Every ordinary endpoint of a contract. */
export const subjects = (api: HttpApi.Top): ReadonlyArray<Subject> => {
  const endpoints = new Map<string, HttpApiEndpoint.Top>()
  HttpApi.reflect(api, {
    onGroup: () => {},
    onEndpoint: ({ endpoint, group }) => {
      endpoints.set(`${group.identifier}.${endpoint.identifier}`, endpoint)
    }
  })
  const theirs = recorder(api)
  return compile(api).flatMap(({ endpoint, group, operation, topLevel }) => {
    if (operation._tag === "Streamed") return []
    const call = (request: unknown, answer: Answer) =>
      theirs((client) => topLevel ? client[endpoint] : client[group][endpoint], request, answer)
    return [{
      name: operation.name,
      endpoint: endpoints.get(`${group}.${endpoint}`)!,
      operation,
      ours: (request) =>
        Exit.map(Effect.runSyncExit(operation.encode(request)), ({ body, headers, path }) => ({
          method: operation.method,
          url: `${baseUrl}${path}`,
          headers: pairs(headers).toSorted(),
          body: text(body)
        })),
      theirs: async (request) => {
        const { exit, sent } = await call(request, { status: 599 })
        return sent === undefined ? exit as Exit.Exit<never, unknown> : Exit.succeed(sent)
      },
      oursOn: ({ body, headers, status }) =>
        Effect.runSyncExit(operation.decode({ status, headers: lower(headers ?? {}), body: bytes(body) }, undefined)),
      theirsOn: async (request, answer) => (await call(request, answer)).exit
    }]
  })
}

/** Effect's client, called by one test at a time. */
const recorder = (api: HttpApi.Top) => {
  let answer: Answer = { status: 599 }
  let sent: Sent | undefined
  const client = HttpClient.make((request, url) =>
    Effect.sync(() => {
      const { "content-length": _, ...headers } = request.headers
      sent = {
        method: request.method,
        url: url.href,
        headers: Object.entries(headers).toSorted(),
        body: request.body._tag === "Uint8Array" ? text(request.body.text ?? request.body.body) : ""
      }
      const { status } = answer
      const body = answer.body === undefined || status === 204 ? null : bytes(answer.body).slice()
      return HttpClientResponse.fromWeb(request, new Response(body, { status, headers: answer.headers ?? {} }))
    })
  )
  const methods: any = Effect.runSync(
    HttpApiClient.makeWith(api, { httpClient: client, baseUrl }) as Effect.Effect<unknown>
  )
  return async (
    method: (client: any) => (request: unknown) => Effect.Effect<unknown, unknown>,
    request: unknown,
    answering: Answer
  ) => {
    answer = answering
    sent = undefined
    const complete = { params: {}, query: {}, headers: {}, ...request as object }
    const call = Effect.suspend(() => method(methods)(complete))
    const exit = await Effect.runPromiseExit(Effect.provideService(call, HttpClient.TracerPropagationEnabled, false))
    return { exit, sent: sent as Sent | undefined }
  }
}

const pairs = (flat: ReadonlyArray<string>) =>
  flat.flatMap((name, index) => index % 2 === 0 ? [[name, flat[index + 1]!] as const] : [])

const lower = (headers: Record<string, string>) =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))

/** Requests the endpoint's own schemas accept, from a seed. */
export const requests = (endpoint: HttpApiEndpoint.Top, seed: string, count: number): ReadonlyArray<object> => {
  const parts: Record<string, Arbitrary.Arbitrary<unknown>> = {}
  const payloads = Array.from(endpoint.payload.values()).flatMap(({ schemas }) => schemas)
  if (endpoint.params !== undefined) parts.params = Arbitrary.schema(endpoint.params)
  if (endpoint.query !== undefined) parts.query = Arbitrary.schema(endpoint.query)
  if (endpoint.headers !== undefined) parts.headers = Arbitrary.schema(endpoint.headers)
  if (payloads.length > 0) parts.payload = Arbitrary.schema(Schema.Union(payloads))
  return samples(Arbitrary.all(parts), seed, count)
}

export const samples = <A>(arbitrary: Arbitrary.Arbitrary<A>, seed: string, count: number): ReadonlyArray<A> =>
  Effect.runSync(Arbitrary.sampleEffect(arbitrary, { count, size: 8, seed }))

/** The error of a failure, `undefined` for anything else. */
export const failure = (exit: Exit.Exit<unknown, unknown>): any =>
  Exit.isFailure(exit) ? exit.cause.reasons.find(Cause.isFailReason)?.error : undefined
