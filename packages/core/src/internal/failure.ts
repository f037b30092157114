/** What something failed with. */
import * as Cause from "effect/Cause"
import * as Exit from "effect/Exit"

/** The first error among the reasons of a cause, if there is one. */
export const failOf = <E>(cause: Cause.Cause<E>): Cause.Fail<E> | undefined => cause.reasons.find(Cause.isFailReason)

/** The error or the defect of what failed; or what it came to, where that is judged as a failure. */
export const errorOf = (exit: Exit.Exit<unknown, unknown>): unknown =>
  Exit.isSuccess(exit) ? exit.value : failOf(exit.cause)?.error ?? Cause.squash(exit.cause)
