/** A script made ready to answer: its counters begin at one each time. */
import type * as Effect from "effect/Effect"
import type { Answer } from "../Answer.ts"
import type { Received } from "../Received.ts"

/** Answers, one request at a time; `undefined` where it has no answer. */
export type Handler = (
  request: Received,
  n: number
) => Answer | undefined | Effect.Effect<Answer | undefined>

/** Scripts by method and path, asked in their order. */
export interface Routes {
  readonly _tag: "Routes"
  readonly table: Readonly<Record<string, Script>>
}

export type Script = Handler | Answer | ReadonlyArray<Answer> | Routes

/** A handler that counts for itself. */
export const compile = (script: Script): (request: Received) => ReturnType<Handler> => {
  let n = 0
  if (typeof script === "function") return (request) => script(request, ++n)
  if (isList(script)) return () => script[n++]
  if (script._tag !== "Routes") return () => script
  const routes = Object.entries(script.table).map(([pattern, inner]) => ({
    match: matcher(pattern),
    answer: compile(inner)
  }))
  return (request) => {
    for (const { answer, match } of routes) {
      const params = match(request)
      if (params !== undefined) return answer(request.withParams(params))
    }
    return undefined
  }
}

const isList = (script: Script): script is ReadonlyArray<Answer> => Array.isArray(script)

/** `METHOD /path/:param/*`, or with an origin before the path; `*` is any method. */
const matcher = (pattern: string): (request: Received) => Record<string, string> | undefined => {
  const [, method, origin, path] = /^(\S+) (https?:\/\/[^/]+)?(\/\S*)$/.exec(pattern) ?? []
  if (method === undefined || path === undefined) {
    throw new TypeError(`TestTransport: "${pattern}" is not a route; write "GET /charges/:id"`)
  }
  const names: Array<string> = []
  const source = path.split("/").map((segment) => {
    if (segment === "*") return ".*"
    if (!segment.startsWith(":")) return segment.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")
    names.push(segment.slice(1))
    return "([^/]+)"
  }).join("/")
  const regex = new RegExp(`^${source}$`)
  return (request) => {
    if (method !== "*" && method !== request.method) return undefined
    if (origin !== undefined && origin !== request.origin) return undefined
    const found = regex.exec(request.path)
    return found === null ? undefined : Object.fromEntries(names.map((name, i) => [name, decode(found[i + 1]!)]))
  }
}

const decode = (segment: string): string => {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}
