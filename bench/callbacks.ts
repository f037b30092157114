// The calls of a contender whose library takes callbacks.
import type { Calls } from "./contender.ts"

/** Told the decoded answer or an `Error`, once per call; before or after the call has returned. */
export type Done = (result: unknown) => void

export const inTurn = (call: (done: Done) => void): Calls => ({ begin, end }) => {
  let calling = false
  let answered = false
  const done: Done = (result) => {
    end(result)
    if (calling) answered = true
    else next()
  }
  const next = (): void => {
    // A loop, because of answers that come before `call` has returned.
    while (begin()) {
      calling = true
      answered = false
      call(done)
      calling = false
      if (!answered) return
    }
  }
  next()
}
