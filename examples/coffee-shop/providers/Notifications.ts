/** The notification provider: sends mails, or says so. */
import { Fates } from "./Fate.ts"
import * as Schedule from "./Schedule.ts"
import { serve } from "./Server.ts"

export const start = async (seed: number, onPhase: (phase: string) => void) => {
  const fates = new Fates({ phases: Schedule.notifications, seed, onPhase })
  const sent: Array<string> = []
  const server = await serve({
    route: "POST /api/v1/notification",
    fates,
    handle: ({ body, headers }) => {
      if (headers["x-api-key"] === undefined) return { status: 401, body: { error: "no API key" } }
      sent.push(body.orderId)
      return { status: 200, body: { notificationId: `mail_${sent.length}` } }
    }
  })
  return {
    baseUrl: server.baseUrl,
    begin: () => fates.begin(),
    books: () => ({ requests: server.requests(), sent })
  }
}
