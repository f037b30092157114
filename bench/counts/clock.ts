// A clock that goes on by the same step whenever it is asked, so that what depends on the time does not depend on the
// machine. Nobody who sleeps wakes up: no call here comes to its deadline.
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

const start = 1_700_000_000_000_000_000n
const step = 40_001n

const make = (): Clock.Clock => {
  let nanos = start
  const monotonic = () => (nanos += step)
  const wall = () => nanos += step
  const millis = () => Number(wall() / 1_000_000n)
  return {
    currentTimeMillisUnsafe: millis,
    currentTimeMillis: Effect.sync(millis),
    currentTimeNanosUnsafe: wall,
    currentTimeNanos: Effect.sync(wall),
    monotonicTimeNanosUnsafe: monotonic,
    monotonicTimeNanos: Effect.sync(monotonic),
    sleep: () => Effect.never
  }
}

export const layer = Layer.sync(Clock.Clock, make)
