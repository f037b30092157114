/** A client without a network: the handlers given, and for every other method a defect that names it. */
import * as Effect from "effect/Effect"
import * as HttpApi from "effect/http-api/HttpApi"

export const make = (id: string, contract: HttpApi.Constraint, handlers: object): object => {
  const client: Record<string, unknown> = {}
  const given = handlers as Readonly<Record<string, Readonly<Record<string, unknown>> | undefined>>
  HttpApi.reflect(contract as HttpApi.Top, {
    onGroup: ({ group }) => {
      if (!group.topLevel) client[group.identifier] = {}
    },
    onEndpoint: ({ endpoint, group }) => {
      const name = group.topLevel ? endpoint.identifier : `${group.identifier}.${endpoint.identifier}`
      const [place, own] = group.topLevel
        ? [client, given[endpoint.identifier]]
        : [client[group.identifier] as Record<string, unknown>, given[group.identifier]?.[endpoint.identifier]]
      place[endpoint.identifier] = own ?? (() => Effect.die(new UnimplementedError(`${id} ${name}`)))
    }
  })
  return client
}

/** A test called a method it gave no handler for. */
class UnimplementedError extends Error {
  constructor(method: string) {
    super(`${method} was called, but the test layer has no handler for it`)
    this.name = "UnimplementedError"
  }
}
