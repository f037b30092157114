/** The monotonic clock in milliseconds. Intervals are measured with it, so that a step of the wall clock changes nothing. */
import * as Clock from "effect/Clock"
import type * as Fiber from "effect/Fiber"

export const millis = (clock: Clock.Clock): number => Number(clock.monotonicTimeNanosUnsafe()) / 1e6

export const now = (fiber: Fiber.Fiber<unknown, unknown>): number => millis(fiber.getRef(Clock.Clock))
