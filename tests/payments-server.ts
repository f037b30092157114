/**
 * The remote that README and docs talk to: a payment service on a free local port. Whoever runs a block passes
 * `environment` on, so that a block that uses `layerConfig` finds the address and the token where a user would put them.
 * Run as a program it prints them, and serves until it is stopped.
 */
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"

export interface PaymentsServer extends AsyncDisposable {
  readonly environment: Record<string, string>
}

const token = "local-token"
const limit = 100_000

const answers: Record<string, (body: Record<string, unknown>) => readonly [status: number, body: unknown]> = {
  "GET /api/v1/health": () => [200, { status: "up" }],
  "GET /api/v1/charges/ch_1": () => [200, { id: "ch_1", amount: 450, currency: "USD" }],
  "POST /api/v1/charges": (body) =>
    Number(body["amount"]) > limit
      ? [402, { error: { code: "limit_exceeded" } }]
      : [200, { id: "ch_1", ...body }]
}

export const startPaymentsServer = async (): Promise<PaymentsServer> => {
  const server = createServer(async (request, response) => {
    const answer = (status: number, body: unknown): void => {
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body))
    }
    const chunks = await request.toArray()
    const found = answers[`${request.method} ${request.url?.split("?")[0]}`]
    if (found === undefined) return answer(404, { error: "no such path" })
    if (request.headers.authorization !== `Bearer ${token}`) return answer(401, { error: "no token, or a wrong one" })
    const text = Buffer.concat(chunks).toString()
    answer(...found(text === "" ? {} : JSON.parse(text)))
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as AddressInfo
  return {
    environment: { PAYMENTS_BASE_URL: `http://127.0.0.1:${port}/api/v1`, PAYMENTS_TOKEN: token },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    }
  }
}

if (import.meta.main) {
  const { environment } = await startPaymentsServer()
  console.log(Object.entries(environment).map(([name, value]) => `${name}=${value}`).join(" "))
}
