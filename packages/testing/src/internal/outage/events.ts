/** What is to happen, in the order of its time; of the same time, in the order in which it was added: a binary heap. */

export class Event {
  readonly at: number
  readonly order: number
  /** Absent once it is cancelled. */
  happens: (() => void) | undefined

  constructor(at: number, order: number, happens: () => void) {
    this.at = at
    this.order = order
    this.happens = happens
  }

  /** It will not happen. Its place is given up when its time comes. */
  cancel(): void {
    this.happens = undefined
  }
}

export class Events {
  private readonly heap: Array<Event> = []
  private added = 0

  add(at: number, happens: () => void): Event {
    const event = new Event(at, this.added++, happens)
    const { heap } = this
    let index = heap.length
    heap.push(event)
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (!isBefore(event, heap[parent]!)) break
      heap[index] = heap[parent]!
      index = parent
    }
    heap[index] = event
    return event
  }

  /** Takes the first that was not cancelled. */
  next(): Event | undefined {
    let event = this.take()
    while (event !== undefined && event.happens === undefined) event = this.take()
    return event
  }

  private take(): Event | undefined {
    const { heap } = this
    const [first] = heap
    const last = heap.pop()
    if (last === undefined || last === first) return first
    let index = 0
    while (true) {
      let child = 2 * index + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++
      if (!isBefore(heap[child]!, last)) break
      heap[index] = heap[child]!
      index = child
    }
    heap[index] = last
    return first
  }
}

const isBefore = (a: Event, b: Event): boolean => a.at < b.at || (a.at === b.at && a.order < b.order)
