/**
 * Settings that cannot work, refused when a policy or a layer is built: every problem at once, each with the option's name.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

/** One setting that cannot work. */
export const Problem = Schema.Struct({
  /** The option's path, such as `failureRate.window`. */
  option: Schema.String,
  /** What is wrong with it, as the end of a sentence that begins with the option. */
  problem: Schema.String
})
export type Problem = typeof Problem.Type

/** The settings contradict each other or are out of range. */
export class InvalidOptions extends Schema.TaggedError<InvalidOptions>("switchboard/InvalidOptions")("InvalidOptions", {
  problems: Schema.Array(Problem),
  /** Whose they are, such as the id of an integration. */
  subject: Schema.optionalKey(Schema.String)
}) {
  static of(problems: ReadonlyArray<Problem>, subject: string | undefined): InvalidOptions {
    return new InvalidOptions(subject === undefined ? { problems } : { problems, subject })
  }
  override get message(): string {
    const subject = this.subject === undefined ? "" : `${this.subject}: `
    return `${subject}invalid options: ${this.problems.map(({ option, problem }) => `${option} ${problem}`).join("; ")}`
  }
}

/** Fails with all problems, if there are any. */
export const refuse = (problems: ReadonlyArray<Problem>): Effect.Effect<void, InvalidOptions> =>
  problems.length === 0 ? Effect.void : Effect.fail(new InvalidOptions({ problems }))
