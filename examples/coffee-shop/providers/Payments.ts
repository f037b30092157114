/** The payment provider: charges once per idempotency key, and keeps books. */
import { Fates } from "./Fate.ts"
import * as Schedule from "./Schedule.ts"
import { type Answer, type Request, serve } from "./Server.ts"

export const start = async (seed: number, onPhase: (phase: string) => void) => {
  const fates = new Fates({ phases: Schedule.payments, seed, onPhase })
  const charges: Array<{ readonly orderId: string; readonly amount: number; readonly at: number }> = []
  const answers = new Map<string, Answer>()
  let repetitions = 0

  const charge = ({ amount, orderId, paymentMethod }: Request["body"]): Answer => {
    if (isDeclined(orderId)) return { status: 402, body: { error: { code: declines[paymentMethod] ?? "declined" } } }
    const paymentId = `pay_${charges.length + 1}`
    charges.push({ orderId, amount, at: Date.now() })
    return { status: 200, body: { paymentId, orderId, amount } }
  }

  const server = await serve({
    route: "POST /api/v1/payment",
    fates,
    handle: ({ body, headers }) => {
      if (!/^Bearer ./.test(headers.authorization ?? "")) return { status: 401, body: { error: "no token" } }
      const key = String(headers["idempotency-key"] ?? `none-${charges.length}`)
      const known = answers.get(key)
      if (known !== undefined) repetitions++
      const answer = known ?? charge(body)
      answers.set(key, answer)
      return answer
    }
  })

  return {
    baseUrl: server.baseUrl,
    begin: () => fates.begin(),
    books: () => ({ requests: server.requests(), periods: fates.periods, charges, repetitions })
  }
}

const declines: Record<string, string> = {
  credit_card: "card_declined",
  debit_card: "insufficient_funds",
  gift_card: "gift_card_empty"
}

/** One order in sixteen, always the same ones. */
const isDeclined = (orderId: string): boolean => orderId.endsWith("7")
