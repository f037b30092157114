// What goes over the wire, for the server and for all contenders alike.

export const charge = {
  id: "ch_1",
  amount: 450,
  currency: "USD",
  status: "succeeded",
  description: "two flat whites, oat milk, to take away"
}

/** What is posted: a JSON document of 1 KiB, and as much where it is encoded as a form. */
export const order = { amount: 450, currency: "USD", description: "flat-white_".repeat(89).slice(0, 972) }

/** A page of charges, 100 KiB of JSON, as Stripe's lists are. */
export const page = { object: "list", has_more: false, data: Array.from({ length: 834 }, () => charge) }

/** What is answered in place of a charge when the remote is in trouble. */
export const unavailable = { error: "unavailable" }

/** A stream of 1 MiB. */
export const chunks: ReadonlyArray<Buffer<ArrayBuffer>> = Array.from({ length: 16 }, () => Buffer.alloc(64 * 1024, "."))
export const streamBytes = 1024 * 1024

/** The same as the standard of the web has it. */
export const webStream = (): ReadableStream<Uint8Array<ArrayBuffer>> => {
  let next = 0
  return new ReadableStream({
    pull(controller) {
      if (next < chunks.length) controller.enqueue(chunks[next++]!)
      else controller.close()
    }
  })
}
