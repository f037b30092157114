/** A payment service on a local port, for examples to talk to; its address is configured unless the environment has one. */
import { Config, ConfigProvider, Effect, Layer, Option } from "effect"
import { createServer, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"

/** Gives `PAYMENTS_BASE_URL` and `PAYMENTS_TOKEN`. The first request for `ch_flaky` fails, none for `ch_slow` is answered. */
export const layer = Layer.unwrap(Effect.gen(function*() {
  if (Option.isSome(yield* Config.option(Config.String("PAYMENTS_BASE_URL")))) return Layer.empty
  const { port } = yield* listening
  return ConfigProvider.layerAdd(ConfigProvider.fromEnvRecord({
    PAYMENTS_BASE_URL: `http://127.0.0.1:${port}/api/v1`,
    PAYMENTS_TOKEN: "local-token"
  }))
}))

const listening = Effect.acquireRelease(
  Effect.sync(() => {
    let asked = 0
    return createServer(async (request, response) => {
      const text = Buffer.concat(await request.toArray()).toString()
      if (request.url?.endsWith("/ch_slow")) return
      if (request.url?.endsWith("/ch_flaky") && ++asked === 1) return answer(response, 503, {})
      answer(response, request.method === "POST" ? 201 : 200, { id: "ch_1", amount: 450, ...JSON.parse(text || "{}") })
    })
  }),
  (server) => Effect.sync(() => void server.close().closeAllConnections())
).pipe(
  Effect.flatMap((server) =>
    Effect.callback<AddressInfo>((resume) =>
      void server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server.address() as AddressInfo)))
    )
  )
)

const answer = (response: ServerResponse, status: number, body: object): void =>
  void response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body))
